"""tpspred predict"""

import click

from ..writers import FORMATS
from . import options


@click.command("predict", short_help="Call terpene synthases in a protein FASTA.")
@options.proteins
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="File to write in --format.  [default: standard output, unless other outputs are named]",
)
@click.option(
    "-f", "--format", "kind", type=click.Choice(FORMATS), help="Of the output.  [default: tsv]"
)
@click.option("--tsv", metavar="FILE", help="Table to write, whatever else is written.")
@click.option(
    "--gff3",
    metavar="FILE",
    help="Features to write: called proteins, their domains, motifs and metal sites.",
)
@click.option(
    "--jsonl", metavar="FILE", help="JSON lines to write: everything that is known of every record."
)
@click.option("--html", metavar="FILE", help="Page to write: the called proteins, to look at.")
@click.option(
    "--multiqc",
    metavar="FOLDER",
    help="Folder for counts that MultiQC finds, in files named after PROTEINS.",
)
@click.option("-m", "--model", metavar="FILE", help="Model file.  [default: the bundled model]")
@click.option(
    "--all",
    "all_labels",
    is_flag=True,
    help="Add a column of probabilities for every label to the table.",
)
@click.option(
    "--neighbours",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    metavar="N",
    help="How many of the nearest characterised enzymes to compare with; the table shows the first.",
)
@click.option(
    "--references",
    metavar="FILE",
    help="MARTS-DB export (CSV) or FASTA of its enzymes, to align the neighbours with; "
    "shown in JSON lines and the page.",
)
@click.option(
    "--annotation",
    metavar="FILE",
    help="GFF3 of the genome: features of the GFF3 output are given in its coordinates, "
    "through the CDS whose protein_id, ID or Name is the protein's.",
)
@click.option(
    "--target-precision",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Call an ensemble only where this share of its calls on held-out enzymes was right, 0-1.  [default: the "
    "threshold of best F1]",
)
@click.option(
    "--coverage",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Fill the column ensemble_set with as many ensembles as it takes to hold this share of a protein's, 0-1.",
)
@options.language_model
@options.shard
@options.duplicates
@options.threads
@options.messages
def command(
    proteins,
    output,
    kind,
    multiqc,
    model,
    all_labels,
    neighbours,
    references,
    annotation,
    target_precision,
    coverage,
    runtime,
    shard,
    duplicates,
    threads,
    **files_of,
):
    """Call terpene synthases in PROTEINS, one row per record, in order. PROTEINS is FASTA, plain, gzip or xz, or a store of
    tpspred embed by the model's encoder; '-' is standard input.

    Status: tps; related (prenyl diphosphate, squalene and phytoene synthases); uncertain (evidence, but not enough for a
    call); not_tps; or why a record could not be scored (empty, internal_stop, too_long, no_known_residue).
    """
    targets = [(name, files_of[name]) for name in FORMATS if files_of[name]]
    if output or kind or not (targets or multiqc):
        targets.insert(0, (kind or "tsv", output or "-"))
    options.check_targets([target for _, target in targets])
    if annotation and "gff3" not in dict(targets):
        raise click.UsageError("--annotation is for GFF3: add --gff3 FILE or --format gff3")
    from .. import pipeline, writers
    from ..console import notify, progress
    from ..dataset.enzymes import read_enzyme_sequences
    from ..encoders.representations import represent_records, represent_rows
    from ..io import files
    from ..io.fasta import read_fasta
    from ..model import checkpoint
    from ..writers import multiqc as counts
    from ..writers.genome_lift import Annotation

    predictor = checkpoint.load(model, runtime).with_targets(target_precision, coverage)
    encoder, feature_names = predictor.encoder, predictor.feature_names
    options.check_runtime(runtime, encoder)
    if files.is_hdf5(proteins):
        if runtime.given():
            raise click.UsageError(
                "a store holds its vectors already: options of ESM-2 are for FASTA"
            )
        _, (table,) = pipeline.read_stores([proteins], encoder)
        rows = shard.select(range(len(table))) if shard else range(len(table))
        batches = represent_rows(table, rows, encoder, feature_names, threads)
    else:
        encoder.ready()
        records = read_fasta(proteins, duplicates)
        records = shard.select(records) if shard else records
        batches = represent_records(records, encoder, feature_names, threads)
    sequence_of = read_enzyme_sequences(references) if references else None
    writer_options = {
        "tsv": {"all_labels": all_labels, "shard": shard},
        "gff3": {"annotation": Annotation(annotation) if annotation else None},
    }
    outputs = [(name, target, writer_options.get(name, {})) for name, target in targets]
    if multiqc:
        files.make_folder(multiqc)
        outputs += counts.targets(multiqc, proteins)
    if target_precision is not None:
        callable_ensembles = predictor.callable_ensembles()
        notify("%d ensembles reach a precision of %g", len(callable_ensembles), target_precision)
    count = 0
    with progress("proteins") as advance, writers.open_all(outputs, predictor) as write:
        calls = predictor.calls(batches, advance, neighbours, sequence_of)
        for count, call in enumerate(calls, 1):
            write(call)
    notify("%d proteins scored with %s", count, predictor.name)
