"""tpspred explain"""

import click

from . import options


@click.command("explain", short_help="Say which residues and features moved a call.")
@options.proteins
@click.option("--id", "name", required=True, help="Of the protein.")
@click.option(
    "--label",
    metavar="GROUP:NAME",
    help="Label to explain, such as ensemble:mono_pinene or is_tps:terpene_synthase.  "
    "[default: the most likely ensemble]",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="How many residues, and how many features, to show.",
)
@click.option(
    "-o",
    "--output",
    default="-",
    metavar="FILE",
    show_default="standard output",
    help="Table to write.",
)
@click.option("-m", "--model", metavar="FILE", help="Model file.  [default: the bundled model]")
@options.language_model
@options.threads
@options.messages
def command(proteins, name, label, top, output, model, runtime, threads):
    """Say what each residue at a match column, and each feature, adds to the log-odds of a label of one protein of PROTEINS (FASTA):
    a residue is made unknown, a feature is set to its mean, and the loss is what it had added. With ESM-2 this takes a pass for every
    residue.
    """
    from ..console import notify
    from ..errors import InputError
    from ..io.fasta import read_fasta
    from ..model import checkpoint
    from ..model.explanation import explain
    from ..writers.tables import write_table

    predictor = checkpoint.load(model, runtime)
    options.check_runtime(runtime, predictor.encoder)
    record = next((record for record in read_fasta(proteins, "keep") if record.id == name), None)
    if record is None:
        raise InputError.at(proteins, f"no record {name}", "the id of one of its records")
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
