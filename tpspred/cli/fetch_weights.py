"""The command tpspred fetch-weights."""

import os

import click

from . import options


@click.command("fetch-weights", short_help="Download the weights of an ESM-2 model.")
@click.argument("name", metavar="NAME")
@click.option(
    "-o",
    "--output",
    type=options.OUTPUT,
    metavar="FILE",
    show_default="NAME.pt in the folder TPSPRED_WEIGHTS, or in the torch hub cache",
    help="Write the weights to this file.",
)
@click.option(
    "--sha256",
    metavar="HEX",
    show_default="that of the released file, which is known for all but the 15B model",
    help="SHA-256 checksum that the file must have.",
)
@click.option(
    "--url",
    metavar="URL",
    show_default="fair-esm's own",
    help="Download from this address, such as a mirror. It must begin with https:.",
)
@click.option(
    "--allow-http",
    is_flag=True,
    help="Allow --url to begin with http:, where nothing protects the file on its way.",
)
@options.messages
def command(
    name: str, output: str | None, sha256: str | None, url: str | None, allow_http: bool
) -> None:
    """Download the weights of the ESM-2 model called NAME.

    The models are esm2_t6_8M_UR50D, esm2_t12_35M_UR50D, esm2_t30_150M_UR50D, esm2_t33_650M_UR50D
    (2.6 GB), esm2_t36_3B_UR50D and esm2_t48_15B_UR50D.

    This is the only command that uses the internet. A download that was interrupted is resumed, if
    the server still has the same file. The checksum is printed and kept in FILE.sha256, and the
    file is refused if it changes later. A file that is already there is checked and not downloaded
    again.
    """
    from ..console import notify, progress
    from ..encoders import esm2_weights

    if name not in esm2_weights.SIZES:
        raise click.UsageError(
            f"no ESM-2 is called {name}; there are {', '.join(esm2_weights.SIZES)}"
        )
    if sha256 and not esm2_weights.CHECKSUM.fullmatch(sha256.lower()):
        raise click.UsageError(f"--sha256: found {sha256}; wanted 64 hexadecimal digits")
    if allow_http and not url:
        raise click.UsageError("--allow-http is for --url; fair-esm's own address is https:")
    if output == "-":
        raise click.UsageError("-o: weights are not written to standard output")
    target = output or str(esm2_weights.home(name))
    if os.path.exists(target):
        checksum = esm2_weights.adopt(name, target, sha256)
        notify("%s is already there", target)
    else:
        with progress("bytes received") as advance:
            checksum = esm2_weights.fetch(name, target, sha256, url, advance, allow_http)
        notify("%s fetched", target)
    click.echo(f"{checksum}  {target}")
