"""The command tpspred evaluate."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..evaluation import ENZYMES
from ..io.outputs import check_folder
from . import options
from .layout import Command, option

if TYPE_CHECKING:
    from ..model.hyperparameters import Config


@click.command(
    "evaluate",
    cls=Command,
    example="tpspred evaluate dataset.tsv --negatives negatives.faa --report evaluation.html",
)
@click.argument("table", type=options.INPUT, metavar="DATASET")
@options.negatives
@option(
    "--folds",
    "fold_table",
    group="folds",
    type=options.INPUT,
    metavar="FILE",
    show_default="folds of identity clusters",
    help="Table with the columns id and fold.",
)
@option(
    "--identity",
    group="folds",
    type=options.Share(),
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="Identity threshold, 0-1. Sequences this similar share a fold and are drawn together by "
    "the bootstrap; negatives this similar to a left-out protein do not train.",
)
@option(
    "--fold-count",
    group="folds",
    type=click.IntRange(2, 1000),
    default=5,
    show_default=True,
    metavar="N",
    help="Number of folds, if --folds is not given.",
)
@option(
    "--max-identity",
    group="folds",
    type=options.Share(),
    default=0.95,
    show_default=True,
    metavar="SHARE",
    help="Stop with an error if two sequences of different folds are more identical than this, "
    "0-1; 1 accepts any folds.",
)
@option(
    "--baselines/--no-baselines",
    group="baselines",
    default=True,
    show_default=True,
    help="Also score alignment, logistic regression and random forest on the same folds.",
)
@option(
    "--encoder",
    group="baselines",
    metavar="esm2_NAME",
    show_default="none",
    help="Also score the pipeline on the vectors of this ESM-2, alone and joined to those of the "
    "profile encoder.",
)
@options.weights
@option(
    "-o",
    "--output",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write the out-of-fold predictions to this file.",
)
@option(
    "--tables",
    group="output",
    metavar="FOLDER",
    show_default="not written",
    help="Write the tables of the report to files in this folder (TSV).",
)
@option(
    "--report",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write a page with curves and tables (HTML) to this file.",
)
@options.device
@options.hyperparameters({"folds": "--inner-folds"})
@options.threads
@options.messages
def command(
    table: str,
    negatives: tuple[str, ...],
    fold_table: str | None,
    identity: float,
    fold_count: int,
    max_identity: float,
    baselines: bool,
    encoder: str | None,
    output: str | None,
    weights: str | None,
    tables: str | None,
    report: str | None,
    device: str,
    config: Config,
    threads: int,
) -> None:
    """Cross-validate the whole method and compare it with baselines.

    DATASET is the table of tpspred prepare. The means over labels are printed. Every protein of
    DATASET and of the negatives is scored by models that have not seen it. Everything is fitted
    again for every fold: profiles, weights of the networks, thresholds and calibration.
    """
    if weights and not encoder:
        raise click.UsageError("--weights is for --encoder")
    path_of = _sets_of_negatives(negatives)
    options.start()
    if tables:
        check_folder(tables)

    from .. import device as devices
    from ..console import notify
    from ..dataset.enzymes import read_enzymes
    from ..encoders.runtime import Runtime
    from ..evaluation import baselines as simple_methods
    from ..evaluation import cross_validation, other_encoders, pictures
    from ..evaluation import report as reports
    from ..evaluation.tables import tables_of
    from ..family.alignment import identity_matrix
    from ..pipeline import read_records
    from ..writers.tables import write_table

    if baselines:
        simple_methods.require_sklearn()
    if report:
        pictures.require_matplotlib()
    enzymes = read_enzymes(table)
    records_of = {name: read_records(path, "suffix") for name, path in path_of.items()}
    where = devices.resolve(device)
    methods = other_encoders.methods_to_compare(
        baselines, encoder, Runtime(weights=weights, device=device), config, where
    )
    folds = cross_validation.read_folds(fold_table, enzymes) if fold_table else None
    identities = identity_matrix([enzyme.sequence for enzyme in enzymes], threads)
    if folds is None:
        folds = cross_validation.make_folds(enzymes, identities, identity, fold_count, config.seed)
    cross_validation.refuse_leaks(enzymes, identities, folds, max_identity)
    scored = cross_validation.cross_validate(
        enzymes,
        identities,
        records_of,
        folds,
        identity,
        config,
        where,
        methods,
        threads,
        notify,
    )
    results = tables_of(scored, config.seed)
    if output:
        reports.write_predictions(scored, output)
    if tables:
        reports.write_tables(results, tables)
    if report:
        reports.write_page(scored, results, report)
    write_table(results["summary"], "-")


def _sets_of_negatives(paths: Sequence[str]) -> dict[str, str]:
    """Return the file of each set of negatives by its name, which is that of the file.

    Raises:
        UsageError: If two files have the same name without endings, or one has the name of the
            enzymes: the report would mix them up.
    """
    path_of: dict[str, str] = {}
    for path in paths:
        name = pathlib.Path(path).name.split(".")[0]
        if name in path_of or name == ENZYMES:
            raise click.UsageError(f"two sets of proteins are called {name}: rename {path}")
        path_of[name] = path
    return path_of
