"""The files of an evaluation: predictions, tables, and a page with pictures."""

import csv
import importlib.resources
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .. import __version__
from ..io.outputs import make_folder, open_text_output
from ..io.paths import Path
from ..writers.tables import write_table
from . import pictures
from .cross_validation import OURS, Scored
from .pictures import words
from .tables import RELATED, Row

TEMPLATE = "resources/evaluation.html"
GROUP_WORDS = {
    "ensemble": "ensembles",
    "product_type": "product types",
    "substrate": "substrates",
    "is_tps": "terpene synthase",
}
# Tables as they are, below the pictures: name, title, whether it is folded, what it shows.
TABLES = (
    (
        "identity",
        "By identity to the nearest training enzyme",
        False,
        "Ensembles, from enzymes that are like none that the models learnt from, to near twins.",
    ),
    (
        "options",
        "Precision and coverage, set and measured",
        False,
        "What --target-precision and --coverage of predict were set to, and what was measured.",
    ),
    (
        "terpene_synthases",
        "Terpene synthases among other proteins",
        True,
        "“Related” adds prenyl diphosphate, squalene and phytoene synthases to the negatives.",
    ),
    ("summary", "Means over labels", True, "All methods, all groups of labels."),
    ("gaps", "Differences to tpspred", True, "In macro average precision over the pooled folds."),
    ("labels", "Every label", True, "All methods, all labels with enough positives."),
)
WORD_COLUMNS = ("method", "group", "option")  # columns whose values are names with _ for a space
MIN_CONFUSION = 0.05  # share from which a wrong call is named
NAMED_CONFUSIONS = 3


class Headline(NamedTuple):
    """One of the numbers at the top of the page.

    Attributes:
        value: The number.
        title: What it is.
        note: What belongs to it, such as its interval.
    """

    value: str
    title: str
    note: str


class Confusion(NamedTuple):
    """An ensemble and what its enzymes are called.

    Attributes:
        ensemble: Name of the ensemble.
        recall: Share of its enzymes that are called it, 0–1.
        wrong: (ensemble that they do not have, share that is called it), most frequent first.
    """

    ensemble: str
    recall: float
    wrong: list[tuple[str, float]]


def write_predictions(scored: Scored, target: Path) -> None:
    """Write one row per protein with its fold, its status and a score for every label.

    Args:
        scored: Proteins, scored by models that have not seen them.
        target: File, or '-' for standard output.
    """
    scores = next(iter(scored.scores.values()))
    labels = [label.column for label in scored.labels]
    with open_text_output(target) as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        table.writerow(["id", "source", "fold", "status", "nearest_identity", *labels])
        for i, name in enumerate(scored.ids):
            table.writerow(
                [
                    name,
                    scored.sources[i],
                    scored.folds[i],
                    scored.statuses[i],
                    f"{scored.nearest[i]:.4f}",
                    *(f"{score:.6f}" for score in scores[i]),
                ]
            )


def write_tables(tables: Mapping[str, Sequence[Row]], folder: Path) -> None:
    """Write every table as NAME.tsv.

    Args:
        tables: Rows by name of the table.
        folder: Folder, which is made if it does not exist.
    """
    make_folder(folder)
    for name, rows in tables.items():
        write_table(rows, os.path.join(folder, f"{name}.tsv"))


def write_page(scored: Scored, tables: Mapping[str, Sequence[Row]], target: Path) -> None:
    """Write one self-contained HTML page: headline numbers, curves, confusion, and the tables.

    Args:
        scored: Proteins, scored by models that have not seen them.
        tables: Its tables by name, from :func:`tables.tables_of`.
        target: File, or '-' for standard output.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"shown": shown, "words": words}
    drawn = (
        (
            "Precision and recall",
            "All ensembles together, one step per distinct score. The area below is the micro "
            "average precision (AP).",
            pictures.curves(scored, pictures.PRECISION_RECALL),
        ),
        (
            "ROC",
            "All ensembles together. The area below (AUC) is 0.5 for chance.",
            pictures.curves(scored, pictures.ROC),
        ),
        (
            "Reliability",
            "On the grey line, a probability means what it says.",
            pictures.reliability(tables["reliability"]),
        ),
    )
    template = importlib.resources.files("tpspred").joinpath(TEMPLATE).read_text("utf-8")
    page = environment.from_string(template).render(
        version=__version__,
        proteins=len(scored.ids),
        folds=len(set(scored.folds.tolist())),
        sets=[(name, len(scored.rows(name))) for name in dict.fromkeys(scored.sources.tolist())],
        headlines=list(_headlines(tables)),
        groups=GROUP_WORDS,
        compared=list(_compared(tables)) if len(scored.scores) > 1 else [],
        ours=OURS,
        pictures=[(title, note, Markup(svg)) for title, note, svg in drawn if svg],
        confusions=list(_confusions(tables["confusion"])),
        matrix=tables["confusion"],
        tables=[(title, folded, note, tables[name]) for name, title, folded, note in TABLES],
        word_columns=WORD_COLUMNS,
    )
    with open_text_output(target) as handle:
        handle.write(page + "\n")


def shown(value: str | int | float) -> str:
    """Return a value as the page shows it.

    >>> shown(1515), shown(0.25), shown(float("nan")), shown("mono_pinene")
    ('1,515', '0.250', 'NA', 'mono_pinene')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    return "NA" if math.isnan(value) else f"{value:.3f}"


def _rows_of(tables: Mapping[str, Sequence[Row]], name: str, **wanted: str) -> list[Row]:
    """Return the rows of a table that have these values."""
    return [row for row in tables[name] if wanted.items() <= row.items()]


def _headlines(tables: Mapping[str, Sequence[Row]]) -> Iterator[Headline]:
    """Yield the numbers that matter most."""
    for row in _rows_of(tables, "summary", method=OURS, group="ensemble"):
        yield Headline(
            shown(row["average_precision_pooled"]),
            "average precision of ensembles",
            f"mean over {row['labels']} ensembles, all folds together; 95 % interval "
            f"{shown(row['pooled_low'])} to {shown(row['pooled_high'])}",
        )
        yield Headline(
            shown(row["f1"]),
            "F1 of called ensembles",
            f"mean over ensembles; precision {shown(row['precision'])}, "
            f"recall {shown(row['recall'])}",
        )
        yield Headline(
            shown(row["calibration_error"]),
            "calibration error of ensembles",
            "mean distance of a probability from the share that is true",
        )
    for row in _rows_of(tables, "summary", method=OURS, group="product_type"):
        yield Headline(
            shown(row["average_precision_pooled"]),
            "average precision of product types",
            f"mean over {row['labels']} types; 95 % interval "
            f"{shown(row['pooled_low'])} to {shown(row['pooled_high'])}",
        )
    for row in _rows_of(tables, "terpene_synthases", method=OURS):
        if str(row["against"]).endswith(RELATED):
            yield Headline(
                shown(row["precision_of_tps"]),
                "precision of status tps",
                f"{shown(row['positives'])} terpene synthases among {shown(row['negatives'])} "
                f"other proteins ({row['against']}); recall {shown(row['recall_of_tps'])}",
            )


def _compared(tables: Mapping[str, Sequence[Row]]) -> Iterator[Row]:
    """Yield the macro average precision of every method in every group of labels."""
    for method in dict.fromkeys(str(row["method"]) for row in tables["summary"]):
        compared: Row = {"method": method}
        for group in GROUP_WORDS:
            for row in _rows_of(tables, "summary", method=method, group=group):
                compared[group] = row["average_precision_pooled"]
        for row in _rows_of(tables, "gaps", method=method, group="ensemble"):
            compared |= {name: row[name] for name in ("gap", "low", "high")}
        yield compared


def _confusions(matrix: Sequence[Row]) -> Iterator[Confusion]:
    """Yield what the enzymes of every ensemble are called.

    Args:
        matrix: The table ``confusion``.
    """
    for row in matrix:
        ensemble = str(row["ensemble"])
        wrong = [
            (name, float(share))
            for name, share in row.items()
            if name not in ("ensemble", ensemble) and float(share) >= MIN_CONFUSION
        ]
        wrong.sort(key=lambda pair: -pair[1])
        yield Confusion(ensemble, float(row[ensemble]), wrong[:NAMED_CONFUSIONS])
