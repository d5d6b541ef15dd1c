"""The command tpspred predict."""

from __future__ import annotations

import collections
import contextlib
import functools
import importlib
import itertools
import os
import pathlib
import shlex
import sys
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from ..writers import ENDINGS, FORMATS, ROW_FORMATS
from ..writers.loci import MAX_GENES_BETWEEN, Nearness
from . import options
from .layout import Command, option

if TYPE_CHECKING:
    from ..encoders.runtime import Runtime
    from ..io.files import OpenInput
    from ..io.shards import Shard
    from ..writers import MakeWriter
    from ..writers.gaf import Columns

MAX_DISTANCE = 10**12  # bases or genes; no genome is larger


@click.command(
    "predict",
    cls=Command,
    example=(
        "tpspred predict proteins.faa > calls.tsv",
        "tpspred predict proteins.faa --tsv calls.tsv --html calls.html --gff3 calls.gff3",
    ),
)
@options.protein_files
@option(
    "-o",
    "--output",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    show_default="standard output, unless another output is named",
    help=f"Write the calls to this file. Its ending tells the format ({', '.join(ENDINGS)}); with "
    "any other ending it is a table.",
)
@option(
    "-f",
    "--format",
    "output_format",
    group="output",
    type=click.Choice(FORMATS),
    show_default="that of the ending of -o, or tsv",
    help="Format of the output.",
)
@option(
    "--tsv",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write a table with a row for every record (TSV).",
)
@option(
    "--gff3",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write the called proteins with their domains, motifs and metal-binding residues (GFF3).",
)
@option(
    "--jsonl",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write everything that is known about every record (JSON lines).",
)
@option(
    "--html",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write a page that shows the called proteins in a browser (HTML).",
)
@option(
    "--gaf",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write the functions of the called synthases as GO terms (GAF 2.2). Needs --taxon.",
)
@option(
    "--multiqc",
    group="output",
    metavar="FOLDER",
    show_default="not written",
    help="Write counts for MultiQC to files in this folder. They are named after PROTEINS if that "
    "is one file.",
)
@option(
    "--summary",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write a table with one row per file of PROTEINS: number of proteins by status, and of "
    "terpene synthases by product type and ensemble.",
)
@option(
    "--all",
    "all_labels",
    group="output",
    is_flag=True,
    help="Add a column of probabilities (0-1) for every label to the table.",
)
@option(
    "--source",
    "name_source",
    group="output",
    is_flag=True,
    show_default="if there are several files",
    help="Add the file of PROTEINS that a record is from to the table, the JSON lines and GFF3.",
)
@option(
    "--hits-only",
    group="output",
    is_flag=True,
    help="Write only proteins with the status tps, related or uncertain to the table and the JSON "
    "lines. A message counts the others by status.",
)
@options.model
@option(
    "--neighbours",
    group="model",
    type=click.IntRange(1, 1_000_000),
    default=3,
    show_default=True,
    metavar="N",
    help="Number of the most similar characterised enzymes to show for each protein. The table "
    "has only the first.",
)
@option(
    "--references",
    group="input",
    type=options.INPUT,
    metavar="FILE",
    help="Sequences of characterised enzymes: a MARTS-DB export (CSV), or FASTA with MARTS-DB ids "
    "or accessions. The JSON lines and the page then show each called protein aligned with its "
    "neighbours.",
)
@option(
    "--annotation",
    group="genome",
    type=options.INPUT,
    multiple=True,
    metavar="FILE",
    help="Annotation of the genome (GFF3). The GFF3 output is then in genome coordinates and, "
    "without --shard, a column locus_group shows which terpene synthases (tps or uncertain) are "
    "close to each other. A protein is found by the protein_id, ID or Name of its CDS or "
    "transcript. For several files of PROTEINS, give the option once for each, in the same order.",
)
@option(
    "--locus-genes",
    group="genome",
    type=click.IntRange(0, MAX_DISTANCE),
    metavar="N",
    show_default="10, or no limit if --locus-distance is given",
    help="Put two terpene synthases into one locus_group if at most this number of other "
    "protein-coding genes lie between theirs. Isoforms of a gene are one gene.",
)
@option(
    "--locus-distance",
    group="genome",
    type=click.IntRange(0, MAX_DISTANCE),
    metavar="N",
    show_default="no limit",
    help="Put two terpene synthases into one locus_group if at most this number of bases lie "
    "between their genes. With --locus-genes, either of both suffices.",
)
@option(
    "--target-precision",
    group="model",
    type=options.FiniteRange(0, 1),
    metavar="SHARE",
    show_default="call from a probability of 0.2",
    help="Choose the thresholds of the ensembles so that this share (0-1) of the calls on "
    "held-out enzymes was right. At most five ensembles are called for one protein.",
)
@option(
    "--coverage",
    group="model",
    type=options.FiniteRange(0, 1, max_open=True),
    metavar="SHARE",
    show_default="the column stays empty",
    help="Fill the column ensemble_set with the likeliest ensembles, so many that on average they "
    "contain this share (0-1) of the ensembles that a protein makes.",
)
@options.gaf_columns
@options.language_model
@options.shard
@options.duplicates
@options.strict
@options.threads
@options.messages
def command(
    proteins: tuple[str, ...],
    output: str | None,
    output_format: str | None,
    multiqc: str | None,
    summary: str | None,
    model: str | None,
    all_labels: bool,
    name_source: bool,
    hits_only: bool,
    neighbours: int,
    references: str | None,
    annotation: tuple[str, ...],
    locus_genes: int | None,
    locus_distance: int | None,
    target_precision: float | None,
    coverage: float | None,
    gaf_columns: Columns | None,
    runtime: Runtime,
    shard: Shard | None,
    duplicates: str,
    strict: bool,
    threads: int,
    **file_of: str | None,
) -> None:
    """Find terpene synthases among proteins and predict their products.

    PROTEINS are FASTA files, plain or compressed with gzip or xz; '-' is standard input. They can
    also be stores that tpspred embed made with the encoder of the model. The output has one row per
    record, in the order of the input. Records of several files are told apart by the column source.

    The status of a protein is tps (terpene synthase), related (prenyl diphosphate, squalene or
    phytoene synthase), uncertain (there is evidence, but not enough for a call), not_tps, or the
    reason why it could not be scored (empty, internal_stop, too_long, no_known_residue,
    invalid_residue, nucleotide).
    """
    targets = [(name, target) for name in FORMATS if (target := file_of[name])]
    if output or output_format or not (targets or multiqc or summary):
        targets.append((format_of(output, output_format), output or "-"))
    if gaf_columns is None and "gaf" in dict(targets):
        raise click.UsageError(
            "--gaf needs --taxon N, the number of the species in NCBI Taxonomy, such as 3702"
        )
    if gaf_columns is not None and "gaf" not in dict(targets):
        raise click.UsageError("--taxon is for a GO annotation file: add --gaf FILE")
    if len(set(proteins)) < len(proteins):
        twice = next(source for source in proteins if proteins.count(source) > 1)
        raise click.UsageError(f"found the input {twice} twice; wanted each once")
    grouped = bool(annotation) and shard is None
    _check_annotation(len(proteins), len(annotation), grouped, set(dict(targets)))
    if (locus_genes, locus_distance) == (None, None):
        locus_genes = MAX_GENES_BETWEEN
    elif not grouped:
        raise click.UsageError(
            "--locus-genes and --locus-distance need --annotation, and all records in one run"
        )
    if hits_only and not set(ROW_FORMATS) & set(dict(targets)):
        raise click.UsageError(
            "--hits-only is for the table and JSON lines: add --tsv FILE or --jsonl FILE"
        )
    if hits_only and shard:
        raise click.UsageError("--hits-only: tpspred merge needs a row of every record of a shard")
    options.start()
    if model is None:
        # The bundled model multiplies no large matrices. Threads of numpy that wait for such work
        # would take as much time as it takes to import numpy.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from .. import pipeline, writers
    from ..console import notify, progress, warn
    from ..io.outputs import make_folder
    from ..writers.places import placed

    # The table is replaced last: if it is new, all outputs are.
    targets.sort(key=lambda named: named[0] == "tsv")
    several = len(proteins) > 1
    wanted = {"source": several or name_source, "locus_group": grouped}
    place_columns = [column for column in wanted if wanted[column]]
    outputs = []
    if multiqc:
        from ..writers import multiqc as counts

        outputs += counts.outputs(multiqc, proteins)
    if summary:
        from ..writers.summary import Writer

        outputs.append(writers.Output(summary, functools.partial(Writer, sources=proteins)))
    options_of: dict[str, dict[str, object]] = {
        "tsv": {"all_labels": all_labels, "shard": shard, "place_columns": place_columns},
        "gff3": {"on_genome": bool(annotation), "place_columns": place_columns},
        "jsonl": {"place_columns": place_columns},
        "html": {
            "sources": proteins,
            "command": shlex.join(["tpspred", *sys.argv[1:]]),
            "place_columns": place_columns,
        },
        "gaf": {"columns": gaf_columns},
    }
    outputs += [
        writers.Output(target, _make_writer(name, options_of[name], hits_only))
        for name, target in targets
    ]
    options.refuse_collisions(
        [output.target for output in outputs],
        options.paths_of(click.get_current_context(), options.INPUT),
    )
    if multiqc:
        make_folder(multiqc)
    sequence_of = None
    if references:
        from ..dataset.enzymes import read_enzyme_sequences

        sequence_of = read_enzyme_sequences(references)
    if annotation and shard:
        warn("no locus_group: genes that are neighbours are in different shards")
    statuses: collections.Counter[str] = collections.Counter()
    called = aligned = 0  # called proteins, and those aligned with a neighbour
    nearness = Nearness(locus_genes, locus_distance) if grouped else None
    with contextlib.closing(_open_in_turn(proteins, runtime)) as inputs:
        first = next(inputs)  # before the model is loaded, and any output opened
        predictor = options.load_model(model, runtime).with_promises(target_precision, coverage)
        if target_precision is not None:
            reached = len(predictor.callable_ensembles())
            notify("%d ensembles reach a precision of %g", reached, target_precision)
        with progress("proteins") as advance, writers.open_all(outputs, predictor) as write:
            calls = pipeline.predict_each(
                itertools.chain([first], inputs),
                predictor,
                shard,
                duplicates,
                strict,
                threads,
                advance,
                neighbours,
                sequence_of,
            )
            for call, place in placed(calls, dict(zip(proteins, annotation)), nearness):
                write(call, place)
                statuses[call.status] += 1
                called += call.is_called
                aligned += any(neighbour.alignment for neighbour in call.neighbours)
    if references and called and not aligned:
        warn(
            "no alignments: no sequence of %s has the id or accession of a neighbour of a called "
            "protein",
            references,
        )
    of_files = f" of {len(proteins)} files" if several else ""
    noun = "protein" if statuses.total() == 1 else "proteins"
    notify("%d %s%s scored with %s", statuses.total(), noun, of_files, predictor.name)
    if hits_only:
        from ..writers.hits_only import left_out

        notify("%s", left_out(statuses))


def format_of(target: str | None, named: str | None = None) -> str:
    """Return the format of an output: the one that its ending or the user names.

    Args:
        target: Path of the output, or None.
        named: Format that the user names, or None.

    Raises:
        click.UsageError: If the ending is that of another format.

    >>> format_of("calls.HTML"), format_of("calls.txt"), format_of(None, "gaf")
    ('html', 'tsv', 'gaf')
    """
    ending = pathlib.PurePath(target or "").suffix.lower()
    usual = ENDINGS.get(ending)
    if named and usual and named != usual:
        raise click.UsageError(
            f"found --format {named} for {target}, whose ending is that of {usual}; wanted one "
            "format"
        )
    return named or usual or "tsv"


def _check_annotation(inputs: int, annotations: int, grouped: bool, formats: set[str]) -> None:
    """Refuse annotations that would change nothing, or that do not fit the inputs.

    Args:
        inputs: Number of inputs.
        annotations: Number of annotations.
        grouped: Whether the table, the page and the JSON lines show groups of neighbouring genes.
        formats: Formats of the outputs.

    Raises:
        click.UsageError: If there are such annotations.
    """
    if not annotations:
        return
    if annotations != inputs:
        raise click.UsageError(
            f"found --annotation {annotations} times for {inputs} files of proteins; wanted one "
            "for each, in the same order"
        )
    if not grouped and "gff3" not in formats:
        raise click.UsageError(
            "--annotation is for GFF3 if there is a --shard: add --gff3 FILE or --format gff3"
        )
    if not formats & {*ROW_FORMATS, "html", "gff3"}:
        raise click.UsageError(
            "--annotation is for the table, the page, JSON lines and GFF3: add --tsv, --html, "
            "--jsonl or --gff3 FILE"
        )


def _open_in_turn(sources: Sequence[str], runtime: Runtime) -> Generator[OpenInput, None, None]:
    """Open the inputs one after the other, each when the one before it is done.

    Raises:
        click.UsageError: If one is a store and options of ESM-2 are given.
    """
    from ..io import files

    for source in sources:
        with files.open_input(source) as opened:
            if opened.is_hdf5 and runtime.given():
                raise click.UsageError(
                    "a store contains its vectors already: options of ESM-2 are for FASTA"
                )
            yield opened


def _make_writer(name: str, arguments: Mapping[str, object], hits_only: bool) -> MakeWriter:
    """Return what makes the writer of a format, with the arguments that are meant for it.

    Args:
        name: Name of the format.
        arguments: What its constructor takes beside the stream and the model.
        hits_only: Whether a format with a row for every record is restricted to hits.
    """
    module = importlib.import_module(f"..writers.{name}", __package__)
    make_writer = functools.partial(module.Writer, **arguments)
    if hits_only and name in ROW_FORMATS:
        from ..writers import hits_only as hits

        return functools.partial(hits.Writer, make_writer=make_writer)
    return make_writer
