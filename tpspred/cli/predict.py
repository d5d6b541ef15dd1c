"""tpspred predict"""

import click

from . import options


@click.command("predict", short_help="Call terpene synthases in a protein FASTA.")
@options.proteins
@click.option("-o", "--output", default="-", metavar="FILE", show_default="standard output", help="Table to write.")
@click.option("-m", "--model", metavar="FILE", help="Model file.  [default: the bundled model]")
@click.option("--all", "all_labels", is_flag=True, help="Add a probability column for every label.")
@click.option("--target-precision", type=click.FloatRange(0, 1), metavar="SHARE",
              help="Call an ensemble only where this share of its calls on held-out enzymes was right, 0-1.  [default: the "
                   "threshold of best F1]")
@click.option("--coverage", type=click.FloatRange(0, 1, max_open=True), metavar="SHARE",
              help="Fill the column ensemble_set with as many ensembles as it takes to hold this share of a protein's, 0-1.")
@options.language_model
@options.duplicates
@options.threads
@options.messages
def command(proteins, output, model, all_labels, target_precision, coverage, runtime, duplicates, threads):
    """Call terpene synthases in PROTEINS, one row per record, in order. PROTEINS is FASTA, plain or gzip, or a store of
    tpspred embed by the model's encoder; '-' is standard input.

    Status: tps; related (prenyl diphosphate, squalene and phytoene synthases); uncertain (evidence, but not enough for a
    call); not_tps; or why a record could not be scored (empty, internal_stop, too_long, no_known_residue).
    """
    from .. import checkpoint, files, recipe, records
    from ..console import notify, progress
    from ..writers import tsv
    predictor = checkpoint.load(model, runtime).answering(target_precision, coverage)
    options.check_runtime(runtime, predictor.encoder)
    if files.is_hdf5(proteins):
        if runtime:
            raise click.UsageError("a store holds its vectors already: options of ESM-2 are for FASTA")
        stream, vectors = recipe.from_store(proteins, predictor.encoder)
    else:
        stream, vectors = records.read_fasta(proteins, duplicates), None
        predictor.encoder.ready()
    if target_precision is not None:
        notify("%d ensembles reach a precision of %g", len(predictor.callable_ensembles()), target_precision)
    with progress("proteins") as advance, files.open_text_output(output) as handle:
        calls = predictor.predict(stream, threads, advance, vectors)
        count = tsv.write(calls, handle, predictor.labels if all_labels else ())
    notify("%d proteins scored with %s", count, predictor.name)
