"""The command tpspred annotate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import options
from .layout import Command, option

if TYPE_CHECKING:
    from ..encoders.runtime import Runtime


@click.command(
    "annotate",
    cls=Command,
    example="tpspred annotate genome.gff3 --proteins proteins.faa -o annotated.gff3",
)
@options.input_argument("genome", "GENOME", "Annotation of a genome (GFF3)")
@option(
    "-p",
    "--proteins",
    group="input",
    type=options.INPUT,
    required=True,
    metavar="FILE",
    help="Proteins of the genome: a FASTA file, plain or compressed with gzip or xz, or a store "
    "that tpspred embed made with the encoder of the model; '-' is standard input.",
)
@option(
    "-o",
    "--output",
    group="output",
    type=options.OUTPUT,
    default="-",
    metavar="FILE",
    show_default=options.STANDARD_OUTPUT,
    help="Write the annotation with the calls to this file (GFF3).",
)
@option(
    "--replace-product",
    group="output",
    is_flag=True,
    help="Replace the attribute product of a called protein. Otherwise a product that is there is "
    "kept.",
)
@options.model
@options.language_model
@options.threads
@options.messages
def command(
    genome: str,
    proteins: str,
    output: str,
    replace_product: bool,
    model: str | None,
    runtime: Runtime,
    threads: int,
) -> None:
    """Add the calls to the annotation of a genome (GFF3).

    GENOME is the annotation, plain or compressed with gzip or xz; '-' is standard input. The mRNA
    (or transcript) and the CDS of a called protein (status tps, related or uncertain) get the
    attributes Dbxref (EC, Rhea, ChEBI), Ontology_term (GO) and product, as far as they are known.
    Nothing else is changed. A protein is found by the protein_id, ID or Name of its CDS or
    transcript.
    """
    options.start()
    from .. import pipeline
    from ..console import notify, progress
    from ..io import files
    from ..io.outputs import atomic_path
    from ..writers.genome_annotation import annotate

    content = files.read_bytes(genome)
    predictor = options.load_model(model, runtime)
    with files.open_input(proteins) as opened, progress("proteins") as advance:
        calls = pipeline.predict(opened, predictor, threads=threads, progress=advance)
        lines = list(annotate(content, genome, calls, replace_product))
    with atomic_path(output) as path:
        path.write_bytes(b"".join(lines))
    changed = sum(new != old for new, old in zip(lines, content.splitlines(keepends=True)))
    notify("%d lines of %s annotated with %s", changed, genome, predictor.name)
