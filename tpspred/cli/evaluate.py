"""tpspred evaluate"""

import pathlib

import click

from . import options


@click.command("evaluate", short_help="Cross-validate the whole recipe beside baselines.")
@click.argument("table", metavar="DATASET")
@click.option(
    "--negatives",
    multiple=True,
    metavar="FASTA",
    help="Proteins that are no terpene synthases; may be given several times, each a set of its own in the report.",
)
@click.option(
    "--folds",
    "fold_table",
    metavar="FILE",
    help="Table with the columns id and fold.  [default: folds of identity clusters]",
)
@click.option(
    "--identity",
    type=click.FloatRange(1, 100),
    default=50.0,
    show_default=True,
    help="Per cent identity above which sequences share a fold, negatives do not train beside a left-out protein, and "
    "the bootstrap draws together.",
)
@click.option(
    "--fold-count",
    type=click.IntRange(2),
    default=5,
    show_default=True,
    help="Number of folds, without --folds.",
)
@click.option(
    "--max-identity",
    type=click.FloatRange(1, 101),
    default=95.0,
    show_default=True,
    help="Refuse folds with sequences this many per cent identical on both sides; 101 accepts any.",
)
@click.option(
    "--baselines/--no-baselines",
    default=True,
    show_default=True,
    help="Score alignment, logistic regression and random forest on the same folds.",
)
@click.option(
    "--encoder",
    metavar="esm2_NAME",
    help="Score the recipe on this ESM-2's vectors too, alone and joined to the profile encoder's.",
)
@options.weights
@click.option("-o", "--output", metavar="FILE", help="Out-of-fold predictions to write.")
@click.option("--tables", metavar="FOLDER", help="Folder for the report's tables.")
@click.option("--report", metavar="FILE", help="Page with curves and tables to write (HTML).")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@options.hyperparameters({"folds": "--inner-folds"})
@options.threads
@options.messages
def command(
    table,
    negatives,
    fold_table,
    identity,
    fold_count,
    max_identity,
    baselines,
    encoder,
    output,
    weights,
    tables,
    report,
    device,
    threads,
    **hyperparameters,
):
    """Score every protein of DATASET (from tpspred prepare) and of the negatives with models that have not seen it, and print
    the means over labels. Everything is fitted again for every fold: profiles, weights, thresholds, calibration.
    """
    if weights and not encoder:
        raise click.UsageError("--weights is for --encoder")
    from .. import device as devices
    from ..console import notify
    from ..dataset import reactions
    from ..evaluation import baselines as simple
    from ..evaluation import cross_validation, other_encoders
    from ..evaluation import report as writer
    from ..io import fasta
    from ..model.hyperparameters import Config

    if baselines:
        simple.check()
    if report:
        writer.check()
    enzymes = reactions.read(table)
    others = {
        pathlib.Path(path).name.split(".")[0]: [
            record for record in fasta.read_fasta(path, "suffix") if not record.problem
        ]
        for path in negatives
    }
    given = cross_validation.read_folds(fold_table, enzymes) if fold_table else None
    folds = cross_validation.checked_folds(
        enzymes,
        given,
        identity / 100,
        fold_count,
        max_identity / 100,
        hyperparameters["seed"],
        threads,
    )
    config, where = Config(**hyperparameters), devices.resolve(device)
    methods = other_encoders.chosen(
        baselines, encoder, {"weights": weights, "device": device}, config, where
    )
    scored = cross_validation.out_of_fold(
        enzymes, others, folds, identity / 100, config, where, methods, threads, notify
    )
    found = cross_validation.tables(scored, hyperparameters["seed"])
    if output:
        writer.write_predictions(scored, output)
    if tables:
        writer.write_tables(found, tables)
    if report:
        writer.write_page(scored, found, report)
    writer.write_table(found["summary"], "-")
