"""The command tpspred explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import options
from .layout import Command, option

if TYPE_CHECKING:
    from ..encoders.runtime import Runtime


@click.command(
    "explain",
    cls=Command,
    example="tpspred explain proteins.faa --id protein_7 -o effects.tsv",
)
@options.proteins
@option(
    "--id",
    "name",
    group="input",
    required=True,
    metavar="ID",
    help="ID of the protein to explain: the first word of its header.",
)
@option(
    "--label",
    group="model",
    metavar="GROUP:NAME",
    show_default="the most likely ensemble",
    help="Label to explain, such as ensemble:mono_pinene or is_tps:terpene_synthase.",
)
@option(
    "--top",
    group="output",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="Number of residues, and of features, to show: those with the largest effect.",
)
@option(
    "-o",
    "--output",
    group="output",
    type=options.OUTPUT,
    default="-",
    metavar="FILE",
    show_default=options.STANDARD_OUTPUT,
    help="Write the table to this file (TSV).",
)
@options.model
@options.language_model
@options.threads
@options.messages
def command(
    proteins: str,
    name: str,
    label: str | None,
    top: int,
    output: str,
    model: str | None,
    runtime: Runtime,
    threads: int,
) -> None:
    """Show which residues and features led to a call.

    The protein is one record of PROTEINS, a FASTA file, plain or compressed with gzip or xz; '-' is
    standard input. Each residue that is aligned to a column of the best profile is made unknown in
    turn, and each feature is set to its mean. The effect of a residue or a feature is the drop of
    the label's log-odds without it. With ESM-2, every residue takes one pass.
    """
    options.start()
    from ..console import notify
    from ..errors import InputError
    from ..io.fasta import read_fasta
    from ..model.explanation import explain
    from ..writers.tables import write_table

    record = next((record for record in read_fasta(proteins, "keep") if record.id == name), None)
    if record is None:
        raise InputError.at(proteins, f"no record {name}", "the id of one of its records")
    predictor = options.load_model(model, runtime)
    explanation = explain(predictor, record, label, threads)
    notify(
        "%s of %s: probability %.4f; columns of profile %s",
        explanation.label,
        name,
        explanation.probability,
        explanation.profile,
    )
    residues = [vars(part) for part in explanation.parts if part.kind == "residue"]
    features = [vars(part) for part in explanation.parts if part.kind == "feature"]
    write_table(residues[:top] + features[:top], output)
