"""The command tpspred prepare."""

import click

from . import options


@click.command("prepare", short_help="Label enzymes from a MARTS-DB export.")
@click.argument("reactions", type=options.INPUT, metavar="REACTIONS")
@options.output("table")
@click.option(
    "--fasta",
    type=options.OUTPUT,
    metavar="FILE",
    help="Also write the sequences to this FASTA file, for tpspred embed.",
)
@options.messages
def command(reactions: str, output: str, fasta: str | None) -> None:
    """Read REACTIONS and write a table with one labelled row per distinct sequence.

    REACTIONS is a MARTS-DB export (CSV), plain or compressed with gzip or xz. Products are assigned
    to the 30 ensembles by their structures. RDKit is needed only for structures that the package
    does not know yet.
    """
    from ..console import notify
    from ..dataset.enzymes import from_reactions, write_enzymes
    from ..dataset.reactions import read_reactions

    enzymes = from_reactions(read_reactions(reactions))
    notify("%d sequences labelled", write_enzymes(enzymes, output, fasta))
