"""The command tpspred prepare."""

import click

from . import options
from .layout import Command, option


@click.command(
    "prepare",
    cls=Command,
    example="tpspred prepare marts_reactions.csv -o dataset.tsv --fasta enzymes.faa",
)
@click.argument("tables", type=options.INPUT, nargs=-1, required=True, metavar="TABLE...")
@options.output("table")
@option(
    "--fasta",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Also write the sequences to this FASTA file, for tpspred embed.",
)
@options.messages
def command(tables: tuple[str, ...], output: str, fasta: str | None) -> None:
    """Label the enzymes of MARTS-DB, and of tables of your own, with their products.

    The output is one table with a row per distinct sequence. Each TABLE is a MARTS-DB export (CSV)
    or a table of additional enzymes (TSV), plain or compressed with gzip or xz; '-' is standard
    input. The header tells which of the two it is.

    A table of additional enzymes has the columns id, product_types (several are joined with ';'),
    products_smiles_nostereo (structures, joined with '|') and sequence. Further columns may be
    ensembles (';'), which must be those of the structures, tps_classes (';'), and accessions,
    species, kingdom, substrates and products (all '|'). What is not known stays empty. Other
    columns are ignored.

    Products are assigned to the 30 ensembles by their structures. RDKit is needed only for
    structures that the package does not know yet. A sequence of several tables gives one row;
    tables that contradict each other are refused. Proteins that make no terpene do not belong
    here, but to the --negatives of tpspred train.
    """
    options.start()
    from ..console import notify
    from ..dataset.enzymes import write_enzymes
    from ..dataset.tables import describe_tables, merge_tables, read_tables

    enzyme_tables = read_tables(tables)
    for line in describe_tables(enzyme_tables):
        notify("%s", line)
    enzymes = merge_tables(enzyme_tables)
    notify("%d sequences labelled", write_enzymes(enzymes, output, fasta))
