"""tpspred fetch-weights"""

import os

import click

from . import options


@click.command("fetch-weights", short_help="Download the weights of an ESM-2.")
@click.argument("name", metavar="NAME")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="File to write.  [default: NAME.pt in the folder TPSPRED_WEIGHTS, or in "
    "the torch hub cache]",
)
@click.option("--sha256", metavar="HEX", help="Checksum that the file must have.")
@click.option("--url", metavar="URL", help="Address to download from.  [default: fair-esm's own]")
@options.messages
def command(name, output, sha256, url):
    """Download the weights of the ESM-2 called NAME: esm2_t6_8M_UR50D, esm2_t12_35M_UR50D, esm2_t30_150M_UR50D,
    esm2_t33_650M_UR50D (2.6 GB), esm2_t36_3B_UR50D or esm2_t48_15B_UR50D.

    The only command that opens a connection. A download that broke off is resumed. The checksum is printed and kept in
    FILE.sha256; a file that is already there is checked and not fetched again.
    """
    from ..console import notify, progress
    from ..encoders import esm2_weights

    if name not in esm2_weights.SIZES and not url:
        raise click.UsageError(
            f"no ESM-2 is called {name}; there are {', '.join(esm2_weights.SIZES)}"
        )
    target = output or str(esm2_weights.home(name))
    if os.path.exists(target):
        checksum = esm2_weights.check(target, sha256)
        notify("%s is already there", target)
    else:
        with progress("bytes received") as advance:
            checksum = esm2_weights.fetch(name, target, sha256, url, advance)
        notify("%s fetched", target)
    click.echo(f"{checksum}  {target}")
