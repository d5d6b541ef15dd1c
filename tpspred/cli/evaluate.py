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
    from ..dataset.enzymes import read_enzymes
    from ..encoders.runtime import Runtime
    from ..evaluation import baselines as simple_methods
    from ..evaluation import cross_validation, other_encoders
    from ..evaluation import report as reports
    from ..evaluation.tables import tables_of
    from ..family.alignment import identity_matrix
    from ..io.fasta import read_fasta
    from ..model.hyperparameters import Config
    from ..writers.tables import write_table

    if baselines:
        simple_methods.check()
    if report:
        reports.check()
    enzymes = read_enzymes(table)
    others = {
        pathlib.Path(path).name.split(".")[0]: [
            record for record in read_fasta(path, "suffix") if not record.problem
        ]
        for path in negatives
    }
    config, where = Config(**hyperparameters), devices.resolve(device)
    given = cross_validation.read_folds(fold_table, enzymes) if fold_table else None
    identities = identity_matrix([enzyme.sequence for enzyme in enzymes], threads)
    folds = given
    if folds is None:
        folds = cross_validation.make_folds(
            enzymes, identities, identity / 100, fold_count, config.seed
        )
    cross_validation.refuse_leaks(enzymes, identities, folds, max_identity / 100)
    methods = other_encoders.methods_to_compare(
        baselines, encoder, Runtime(weights=weights, device=device), config, where
    )
    scored = cross_validation.cross_validate(
        enzymes, identities, others, folds, identity / 100, config, where, methods, threads, notify
    )
    results = tables_of(scored, config.seed)
    if output:
        reports.write_predictions(scored, output)
    if tables:
        reports.write_tables(results, tables)
    if report:
        reports.write_page(scored, results, report)
    write_table(results["summary"], "-")
