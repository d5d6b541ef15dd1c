"""The command tpspred predict."""

from __future__ import annotations

import collections
import functools
import importlib
import os
from typing import TYPE_CHECKING

import click

from ..writers import FORMATS, ROW_FORMATS
from . import options

if TYPE_CHECKING:
    from ..encoders.runtime import Runtime
    from ..io.shards import Shard
    from ..writers import MakeWriter


@click.command("predict", short_help="Call terpene synthases in a FASTA file of proteins.")
@options.proteins
@click.option(
    "-o",
    "--output",
    type=options.OUTPUT,
    metavar="FILE",
    show_default="standard output, unless another output is named",
    help="Write the calls to this file, in the format that --format names.",
)
@click.option(
    "-f",
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    show_default="tsv",
    help="Format of the output.",
)
@click.option(
    "--tsv",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write the table of all records to this file.",
)
@click.option(
    "--gff3",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write the called proteins with their domains, motifs and metal-binding residues to this "
    "file.",
)
@click.option(
    "--jsonl",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write everything that is known about every record to this file, as JSON lines.",
)
@click.option(
    "--html",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write a page that shows the called proteins to this file.",
)
@click.option(
    "--multiqc",
    metavar="FOLDER",
    help="Write counts for MultiQC to files in this folder, which are named after PROTEINS.",
)
@options.model
@click.option(
    "--all",
    "all_labels",
    is_flag=True,
    help="Add a column of probabilities for every label to the table.",
)
@click.option(
    "--hits-only",
    is_flag=True,
    help="Write to the table and the JSON lines only proteins with the status tps or uncertain. "
    "A message counts the others by status.",
)
@click.option(
    "--neighbours",
    type=click.IntRange(1, 1_000_000),
    default=3,
    show_default=True,
    metavar="N",
    help="Compare each protein with this number of the most similar characterised enzymes. The "
    "table shows only the first.",
)
@click.option(
    "--references",
    type=options.INPUT,
    metavar="FILE",
    help="File with sequences of characterised enzymes: a MARTS-DB export (CSV) or a FASTA file. "
    "Each protein is aligned with its neighbours; the JSON lines and the page show the alignments.",
)
@click.option(
    "--annotation",
    type=options.INPUT,
    metavar="FILE",
    help="Annotation of the genome (GFF3). The features of the GFF3 output are then given in "
    "genome coordinates. A protein is found by the protein_id, ID or Name of its CDS or "
    "transcript.",
)
@click.option(
    "--target-precision",
    type=options.FiniteRange(0, 1),
    metavar="SHARE",
    show_default="probability 0.2",
    help="Call an ensemble from the lowest probability at which this share of its calls on "
    "held-out enzymes was right. At most five ensembles are called for one protein.",
)
@click.option(
    "--coverage",
    type=options.FiniteRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Fill the column ensemble_set with as many ensembles as are needed to contain, on "
    "average, this share of the ensembles of a protein.",
)
@options.language_model
@options.shard
@options.duplicates
@options.strict
@options.threads
@options.messages
def command(
    proteins: str,
    output: str | None,
    output_format: str | None,
    multiqc: str | None,
    model: str | None,
    all_labels: bool,
    hits_only: bool,
    neighbours: int,
    references: str | None,
    annotation: str | None,
    target_precision: float | None,
    coverage: float | None,
    runtime: Runtime,
    shard: Shard | None,
    duplicates: str,
    strict: bool,
    threads: int,
    **file_of: str | None,
) -> None:
    """Call terpene synthases in PROTEINS and write one row per record, in the order of the input.

    PROTEINS is a FASTA file, plain or compressed with gzip or xz, or a store that tpspred embed
    made with the encoder of the model; '-' is standard input.

    The status of a protein is tps (terpene synthase), related (prenyl diphosphate, squalene or
    phytoene synthase), uncertain (there is evidence, but not enough for a call), not_tps, or the
    reason why it could not be scored (empty, internal_stop, too_long, no_known_residue,
    invalid_residue, nucleotide).
    """
    targets = [(name, target) for name in FORMATS if (target := file_of[name])]
    if output or output_format or not (targets or multiqc):
        targets.append((output_format or "tsv", output or "-"))
    if annotation and "gff3" not in dict(targets):
        raise click.UsageError("--annotation is for GFF3: add --gff3 FILE or --format gff3")
    if hits_only and not set(ROW_FORMATS) & set(dict(targets)):
        raise click.UsageError(
            "--hits-only is for the table and JSON lines: add --tsv FILE or --jsonl FILE"
        )
    if hits_only and shard:
        raise click.UsageError("--hits-only: tpspred merge needs a row of every record of a shard")
    if model is None:
        # The bundled model multiplies no large matrices. Threads of numpy that wait for such work
        # would take as much time as it takes to import numpy.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .. import pipeline, writers
    from ..console import notify, progress
    from ..io import files
    from ..io.outputs import make_folder
    from ..model import checkpoint

    predictor = checkpoint.load(model, runtime).with_promises(target_precision, coverage)
    options.check_runtime(runtime, predictor.encoder)
    sequence_of = None
    if references:
        from ..dataset.enzymes import read_enzyme_sequences

        sequence_of = read_enzyme_sequences(references)
    # The table is replaced last: if it is new, all outputs are.
    targets.sort(key=lambda named: named[0] == "tsv")
    outputs = []
    if multiqc:
        from ..writers import multiqc as counts

        outputs += counts.outputs(multiqc, proteins)
    outputs += [
        writers.Output(target, _make_writer(name, all_labels, hits_only, shard, annotation))
        for name, target in targets
    ]
    options.refuse_collisions(
        [output.target for output in outputs],
        options.paths_of(click.get_current_context(), options.INPUT),
    )
    if multiqc:
        make_folder(multiqc)
    if target_precision is not None:
        callable_ensembles = predictor.callable_ensembles()
        notify("%d ensembles reach a precision of %g", len(callable_ensembles), target_precision)
    statuses: collections.Counter[str] = collections.Counter()
    with files.open_input(proteins) as opened, progress("proteins") as advance:
        if opened.is_hdf5 and runtime.given():
            raise click.UsageError(
                "a store contains its vectors already: options of ESM-2 are for FASTA"
            )
        calls = pipeline.predict(
            opened,
            predictor,
            shard,
            duplicates,
            strict,
            threads,
            advance,
            neighbours,
            sequence_of,
        )
        with writers.open_all(outputs, predictor) as write:
            for call in calls:
                write(call)
                statuses[call.status] += 1
    notify("%d proteins scored with %s", statuses.total(), predictor.name)
    if hits_only:
        from ..writers.hits_only import left_out

        notify("%s", left_out(statuses))


def _make_writer(
    name: str, all_labels: bool, hits_only: bool, shard: Shard | None, annotation: str | None
) -> MakeWriter:
    """Return what makes the writer of a format, with the options that are meant for it.

    Args:
        name: Name of the format.
        all_labels: Whether the table has a column for every label.
        hits_only: Whether a format with a row for every record is restricted to hits.
        shard: Shard that the records belong to; the table has their numbers.
        annotation: GFF3 file of the genome on which the features of the GFF3 output lie.
    """
    if hits_only and name in ROW_FORMATS:
        from ..writers import hits_only as hits

        make_writer = _make_writer(name, all_labels, False, shard, annotation)
        return functools.partial(hits.Writer, make_writer=make_writer)
    if name == "tsv":
        from ..writers import tsv

        return functools.partial(tsv.Writer, all_labels=all_labels, shard=shard)
    if name == "gff3":
        from ..writers import gff3
        from ..writers.genome_lift import Annotation

        genome = Annotation(annotation) if annotation else None
        return functools.partial(gff3.Writer, annotation=genome)
    return importlib.import_module(f"..writers.{name}", __package__).Writer
