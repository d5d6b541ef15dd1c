"""The files of an evaluation."""

import csv
import dataclasses
import html
import io
import re

import numpy as np
import pytest
from browser import DESK, PHONE, needs_chromium, use
from support import DATA

from tpspred.dataset.labels import IS_TPS, Label
from tpspred.evaluation import baselines, report, tables
from tpspred.model import metrics

TABLES = (
    "summary",
    "labels",
    "terpene_synthases",
    "identity",
    "options",
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
    assert page.count("<svg") == 3 and "mono_sabinene" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.replace("http://www.w3.org", ""))


@pytest.mark.slow
def test_command_runs_where_whole_families_are_left_out(run, tmp_path, monkeypatch):
    """By default the folds of the sampled enzymes are their families: little matches a profile.

    Warnings are errors here, so there is none.
    """
    monkeypatch.chdir(tmp_path)
    assert run("prepare", DATA / "reactions.csv", "-o", "d.tsv").code == 0
    quick = ("--inner-folds", 3, "--members", 3, "--epochs", 1, "-t", 2)
    command = ("evaluate", "d.tsv", "--negatives", DATA / "negatives.faa", *quick)
    done = run(*command, "--report", "r.html")
    assert done.code == 0, done.err
    assert "4 folds instead of 5" in done.err
    assert "0 of 8 left-out proteins match a profile" in done.err
    rows = list(csv.DictReader(io.StringIO(done.out.decode()), delimiter="\t"))
    assert {row["method"] for row in rows} == {"tpspred", *baselines.METHODS}
    assert "32 proteins in 4 folds" in (tmp_path / "r.html").read_text()


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
        assert refused.code == 2 and "--inner-folds" in refused.err
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


@pytest.fixture
def page_of(tmp_path):
    """Write the page of scored proteins and return it."""

    def write(scored):
        report.write_page(scored, tables.tables_of(scored, 0), tmp_path / "page.html")
        return (tmp_path / "page.html").read_text()

    return write


@pytest.fixture
def compared(scored_by_hand):
    """200 proteins with five labels, half of them negatives, scored by three methods."""
    rng = np.random.default_rng(0)
    labels = [
        *(Label("ensemble", name) for name in ("mono_pinene", "mono_camphene")),
        IS_TPS,
        Label("product_type", "mono"),
        Label("substrate", "geranyl diphosphate"),
    ]
    targets = (rng.random((200, len(labels))) < 0.4).astype(float)
    targets[100:] = 0
    noisy = {name: rng.random(targets.shape) / 2 + targets / 3 for name in ("tpspred", "alignment")}
    return scored_by_hand(
        targets,
        labels=labels,
        sources=np.array(["enzymes"] * 100 + ["negatives"] * 100),
        folds=np.arange(200) % 4,
        statuses=["tps" if score > 0.4 else "not_tps" for score in noisy["tpspred"][:, 2]],
        called=noisy["tpspred"] > 0.45,
        scores=noisy | {"esm2_x": np.zeros(targets.shape)},
    )


def drawn_area(page, picture, method):
    """Return the area below a curve as the page draws it, as a share of the frame around it."""

    def points(name):
        path = re.search(rf'<g id="{picture}-{name}">\s*<path d="([^"]*)"', page)[1]
        return np.array(re.findall(r"[ML] (\S+) (\S+)", path), float)

    frame = points("frame")
    (left, top), (right, bottom) = frame.min(0), frame.max(0)
    x, y = points(f"curve-{method}").T
    area = np.diff(x) @ (2 * bottom - y[1:] - y[:-1]) / 2
    return area / ((right - left) * (bottom - top))


@pytest.mark.parametrize("distinct", [3, 1000])
def test_area_below_the_drawn_curve_is_the_average_precision(scored_by_hand, page_of, distinct):
    """The area below the ROC curve is its AUC, too; few distinct scores are often tied."""
    rng = np.random.default_rng(distinct)
    labels = [Label("ensemble", "a"), Label("ensemble", "b"), IS_TPS]
    targets = (rng.random((200, 3)) < 0.3).astype(float)
    scores = {
        "tpspred": rng.integers(0, distinct, targets.shape) / distinct,
        "useless": np.zeros(targets.shape),
        "perfect": targets,
    }
    page = page_of(scored_by_hand(targets, labels=labels, scores=scores))
    truth = targets[:, :2].ravel()
    for method, own in scores.items():
        score = own[:, :2].ravel()
        precise = metrics.average_precision(truth, score)
        assert drawn_area(page, "precision-recall", method) == pytest.approx(precise, abs=0.002)
        auc = metrics.roc_auc(truth, score)
        assert drawn_area(page, "roc", method) == pytest.approx(auc, abs=0.002)
        assert f">{method}, AP {precise:.2f}<" in page
        assert f">{method}, AUC {auc:.2f}<" in page


def test_headline_numbers_come_first_and_are_those_of_the_tables(compared, page_of):
    found = tables.tables_of(compared, 0)
    page = page_of(compared)
    tiles = re.findall(r"<b>(.*?)</b><strong>(.*?)</strong><small>(.*?)</small>", page)
    ensembles, _, types, _ = (row for row in found["summary"] if row["method"] == "tpspred")
    tps = found["terpene_synthases"][1]
    assert [(value, title) for value, title, _ in tiles] == [
        (f"{ensembles['average_precision_pooled']:.3f}", "average precision of ensembles"),
        (f"{ensembles['f1']:.3f}", "F1 of called ensembles"),
        (f"{ensembles['calibration_error']:.3f}", "calibration error of ensembles"),
        (f"{types['average_precision_pooled']:.3f}", "average precision of product types"),
        (f"{tps['precision_of_tps']:.3f}", "precision of status tps"),
    ]
    interval = f"{ensembles['pooled_low']:.3f} to {ensembles['pooled_high']:.3f}"
    assert tiles[0][2].endswith(interval)
    assert page.index("<strong>") < page.index("<h2>")
    gap = next(row for row in found["gaps"] if row["group"] == "ensemble")
    shown_gap = f"{gap['gap']:+.3f} ({gap['low']:+.3f} to {gap['high']:+.3f})"
    assert f">{shown_gap}</td>" in page


def test_a_single_method_is_compared_with_none(compared, page_of):
    alone = dataclasses.replace(compared, scores={"tpspred": compared.scores["tpspred"]})
    assert "Beside other methods" in page_of(compared)
    assert "Beside other methods" not in page_of(alone)


def test_the_page_names_the_most_frequent_confusions(scored_by_hand, page_of):
    """Of ten enzymes of a, seven are called a and three b; one of b is called a."""
    targets = np.repeat(np.eye(2), 10, 0)
    called = targets.astype(bool)
    called[:3] = [False, True]
    called[10, 0] = True
    labels = [Label("ensemble", "a"), Label("ensemble", "b"), IS_TPS]
    with_tps = np.c_[targets, np.ones(20)]
    page = page_of(
        scored_by_hand(
            with_tps,
            labels=labels,
            called=np.c_[called, np.ones(20, bool)],
            scores={"tpspred": with_tps},
        )
    )
    items = re.findall(r"<li>(.*?)</li>", page)
    words = [" ".join(re.sub("<[^>]*>", " ", item).split()) for item in items]
    assert words == ["a 70 % b 30 %", "b 100 % a 10 %"]
    matrix = page[page.index('class="matrix"') :]
    rows = re.findall(r'<tr><th scope="row">(\w)</th>(.*?)</tr>', matrix)
    cells = {name: re.findall(r">(\d*)</td>", row) for name, row in rows}
    assert cells == {"a": ["70", "30"], "b": ["10", "100"]}


def test_a_page_without_enough_enzymes_says_so(scored_by_hand, page_of):
    """No ensemble has five enzymes, and nothing is a terpene synthase."""
    targets = np.zeros((6, 3))
    targets[0, 0] = 1
    labels = [Label("ensemble", "a"), Label("ensemble", "b"), IS_TPS]
    sources = np.array(["enzymes"] * 4 + ["random"] * 2)
    page = page_of(scored_by_hand(targets, labels=labels, sources=sources))
    assert "No ensemble has enough characterised enzymes" in page
    assert "<svg" not in page
    assert re.findall("<h2>(.*?)</h2>", page) == ["What the numbers mean"]


def test_no_curve_is_drawn_where_everything_is_positive(scored_by_hand, page_of):
    targets = np.ones((6, 2))
    labels = [Label("ensemble", "a"), IS_TPS]
    page = page_of(scored_by_hand(targets, labels=labels))
    assert page.count("<svg") == 1 and "<h3>Reliability</h3>" in page


def test_names_on_the_page_are_only_text(compared, page_of):
    evil = "<script>alert(1)</script>"
    sources = np.where(compared.sources == "negatives", evil, compared.sources)
    labels = [dataclasses.replace(compared.labels[0], name=f"{evil}x"), *compared.labels[1:]]
    scores = {evil if name == "alignment" else name: own for name, own in compared.scores.items()}
    page = page_of(dataclasses.replace(compared, sources=sources, labels=labels, scores=scores))
    assert "<script" not in page
    assert page.count(html.escape(evil)) >= 3 and html.escape(f"{evil}x") in page


def test_the_page_needs_no_other_file_and_no_script(compared, page_of):
    page = page_of(compared)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.replace("http://www.w3.org", ""))
    assert "<script" not in page and "@import" not in page
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    for name in re.findall(r"""(?:href="|url\()#([^")]*)""", page):
        assert name in ids


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
    for _, title, _, _ in report.TABLES:
        assert f"<h2>{title}</h2>" in text
    for method in scored.scores:
        assert f">{method.replace('_', ' ')}, AP " in text
        assert f">{method.replace('_', ' ')}, AUC " in text


LOOK_AT_THE_PAGE = """
onload = () => {
  const box = selector => document.querySelector(selector).getBoundingClientRect()
  const all = selector => [...document.querySelectorAll(selector)]
  const heights = selector => all(selector).map(it => parseFloat(getComputedStyle(it).fontSize))
  const say = {wide: document.documentElement.scrollWidth, main: box("main").width}
  say.headline = box(".tile").top
  say.confusions = Math.min(...heights(".confusions span"), ...heights(".matrix th"))
  say.cut = all(".confusions span, .tile *, td").filter(it => it.scrollWidth > it.clientWidth + 1
    && getComputedStyle(it).display !== "inline").length
  // Text of a picture is drawn in its own units and scaled with it.
  say.pictures = Math.min(...all("figure svg").flatMap(svg => [...svg.querySelectorAll("text")].map(
    text => parseFloat(getComputedStyle(text).fontSize) * svg.getScreenCTM().a)))
  say.tops = new Set(all("figure").map(it => Math.round(it.getBoundingClientRect().top))).size
  say.labels = all(".matrix tbody th").every(it => it.getBoundingClientRect().left >= 0)
  document.title = JSON.stringify(say)
}
"""


@pytest.mark.slow
@needs_chromium
def test_the_page_can_be_read_in_a_browser(compared, page_of, tmp_path):
    """Nothing hangs over on a phone's width, and a desktop's width is used."""
    names = [f"mono_{'terpinolene' if i % 2 else 'camphene'}{i}" for i in range(30)]
    extra = [Label("ensemble", name) for name in names]
    wide = dataclasses.replace(
        compared,
        labels=[*extra, *compared.labels[2:]],
        targets=np.c_[np.tile(compared.targets[:, :2], 15), compared.targets[:, 2:]],
        called=np.c_[np.tile(compared.called[:, :2], 15), compared.called[:, 2:]],
        scores={
            method: np.c_[np.tile(own[:, :2], 15), own[:, 2:]]
            for method, own in compared.scores.items()
        },
    )
    forbidden = "<script>document.title = 'forbidden'</script></body>"
    page = page_of(wide).replace("</body>", forbidden)
    for name, width in ((DESK, 1280), (PHONE, 390)):
        say, log = use(tmp_path, page, LOOK_AT_THE_PAGE, name)
        assert len(log) == 1 and "Content Security Policy" in log[0]
        assert say["wide"] <= width
        assert say["main"] > 0.87 * width  # the rest is margins and a scrollbar
        assert say["headline"] < 300
        assert say["confusions"] >= 12
        assert say["pictures"] >= 11
        assert say["cut"] == 0
        assert say["labels"]
        assert say["tops"] == (1 if width == 1280 else 3)
