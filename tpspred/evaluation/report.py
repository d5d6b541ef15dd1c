"""The files of an evaluation: predictions, tables, and a page with pictures."""

import csv
import dataclasses
import html
import io
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency
from ..io.outputs import make_folder, open_text_output
from ..io.paths import Path
from ..model import metrics
from ..writers.tables import cell, write_table
from . import ENZYMES
from .cross_validation import Scored
from .tables import Row, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = NDArray[np.floating]

TITLES = {
    "summary": "Means over labels",
    "gaps": "Difference to tpspred in macro average precision over the pooled folds",
    "terpene_synthases": "Is it a terpene synthase",
    "identity": "By identity to the nearest training enzyme",
    "promises": "Promises kept",
    "labels": "Every label",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;"
    "margin:0 auto;max-width:72rem;padding:1rem;color:#1a1a1a}\n"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}"
    ".wide{overflow-x:auto}svg{max-width:100%;height:auto}\n"
    "table{border-collapse:collapse;font-size:.85rem}\n"
    "td,th{padding:.2rem .6rem;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}\n"
    "td.word,th.word{text-align:left}tr:hover td{background:#f3f3f3}"
)
PAGE = (
    "<!doctype html>\n"
    '<html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
    "<title>tpspred evaluation</title><style>{style}</style></head><body>"
    "<h1>Evaluation of tpspred on left-out folds</h1>\n"
    "<p>{proteins} proteins in {folds} folds; each was scored by models that were fitted without "
    "its fold.</p>{body}</body></html>\n"
)
DASHES = ("-", "--", ":", "-.")
MARKERS = "os^D"


@dataclasses.dataclass(frozen=True)
class Curve:
    """A curve over all thresholds of a score.

    Attributes:
        x_label, y_label: What the axes show.
        points: Function of the positives and the predictions from each threshold up, and of the
            number of proteins; returns the points' x and y, 0–1.
        steps: Whether each y also holds from the point before to its own, so that the area below
            precision and recall is the average precision; else straight lines join the points.
    """

    x_label: str
    y_label: str
    points: Callable[[Numbers, NDArray[np.int64], int], tuple[Numbers, Numbers]]
    steps: bool


def _precision_recall_points(
    hits: Numbers, called: NDArray[np.int64], count: int
) -> tuple[Numbers, Numbers]:
    precision = hits / called
    return np.r_[0, hits / hits[-1]], np.r_[precision[0], precision]


def _roc_points(hits: Numbers, called: NDArray[np.int64], count: int) -> tuple[Numbers, Numbers]:
    return np.r_[0, (called - hits) / (count - hits[-1])], np.r_[0, hits / hits[-1]]


PRECISION_RECALL = Curve("recall", "precision", _precision_recall_points, steps=True)
ROC = Curve("share of negatives called", "share of positives called", _roc_points, steps=False)


def require_matplotlib() -> None:
    """Check that what the page needs is installed.

    Raises:
        MissingDependency: If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingDependency(
            "--report needs matplotlib: pip install 'tpspred[evaluate]'"
        ) from None


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
    """Write one self-contained HTML page: curves, reliability, confusion, and the tables.

    Args:
        scored: Proteins, scored by models that have not seen them.
        tables: Its tables by name, from :func:`tables.tables_of`.
        target: File, or '-' for standard output.
    """
    pictures = (
        (
            "Precision and recall",
            "Over all ensembles together, one step per distinct score.",
            _curves(scored, PRECISION_RECALL),
        ),
        ("ROC", "Over all ensembles together.", _curves(scored, ROC)),
        (
            "Reliability",
            "Predicted probability beside the share that is true; on the line, a probability "
            "means what it says.",
            _reliability(tables["reliability"]),
        ),
        (
            "Confusion of ensembles",
            "Off the diagonal, the share of a row's enzymes that were wrongly called the column's "
            "ensemble; on the diagonal, recall.",
            _confusion(tables["confusion"]),
        ),
    )
    sections = [
        (title, f"<p>{words}</p><div class=wide>{svg}</div>") for title, words, svg in pictures
    ]
    sections += [(title, _table(tables[name])) for name, title in TITLES.items()]
    body = "".join(f"<section><h2>{title}</h2>{content}</section>" for title, content in sections)
    page = PAGE.format(
        style=STYLE,
        proteins=len(scored.ids),
        folds=len(set(scored.folds.tolist())),
        body=body,
    )
    with open_text_output(target) as handle:
        handle.write(page)


def _table(rows: Sequence[Row]) -> str:
    """Return rows as an HTML table."""
    if not rows:
        return "<p>Nothing to show.</p>"
    classes = [" class=word" if isinstance(value, str) else "" for value in rows[0].values()]
    header = "".join(
        f"<th{word}>{html.escape(name.replace('_', ' '))}</th>"
        for name, word in zip(rows[0], classes)
    )
    body = []
    for row in rows:
        cells = (
            f"<td{word}>{html.escape(cell(value))}</td>"
            for value, word in zip(row.values(), classes)
        )
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f"<div class=wide><table><tr>{header}</tr>{''.join(body)}</table></div>"


def _figure(draw: Callable[["Axes"], object], width: float = 6.4, height: float = 4.4) -> str:
    """Return a picture as SVG, which is the same again for the same data.

    Args:
        draw: Function that draws on the axes it is given.
        width: Width in inches.
        height: Height in inches.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(
        {"svg.hashsalt": "tpspred", "svg.fonttype": "none", "font.family": "sans-serif"}
    ):
        figure = Figure((width, height), layout="constrained")
        draw(figure.add_subplot())
        picture = io.StringIO()
        figure.savefig(picture, format="svg", metadata={"Date": None}, bbox_inches="tight")
    return picture.getvalue()[picture.getvalue().index("<svg") :]


def _curves(scored: Scored, curve: Curve) -> str:
    """Draw a curve of every method, over all ensembles together."""
    cells = np.ix_(scored.rows(ENZYMES), scored.columns("ensemble"))
    truth = scored.targets[cells].ravel()

    def draw(axes: "Axes") -> None:
        for (method, scores), dash in zip(scored.scores.items(), itertools.cycle(DASHES)):
            _, hits, called = metrics.steps(truth, scores[cells].ravel())
            x, y = curve.points(hits, called, len(truth))
            axes.plot(
                x,
                y,
                dash,
                label=method.replace("_", " "),
                drawstyle="steps-pre" if curve.steps else None,
                clip_on=False,
                gid=f"{curve.y_label} of {method}".replace(" ", "-"),
            )
        axes.patch.set_gid(f"frame of {curve.y_label}".replace(" ", "-"))
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=curve.x_label, ylabel=curve.y_label)
        axes.legend(loc="best")

    return _figure(draw)


def _reliability(rows: Sequence[Row]) -> str:
    """Draw predicted probabilities beside the share that is true, a line per group of labels."""
    groups = list(dict.fromkeys(str(row["group"]) for row in rows))

    def draw(axes: "Axes") -> None:
        axes.plot((0, 1), (0, 1), color="0.7", linewidth=1)
        for group, marker, dash in zip(groups, MARKERS, DASHES):
            group_rows = [row for row in rows if row["group"] == group]
            axes.plot(
                numbers(group_rows, "predicted"),
                numbers(group_rows, "observed"),
                dash,
                marker=marker,
                label=group.replace("_", " "),
            )
        axes.set(
            xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="share that is true"
        )
        axes.legend(loc="best")

    return _figure(draw)


def _confusion(rows: Sequence[Row]) -> str:
    """Draw which ensembles are called for which as a matrix of colours."""
    names = [str(row["ensemble"]) for row in rows]
    shares = [[float(row[name]) for name in names] for row in rows]

    def draw(axes: "Axes") -> None:
        image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set(xlabel="called", ylabel="characterised")
        axes.figure.colorbar(image, ax=axes, shrink=0.8)

    return _figure(draw, 9, 8)
