"""tpspred prepare"""

import click

from . import options


@click.command("prepare", short_help="Label enzymes from a MARTS-DB export.")
@click.argument("reactions", metavar="REACTIONS")
@options.output("Table")
@click.option("--fasta", metavar="FILE", help="Also write the sequences, for tpspred embed.")
@options.messages
def command(reactions, output, fasta):
    """Read REACTIONS, a MARTS-DB export (CSV, plain, gzip or xz), and write one labelled row per distinct sequence.

    Products are assigned to the 30 ensembles by their structures. RDKit is needed only for structures that the package
    has not seen.
    """
    from ..console import notify
    from ..dataset import reactions as dataset

    enzymes = dataset.from_reactions(dataset.read_reactions(reactions))
    notify("%d sequences labelled", dataset.write(enzymes, output))
    if fasta:
        dataset.write_fasta(enzymes, fasta)
