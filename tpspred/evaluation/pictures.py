"""The pictures of a report as SVG: curves over all thresholds, and reliability."""

import dataclasses
import io
import itertools
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency
from ..model import metrics
from . import ENZYMES
from .cross_validation import OURS, Scored
from .tables import Row, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = NDArray[np.floating]

# Width and height of a picture without its legend, and height of a line of the legend, in inches.
# The page shows a picture about a third larger, so that its text of 9 points has 12 pixels.
WIDTH = 3.8
HEIGHT = 3.4
LINE_HEIGHT = 0.16
# Colours after Okabe and Ito, which are told apart with any colour vision; dashes and markers tell
# lines apart without colour.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7f6000", "#56b4e9")
DASHES = ("-", "--", ":", "-.")
MARKERS = "os^D"


@dataclasses.dataclass(frozen=True)
class Curve:
    """A curve over all thresholds of a score.

    Attributes:
        name: Name of the picture, for the ids of its parts.
        x_label, y_label: What the axes show.
        points: Function of the positives and the predictions from each threshold up, and of the
            number of predictions; returns the points' x and y, 0–1.
        steps: Whether each y also holds from the point before to its own, so that the area below
            precision and recall is the average precision; else straight lines join the points.
        area: Function that returns the area below the curve.
        area_name: What this area is called in short.
    """

    name: str
    x_label: str
    y_label: str
    points: Callable[[Numbers, NDArray[np.int64], int], tuple[Numbers, Numbers]]
    steps: bool
    area: Callable[[metrics.Binary, metrics.Scores], float]
    area_name: str


def _precision_recall_points(
    hits: Numbers, called: NDArray[np.int64], count: int
) -> tuple[Numbers, Numbers]:
    precision = hits / called
    return np.r_[0, hits / hits[-1]], np.r_[precision[0], precision]


def _roc_points(hits: Numbers, called: NDArray[np.int64], count: int) -> tuple[Numbers, Numbers]:
    return np.r_[0, (called - hits) / (count - hits[-1])], np.r_[0, hits / hits[-1]]


PRECISION_RECALL = Curve(
    "precision-recall",
    "recall",
    "precision",
    _precision_recall_points,
    steps=True,
    area=metrics.average_precision,
    area_name="AP",
)
ROC = Curve(
    "roc",
    "share of negatives called",
    "share of positives called",
    _roc_points,
    steps=False,
    area=metrics.roc_auc,
    area_name="AUC",
)


def require_matplotlib() -> None:
    """Check that what the pictures need is installed.

    Raises:
        MissingDependency: If matplotlib is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise MissingDependency("--report needs matplotlib: pip install matplotlib") from None


def curves(scored: Scored, curve: Curve) -> str:
    """Draw a curve of every method, over all ensembles together.

    Returns:
        SVG; '' if no ensemble has enough positives, or there is nothing but positives.
    """
    cells = np.ix_(scored.rows(ENZYMES), scored.columns("ensemble"))
    truth = scored.targets[cells].ravel()
    if not len(truth) or truth.all():
        return ""

    def draw(axes: "Axes") -> None:
        styles = zip(itertools.cycle(COLOURS), itertools.cycle(DASHES))
        for (method, scores), (colour, dash) in zip(scored.scores.items(), styles):
            score = scores[cells].ravel()
            _, hits, called = metrics.steps(truth, score)
            x, y = curve.points(hits, called, len(truth))
            axes.plot(
                x,
                y,
                dash,
                color=colour,
                linewidth=2 if method == OURS else 1.3,
                label=f"{words(method)}, {curve.area_name} {curve.area(truth, score):.2f}",
                drawstyle="steps-pre" if curve.steps else None,
                clip_on=False,
                gid=f"curve-{method}",
            )
        axes.set(xlabel=curve.x_label, ylabel=curve.y_label)

    return _figure(curve.name, draw)


def reliability(rows: Sequence[Row]) -> str:
    """Draw predicted probabilities beside the share that is true, a line per group of labels.

    Args:
        rows: The table ``reliability``.

    Returns:
        SVG; '' without rows.
    """
    groups = list(dict.fromkeys(str(row["group"]) for row in rows))
    if not groups:
        return ""

    def draw(axes: "Axes") -> None:
        axes.plot((0, 1), (0, 1), color="0.7", linewidth=1)
        for group, colour, marker, dash in zip(groups, COLOURS, MARKERS, DASHES):
            group_rows = [row for row in rows if row["group"] == group]
            axes.plot(
                numbers(group_rows, "predicted"),
                numbers(group_rows, "observed"),
                dash,
                color=colour,
                marker=marker,
                markersize=4,
                label=words(group),
                clip_on=False,
            )
        axes.set(xlabel="predicted probability", ylabel="share that is true")

    return _figure("reliability", draw)


def words(name: str) -> str:
    """Return the name of a method or group as words.

    Names of ESM-2 stay as they are.

    >>> words("logistic_regression"), words("profile+esm2_t6_8M_UR50D")
    ('logistic regression', 'profile+esm2_t6_8M_UR50D')
    """
    return name if "esm2_" in name else name.replace("_", " ")


def _figure(name: str, draw: Callable[["Axes"], object]) -> str:
    """Return a picture of the unit square as SVG, which is the same again for the same data.

    Args:
        name: What the ids of its parts begin with, so that a page can have several pictures.
        draw: Function that draws on the axes it is given.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(
        {
            "svg.hashsalt": "tpspred",
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "font.size": 9,
            "legend.frameon": False,
            "axes.edgecolor": "0.6",
            "axes.grid": True,
            "grid.color": "0.92",
            "axes.axisbelow": True,
        }
    ):
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        axes.patch.set_gid("frame")
        draw(axes)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        legend = axes.get_legend_handles_labels()
        figure.set_size_inches(WIDTH, HEIGHT + LINE_HEIGHT * len(legend[0]))
        figure.legend(*legend, loc="outside lower left", labelspacing=0.25)
        picture = io.StringIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    svg = picture.getvalue()
    svg = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", svg[svg.index("<svg") :])
    return re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
