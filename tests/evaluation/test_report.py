"""The files of an evaluation."""

import csv
import dataclasses
import io
import re
import sys

import numpy as np
import pytest
from support import DATA

from tpspred.dataset.labels import IS_TPS, Label
from tpspred.errors import MissingDependency
from tpspred.evaluation import report, tables
from tpspred.model import metrics

TABLES = (
    "summary",
    "labels",
    "terpene_synthases",
    "identity",
    "promises",
    "reliability",
    "confusion",
    "gaps",
)


@pytest.mark.slow
def test_command_prints_means_and_writes_the_rest(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("prepare", DATA / "reactions.csv", "-o", "d.tsv").code == 0
    command = ["evaluate", "d.tsv", "--negatives", DATA / "negatives.faa"]
    command += ["--max-identity", 1, "--identity", 0.9, "--fold-count", 2]
    command += ["--inner-folds", 3, "--members", 3, "--epochs", 1, "--no-baselines", "-t", 2]
    done = run(*command, "-o", "p.tsv", "--tables", "t", "--report", "r.html")
    assert done.code == 0, done.err
    rows = list(csv.DictReader(io.StringIO(done.out.decode()), delimiter="\t"))
    assert [row["group"] for row in rows] == ["ensemble", "is_tps", "product_type", "substrate"]
    with open("p.tsv", newline="") as handle:
        predictions = list(csv.DictReader(handle, delimiter="\t"))
    assert len(predictions) == 32 and predictions[-1]["source"] == "negatives"
    assert {path.name for path in (tmp_path / "t").iterdir()} == {f"{name}.tsv" for name in TABLES}
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 4 and "mono_sabinene" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.replace("http://www.w3.org", ""))


def test_command_refuses_what_it_cannot_use(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("prepare", DATA / "reactions.csv", "-o", "d.tsv").code == 0
    idle = run("evaluate", "d.tsv", "--weights", "w.pt")
    assert idle.code == 2 and "--weights is for --encoder" in idle.err
    negatives = ("--negatives", DATA / "negatives.faa")
    doubled = run("evaluate", "d.tsv", *negatives, *negatives)
    assert doubled.code == 2 and "two sets of proteins are called negatives" in doubled.err
    (tmp_path / "enzymes.faa").write_bytes((DATA / "negatives.faa").read_bytes())
    doubled = run("evaluate", "d.tsv", "--negatives", "enzymes.faa")
    assert doubled.code == 2 and "two sets of proteins are called enzymes" in doubled.err
    for option, value in (("--inner-folds", 2), ("--members", 12)):
        refused = run("evaluate", "d.tsv", option, value)
        assert refused.code == 1 and "--inner-folds" in refused.err
    refused = run("evaluate", "d.tsv", "--folds", "nowhere.tsv")
    assert refused.code == 1 and "nowhere.tsv" in refused.err


def test_predictions_have_a_row_per_protein_and_the_scores_of_tpspred(scored_by_hand, tmp_path):
    targets = np.eye(2)
    scored = scored_by_hand(
        targets,
        statuses=["tps", "not_tps"],
        folds=np.array([0, 1]),
        nearest=np.array([0.5, 1 / 3]),
        scores={"tpspred": targets * 0.25, "other": targets},
    )
    report.write_predictions(scored, tmp_path / "p.tsv")
    assert (tmp_path / "p.tsv").read_text().splitlines() == [
        "id\tsource\tfold\tstatus\tnearest_identity\t"
        + "\t".join(label.column for label in scored.labels),
        "e0\tenzymes\t0\ttps\t0.5000\t0.250000\t0.000000",
        "e1\tenzymes\t1\tnot_tps\t0.3333\t0.000000\t0.250000",
    ]


def test_tables_are_files_in_a_new_folder(tmp_path):
    rows = [{"group": "ensemble", "f1": 0.5}, {"group": "substrate", "f1": float("nan")}]
    report.write_tables({"labels": rows, "gaps": []}, tmp_path / "new" / "t")
    assert (tmp_path / "new/t/labels.tsv").read_text() == (
        "group\tf1\nensemble\t0.5000\nsubstrate\tNA\n"
    )
    assert (tmp_path / "new/t/gaps.tsv").read_text() == ""


def drawn_area(page, curve, method):
    """Return the area below a curve as the page draws it, as a share of the frame around it."""

    def points(name):
        path = re.search(rf'<g id="{name}">\s*<path d="([^"]*)"', page)[1]
        return np.array(re.findall(r"[ML] (\S+) (\S+)", path), float)

    frame = points(f"frame-of-{curve}")
    (left, top), (right, bottom) = frame.min(0), frame.max(0)
    x, y = points(f"{curve}-of-{method}").T
    area = np.diff(x) @ (2 * bottom - y[1:] - y[:-1]) / 2
    return area / ((right - left) * (bottom - top))


@pytest.mark.parametrize("distinct", [3, 1000])
def test_area_below_the_drawn_curve_is_the_average_precision(scored_by_hand, tmp_path, distinct):
    """The area below the ROC curve is its AUC, too; few distinct scores are often tied."""
    rng = np.random.default_rng(distinct)
    labels = [Label("ensemble", "a"), Label("ensemble", "b"), IS_TPS]
    targets = (rng.random((200, 3)) < 0.3).astype(float)
    scores = {
        "tpspred": rng.integers(0, distinct, targets.shape) / distinct,
        "useless": np.zeros(targets.shape),
        "perfect": targets,
    }
    scored = scored_by_hand(targets, labels=labels, scores=scores)
    report.write_page(scored, tables.tables_of(scored, 0), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    truth = targets[:, :2].ravel()
    for method, own in scores.items():
        score = own[:, :2].ravel()
        precise = metrics.average_precision(truth, score)
        assert drawn_area(page, "precision", method) == pytest.approx(precise, abs=0.002)
        auc = metrics.roc_auc(truth, score)
        assert drawn_area(page, "share-of-positives-called", method) == pytest.approx(
            auc, abs=0.002
        )


@pytest.mark.slow
def test_the_same_evaluation_gives_the_same_page(scored, tmp_path):
    found = tables.tables_of(scored, 0)
    pages = []
    for name in ("first", "second"):
        report.write_page(scored, found, tmp_path / name)
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]
    text = pages[0].decode()
    assert "32 proteins in 2 folds" in text
    for title in report.TITLES.values():
        assert f"<h2>{title}</h2>" in text
    curves = text[: text.index("<h2>Reliability")]
    for method in scored.scores:
        assert curves.count(f">{method.replace('_', ' ')}<") == 2  # in both legends


@pytest.mark.slow
def test_every_method_has_its_curves_however_many_there_are(scored, tmp_path):
    own = scored.scores["tpspred"]
    more = scored.scores | {"esm2_x": own, "profile+esm2_x": own}
    compared = dataclasses.replace(scored, scores=more)
    report.write_page(compared, tables.tables_of(compared, 0), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    curves = text[: text.index("<h2>Reliability")]
    assert len(more) > len(report.DASHES)
    for method in more:
        assert curves.count(f">{method.replace('_', ' ')}<") == 2


def test_curves_of_a_perfect_score():
    """Two positives of four, both above the negatives."""
    hits = np.array([1.0, 2, 2, 2])
    called = np.array([1, 2, 3, 4])
    recall, precision = report.PRECISION_RECALL.points(hits, called, 4)
    assert recall.tolist() == [0, 0.5, 1, 1, 1]
    assert precision.tolist() == pytest.approx([1, 1, 1, 2 / 3, 1 / 2])
    false_share, true_share = report.ROC.points(hits, called, 4)
    assert false_share.tolist() == [0, 0, 0, 0.5, 1] and true_share.tolist() == [0, 0.5, 1, 1, 1]


def test_tables_on_the_page_are_escaped():
    assert report._table([]) == "<p>Nothing to show.</p>"
    page = report._table([{"label": "<b>", "roc_auc": 0.5}])
    assert page == (
        "<div class=wide><table><tr><th class=word>label</th><th>roc auc</th></tr>"
        "<tr><td class=word>&lt;b&gt;</td><td>0.5000</td></tr></table></div>"
    )


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependency, match="tpspred\\[evaluate\\]"):
        report.require_matplotlib()
