"""tpspred predict"""

import click

from . import options


@click.command("predict", short_help="Call terpene synthases in a protein FASTA.")
@options.proteins
@click.option("-o", "--output", default="-", metavar="FILE", show_default="standard output", help="Table to write.")
@click.option("-m", "--model", metavar="FILE", help="Model file.  [default: the bundled model]")
@click.option("--all", "all_labels", is_flag=True, help="Add a probability column for every label.")
@options.duplicates
@options.threads
@options.messages
def command(proteins, output, model, all_labels, duplicates, threads):
    """Call terpene synthases in PROTEINS (FASTA, plain or gzip, '-' for standard input), one row per record, in order.

    Status: tps; related (prenyl diphosphate, squalene and phytoene synthases); uncertain (evidence, but not enough for a
    call); not_tps; or why a record could not be scored (empty, internal_stop, too_long, no_known_residue).
    """
    from .. import checkpoint, files, records
    from ..console import notify, progress
    from ..writers import tsv
    predictor = checkpoint.load(model)
    with progress("proteins") as advance, files.open_text_output(output) as handle:
        calls = predictor.predict(records.read_fasta(proteins, duplicates), threads, advance)
        count = tsv.write(calls, handle, predictor.labels if all_labels else ())
    notify("%d proteins scored with %s", count, predictor.name)
