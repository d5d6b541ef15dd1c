"""The command tpspred annotate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import options

if TYPE_CHECKING:
    from ..encoders.runtime import Runtime


@click.command("annotate", short_help="Add calls to the annotation of a genome (GFF3).")
@click.argument("genome", type=options.INPUT, metavar="GENOME")
@click.option(
    "-p",
    "--proteins",
    type=options.INPUT,
    required=True,
    metavar="FILE",
    help="The proteins of the genome: a FASTA file, plain or compressed with gzip or xz, or a "
    "store that tpspred embed made with the encoder of the model; '-' is standard input.",
)
@click.option(
    "-o",
    "--output",
    type=options.OUTPUT,
    default="-",
    metavar="FILE",
    show_default=options.STANDARD_OUTPUT,
    help="Write the annotation to this file.",
)
@click.option(
    "--replace-product",
    is_flag=True,
    help="Replace the attribute product of a called protein. It is kept otherwise.",
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
    """Add what is called to GENOME, an annotation in GFF3, and change nothing else in it.

    The mRNA (or transcript) and the CDS of a called protein (status tps, related or uncertain) get
    the attributes Dbxref (EC, Rhea, ChEBI), Ontology_term (GO) and product, as far as they are
    known. A protein is found by the protein_id, ID or Name of its CDS or transcript. GENOME may be
    compressed; the output is not. '-' is standard input.
    """
    from .. import pipeline
    from ..console import notify, progress
    from ..io import files
    from ..io.outputs import atomic_path
    from ..model import checkpoint
    from ..writers.genome_annotation import annotate

    predictor = checkpoint.load(model, runtime)
    options.check_runtime(runtime, predictor.encoder)
    content = files.read_bytes(genome)
    with files.open_input(proteins) as opened, progress("proteins") as advance:
        calls = pipeline.predict(opened, predictor, threads=threads, progress=advance)
        lines = list(annotate(content, genome, calls, replace_product))
    with atomic_path(output) as path:
        path.write_bytes(b"".join(lines))
    changed = sum(new != old for new, old in zip(lines, content.splitlines(keepends=True)))
    notify("%d lines of %s annotated with %s", changed, genome, predictor.name)
