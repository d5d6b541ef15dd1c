"""The commands tpspred fetch-weights and fetch-data, which alone open connections."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from ..console import notify, progress
from . import options
from .layout import Command, option

if TYPE_CHECKING:
    from click.decorators import FC

    from ..io.published import PublishedFile

EXPORT_NAME = "marts_reactions.csv"


def download_options(what: str, target: str, address: str, checksum: str) -> Callable[[FC], FC]:
    """Return a decorator that adds -o, --sha256, --url and --allow-http.

    Args:
        what: What is downloaded, such as ``weights``.
        target: Default of -o, as --help shows it.
        address: Default of --url, as --help shows it.
        checksum: Default of --sha256, as --help shows it.
    """
    decorators = (
        option(
            "-o",
            "--output",
            group="output",
            type=options.OUTPUT,
            metavar="FILE",
            show_default=target,
            help=f"Write the {what} to this file.",
        ),
        option(
            "--sha256",
            group="download",
            metavar="HEX",
            show_default=checksum,
            help="SHA-256 checksum that the file must have.",
        ),
        option(
            "--url",
            group="download",
            metavar="URL",
            show_default=address,
            help="Download from this address, such as a mirror. It must begin with https:.",
        ),
        option(
            "--allow-http",
            group="download",
            is_flag=True,
            help="Allow --url to begin with http:, where nothing protects the file on its way.",
        ),
    )

    def decorate(function: FC) -> FC:
        for add_option in reversed(decorators):
            function = add_option(function)
        return function

    return decorate


@click.command("fetch-weights", cls=Command, example="tpspred fetch-weights esm2_t33_650M_UR50D")
@click.argument("name", metavar="NAME")
@download_options(
    "weights",
    target="NAME.pt in the folder TPSPRED_WEIGHTS, or in the torch hub cache",
    address="fair-esm's own",
    checksum="that of the released file, which is known for all but the 15B model",
)
@options.messages
def fetch_weights(
    name: str, output: str | None, sha256: str | None, url: str | None, allow_http: bool
) -> None:
    """Download the weights of an ESM-2 model.

    NAME is one of esm2_t6_8M_UR50D, esm2_t12_35M_UR50D, esm2_t30_150M_UR50D, esm2_t33_650M_UR50D
    (2.6 GB), esm2_t36_3B_UR50D and esm2_t48_15B_UR50D.

    Only this command and fetch-data use the internet. A download that was interrupted is resumed,
    if the server still has the same file. The checksum is printed and kept in FILE.sha256, and the
    file is refused if it changes later. A file that is already there is checked and not downloaded
    again.
    """
    from ..encoders import esm2_weights

    if name not in esm2_weights.SIZES:
        raise click.UsageError(
            f"no ESM-2 is called {name}; there are {', '.join(esm2_weights.SIZES)}"
        )
    _check_usage("weights are", output, sha256, url, allow_http)
    options.start()
    target = output or str(esm2_weights.home(name))
    _fetch_once(esm2_weights.released(name), target, sha256, url, allow_http)


@click.command("fetch-data", cls=Command, example="tpspred fetch-data -o marts_reactions.csv")
@download_options(
    "export",
    target=EXPORT_NAME,
    address="the export of October 2025 on GitHub",
    checksum="that of the first download, because none is published",
)
@options.messages
def fetch_data(output: str | None, sha256: str | None, url: str | None, allow_http: bool) -> None:
    """Download the MARTS-DB export that tpspred prepare reads.

    The export is a table of characterised enzymes and their reactions. By default it is the one of
    October 2025 (2.5 MB) that the repository ah474747/terpene-synthase-classification on GitHub
    keeps, at a commit that cannot change.

    Only this command and fetch-weights use the internet. A download that was interrupted is
    resumed, if the server still has the same file. The checksum is printed and kept in FILE.sha256;
    give it as --sha256 to get the same file elsewhere. A file that is already there is checked and
    not downloaded again.
    """
    from ..dataset.published_export import EXPORT

    _check_usage("the export is", output, sha256, url, allow_http)
    options.start()
    _fetch_once(EXPORT, output or EXPORT_NAME, sha256, url, allow_http)


def _check_usage(
    what: str, output: str | None, sha256: str | None, url: str | None, allow_http: bool
) -> None:
    """Refuse options that make no sense.

    Args:
        what: What is downloaded, with its verb, such as ``weights are``.
        output: Value of -o.
        sha256: Value of --sha256.
        url: Value of --url.
        allow_http: Whether --allow-http was given.

    Raises:
        click.UsageError: If there are any.
    """
    from ..io.published import CHECKSUM

    if sha256 and not CHECKSUM.fullmatch(sha256.lower()):
        raise click.UsageError(f"--sha256: found {sha256}; wanted 64 hexadecimal digits")
    if allow_http and not url:
        raise click.UsageError("--allow-http is for --url; the address without it is https:")
    if output == "-":
        raise click.UsageError(f"-o: {what} not written to standard output")


def _fetch_once(
    published: PublishedFile, target: str, sha256: str | None, url: str | None, allow_http: bool
) -> None:
    """Download a file unless it is already there, check it, and print its checksum."""
    from ..io.published import adopt, fetch

    if os.path.exists(target):
        checksum = adopt(published, target, sha256)
        notify("%s is already there", target)
    else:
        with progress("bytes received") as advance:
            checksum = fetch(published, target, sha256, url, advance, allow_http)
        notify("%s fetched", target)
    click.echo(f"{checksum}  {target}")
