"""What an evaluation found: predictions, tables, and a page."""

import csv
import html
import io
import os

import numpy as np

from ..errors import MissingDependency
from ..io import files
from ..model import metrics
from ..writers.tables import cell, write_table


def write_predictions(scored, target):
    """One row per protein: id, source, fold, status, identity to the nearest training enzyme, a score for every label.

    Args:
        scored: evaluation.Scored.
    """
    scores = next(iter(scored.scores.values()))
    with files.open_text_output(target) as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        table.writerow(
            [
                "id",
                "source",
                "fold",
                "status",
                "nearest_identity",
                *(label.column for label in scored.labels),
            ]
        )
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


def write_tables(found, folder):
    """Every table of evaluation.tables as NAME.tsv in a folder, which is made."""
    files.make_folder(folder)
    for name, rows in found.items():
        write_table(rows, os.path.join(folder, f"{name}.tsv"))


def check():
    """Say now what would be missing later.

    Raises:
        MissingDependency: If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingDependency(
            "--report needs matplotlib: pip install 'tpspred[evaluate]'"
        ) from None


def write_page(scored, found, target):
    """One self-contained page: curves, reliability, confusion, and all tables.

    Args:
        scored: evaluation.Scored.
        found: What evaluation.tables gives of it.
    """
    pictures = (
        (
            "Precision and recall",
            "Over all ensembles together, one step per distinct score.",
            _curves(scored, _precision_recall),
        ),
        ("ROC", "Over all ensembles together.", _curves(scored, _roc)),
        (
            "Reliability",
            "Predicted probability beside the share that is true; on the line, a probability means what it "
            "says.",
            _reliability(found["reliability"]),
        ),
        (
            "Confusion of ensembles",
            "Share of a row's enzymes that were called the column's ensemble without having it; on "
            "the diagonal, the share that was found.",
            _confusion(found["confusion"]),
        ),
    )
    sections = [
        (title, f"<p>{words}</p><div class=wide>{svg}</div>") for title, words, svg in pictures
    ]
    sections += [(title, _table(found[name])) for name, title in TITLES.items()]
    body = "".join(f"<section><h2>{title}</h2>{content}</section>" for title, content in sections)
    with files.open_text_output(target) as handle:
        handle.write(
            PAGE.format(
                style=STYLE,
                proteins=len(scored.ids),
                folds=len(set(scored.folds.tolist())),
                body=body,
            )
        )


TITLES = {
    "summary": "Means over labels",
    "gaps": "How far above tpspred, in macro average precision over the pooled folds",
    "terpene_synthases": "Is it a terpene synthase",
    "identity": "By identity to the nearest training enzyme",
    "promises": "Promises kept",
    "labels": "Every label",
}
STYLE = """body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1rem;color:#1a1a1a}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.wide{overflow-x:auto}svg{max-width:100%;height:auto}
table{border-collapse:collapse;font-size:.85rem}
td,th{padding:.2rem .6rem;border-bottom:1px solid #ddd;text-align:right;white-space:nowrap}
td.word,th.word{text-align:left}tr:hover td{background:#f3f3f3}"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>tpspred evaluation</title><style>{style}</style></head><body><h1>Evaluation of tpspred on left-out folds</h1>
<p>{proteins} proteins in {folds} folds; each was scored by models that were fitted without its fold.</p>{body}</body></html>
"""
DASHES = ("-", "--", ":", "-.")


def _table(rows):
    if not rows:
        return "<p>Nothing to show.</p>"
    kinds = [" class=word" if isinstance(value, str) else "" for value in rows[0].values()]
    head = "".join(
        f"<th{kind}>{html.escape(name.replace('_', ' '))}</th>"
        for name, kind in zip(rows[0], kinds)
    )
    lines = (
        "".join(
            f"<td{kind}>{html.escape(cell(value))}</td>" for value, kind in zip(row.values(), kinds)
        )
        for row in rows
    )
    return f"<div class=wide><table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table></div>"


def _figure(draw, width=6.4, height=4.4):
    """Let a function draw on axes; the picture as SVG, the same again for the same data."""
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


def _curves(scored, curve):
    rows, columns = scored.rows("enzymes"), scored.columns("ensemble")
    truth = scored.targets[np.ix_(rows, columns)].ravel()

    def draw(axes):
        for (method, scores), dash in zip(scored.scores.items(), DASHES):
            x, y = curve(*metrics.steps(truth, scores[np.ix_(rows, columns)].ravel()), truth)
            axes.plot(
                x,
                y,
                dash,
                label=method.replace("_", " "),
                drawstyle="steps-post" if curve is _precision_recall else None,
            )
        axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=curve.x, ylabel=curve.y)
        axes.legend(loc="best")

    return _figure(draw)


def _precision_recall(values, hits, called, truth):
    return np.r_[0, hits / hits[-1]], np.r_[1, hits / called]


def _roc(values, hits, called, truth):
    return np.r_[0, (called - hits) / (len(truth) - hits[-1])], np.r_[0, hits / hits[-1]]


_precision_recall.x, _precision_recall.y = "recall", "precision"
_roc.x, _roc.y = "share of negatives called", "share of positives called"


def _reliability(rows):
    def draw(axes):
        axes.plot((0, 1), (0, 1), color="0.7", linewidth=1)
        for group, marker, dash in zip(dict.fromkeys(row["group"] for row in rows), "os^D", DASHES):
            own = [row for row in rows if row["group"] == group]
            axes.plot(
                [row["predicted"] for row in own],
                [row["observed"] for row in own],
                dash,
                marker=marker,
                label=group.replace("_", " "),
            )
        axes.set(
            xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="share that is true"
        )
        axes.legend(loc="best")

    return _figure(draw)


def _confusion(rows):
    names = [row["ensemble"] for row in rows]

    def draw(axes):
        image = axes.imshow(
            [[row[name] for name in names] for row in rows], cmap="cividis", vmin=0, vmax=1
        )
        axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set(xlabel="called", ylabel="characterised")
        axes.figure.colorbar(image, ax=axes, shrink=0.8)

    return _figure(draw, 9, 8)
