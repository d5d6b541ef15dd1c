"""The page of calls, as text and in a real browser."""

import base64
import csv
import dataclasses
import hashlib
import io
import json
import re
import shutil
import subprocess
from html import escape

import numpy as np
import pytest
from support import DATA

from tpspred.dataset.labels import IS_TPS
from tpspred.encoders.representations import represent_screened
from tpspred.family.motifs import MotifHit
from tpspred.family.profiles import DomainHit
from tpspred.family.screening import screen
from tpspred.io.fasta import ProteinRecord
from tpspred.model.calls import CONFIDENCE, EnsembleCall, ProductCall
from tpspred.model.predictor import Predictor
from tpspred.writers import Place, html

PROTEINS = DATA / "proteins.faa"


def test_the_page_escapes_what_it_is_given(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call)
    assert "<x>" not in page
    assert "&lt;x&gt;" in page
    assert "P0&lt;1&gt;" in page
    assert 'href="https://www.uniprot.org/uniprotkb/Q6PWU2"' in page


def test_the_page_has_products_and_identifiers(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call)
    assert "Products, most likely first" in page
    assert page.index("<span>1,8-cineole</span>") < page.index("<span>α-pinene</span>")
    assert "putative 1,8-cineole/α-pinene synthase · EC 4.2.3.108 · EC 4.2.3.119" in page
    assert "GO:0010333 · class I<" in page
    bare = written(html.Writer, model, awkward_call._replace(products=()))
    assert "Products, most likely first" not in bare


SCRIPT = "<script>alert(1)</script>"
ATTRIBUTE = 'x" onmouseover="alert(1)'


@pytest.fixture
def first(small, enzymes):
    """The first enzyme as the small model's networks see it."""
    encoder = small.predictor.encoder
    proteins = screen([ProteinRecord("first", "", enzymes[0].sequence)], encoder.profiles)
    return represent_screened(proteins, encoder, small.predictor.feature_names)[0]


@pytest.fixture(params=[SCRIPT, ATTRIBUTE], ids=["script", "attribute"])
def evil(request):
    """A name that a stranger's model may contain."""
    return request.param


def is_harmless(page, evil):
    """Whether a page shows a name, but only as text."""
    return escape(evil) in page and evil not in page and page.count("<script>") == 1


def test_label_names_of_a_model_are_only_text(small, first, evil, written):
    """The names of the labels reach counts, rows, bars, titles and choices."""
    labels = [dataclasses.replace(label, name=f"{evil}{i}") for i, label in enumerate(small.labels)]
    labels[small.predictor.tps_column] = IS_TPS
    trained = dataclasses.replace(small.predictor.trained, labels=labels)
    calibration = dataclasses.replace(
        small.predictor.calibration,
        tps_threshold=0.0,
        thresholds=np.zeros(len(labels)),
    )
    predictor = Predictor(
        small.predictor.encoder,
        trained,
        lambda: small.predictor.references,
        lambda: small.predictor.decision,
        small.predictor.training_record | {"name": evil},
        lambda: calibration,
    )
    call = predictor.call(first)
    assert call.status == "tps" and evil in call.product_type
    assert evil in call.ensembles[0].name
    page = written(html.Writer, predictor, call)
    assert is_harmless(page, evil)
    assert page.count(escape(call.ensembles[0].name)) >= 4  # bar, row twice, level


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "status",
        "product_type",
        "flags",
        "ensembles",
        "products",
        "motifs",
        "domains",
        "neighbours",
    ],
)
def test_every_text_of_a_call_is_only_text(model, awkward_call, written, evil, field):
    value = {
        "flags": (evil,),
        "ensembles": (EnsembleCall(evil, 0.7),),
        "products": (ProductCall(evil, 0.7),),
        "motifs": (
            MotifHit(evil, "intact", 3, 7, evil),
            MotifHit("DDxxD", evil, 3, 7, evil),
            MotifHit("DDxxD", "intact", 3, 7, evil),
        ),
        "domains": (DomainHit(evil, evil, 1, 590, 512.25),),
        "neighbours": tuple(
            dataclasses.replace(
                near, id=evil, accessions=(evil,), species=(evil,), products=(evil,)
            )
            for near in awkward_call.neighbours
        ),
    }.get(field, evil)
    page = written(html.Writer, model, awkward_call._replace(**{field: value}))
    assert is_harmless(page, evil)


def test_names_of_inputs_are_only_text(model, awkward_call, written, evil):
    sources = [evil, "other.faa"]
    page = written(html.Writer, model, awkward_call, place=Place(evil), sources=sources)
    assert is_harmless(page, evil)
    assert page.count(escape(evil)) == 3  # table of inputs, row, and text that is searched
    assert f"{escape(evil)}</td><td class=n>1</td><td class=n>1</td>" in page
    assert "other.faa</td><td class=n>0</td><td class=n>0</td>" in page


def test_a_browser_is_allowed_the_script_of_the_page_alone(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call)
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    (policy,) = re.findall('<meta http-equiv="Content-Security-Policy" content="(.*?)">', page)
    assert policy == (
        f"default-src 'none'; script-src {hash_of(script)}; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert page.index(policy) < page.index("<title>")


def hash_of(script):
    """The hash of a script, as a page's policy gives it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def test_the_page_needs_no_other_file(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call)
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=""", page)
    assert "@import" not in page


def test_a_page_without_calls(model, written):
    page = written(html.Writer, model)
    assert page.count("None.") == 2
    assert "0 proteins" in page


def test_proteins_are_counted(model, awkward_call, unscored_call, written):
    """Related proteins can be filtered by type, but are not counted as terpene synthases."""
    related = awkward_call._replace(status="related", product_type="pt")
    page = written(html.Writer, model, awkward_call, awkward_call, related, unscored_call)
    assert "4 proteins" in page
    assert "<b>2</b>terpene synthases" in page
    assert "<b>0</b>uncertain" in page
    assert "<b>1</b>related enzymes" in page
    bars = re.findall(r'<div class="bar"><span>(\w+)</span>.*?<span>(\d+)</span></div>', page)
    called = ("mono_pinene", "mono_thujene", "mono_sabinene")
    assert bars == [("mono", "2"), *((name, "2") for name in called)]
    options = re.findall(r"<option>(\w+)</option>", page)
    assert options == ["tps", "related", "mono", "pt"]


def test_neighbours_with_and_without_alignment(model, awkward_call, written):
    first, second = awkward_call.neighbours
    half = (first, dataclasses.replace(second, alignment=None))
    page = written(html.Writer, model, awkward_call._replace(neighbours=half))
    assert "<td class=n>0.40</td><td class=n>0.90</td><td class=n>1e-50</td><td>no</td>" in page
    assert "<td class=n>NA</td>" * 3 + "<td>nothing called</td>" in page
    none = tuple(dataclasses.replace(near, alignment=None) for near in half)
    page = written(html.Writer, model, awkward_call._replace(neighbours=none))
    assert "E-value" not in page
    assert "<td class=n>NA</td>" not in page


LEVEL = re.compile(
    r'class="level( called)?" title="([^"]*)"><span>(\w+)</span>.*?'
    r"<span>\d\.\d\d(?: <small>(\w+)</small>)?</span></div>"
)


def test_called_ensembles_are_bold_and_have_a_word_for_their_probability(
    model, awkward_call, written
):
    """The word stands beside the name in the row, and beside the number in the evidence."""
    column_of = {name: i for i, name in model.ensembles.items()}
    probabilities = awkward_call.probabilities.copy()
    for ensemble in awkward_call.ensembles:
        probabilities[column_of[ensemble.name]] = ensemble.probability
    page = written(html.Writer, model, awkward_call._replace(probabilities=probabilities))
    levels = LEVEL.findall(page)
    assert len(levels) == html.SHOWN_LABELS
    words = {"mono_pinene": "confident", "mono_thujene": "likely", "mono_sabinene": "possible"}
    assert {name: word for called, _, name, word in levels if called} == words
    assert all(word in title for _, title, _, word in levels)
    assert not any(word for called, _, _, word in levels if not called)
    cell = ", ".join(f"{name} <small>{word}</small>" for name, word in words.items())
    assert f'<td class="less">{cell} <span class="flag">' in page


def test_a_threshold_is_named_and_marked_if_it_can_be_reached(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call)
    assert "called from 0.20" in page
    strict = written(html.Writer, model.with_promises(1.0, None), awkward_call)
    marks = re.findall(r'title="([^"]*)"><span>.*?</i>(<u[^>]*></u>)?</span>', strict)
    assert any("never called" in title for title, _ in marks)
    assert all(("never called" in title) != bool(mark) for title, mark in marks)


def test_a_call_without_ensembles_says_so(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call._replace(ensembles=(), flags=()))
    assert '<td class="less">none</td>' in page
    assert "<small>" not in page


def test_the_legend_names_the_words_and_their_bounds():
    legend = " ".join(html.LEGEND.split())
    for word, least in CONFIDENCE:
        assert (f"{word} ({least} or more)" if least else word) in legend


def test_a_domain_has_its_name_if_there_is_room(model, awkward_call, written):
    domains = (
        DomainHit("fam", "class_I_alpha", 100, 590, 512.25),
        DomainHit("fam", "class_II_beta", 1, 20, 20.0),
    )
    call = awkward_call._replace(domains=domains)
    page = written(html.Writer, model, call)
    assert ">class_I_alpha 100–590</text>" in page
    assert "class_II_beta 1–20</text>" not in page
    assert "<title>class_II_beta 1–20, profile fam, 20 bits</title>" in page


def test_names_of_close_motifs_stand_on_several_lines(model, awkward_call, written):
    hits = tuple(MotifHit("QW", "intact", 300 + k, 307 + k, "QAAAGAWA") for k in range(3))
    page = written(html.Writer, model, awkward_call._replace(motifs=hits))
    heights = re.findall(r'<text [^>]*y="(\d+)"[^>]*>QW', page)
    assert len(heights) == len(set(heights)) == 3


USE_THE_PAGE = """
const all = () => [...document.querySelectorAll("#calls > tbody")]
  .filter(body => !body.hidden).map(body => body.dataset.id)
const say = {first: all()}
const put = (id, value) => { const it = document.getElementById(id); it.value = value
  it.dispatchEvent(new Event("input", {bubbles: true})) }
const head = key => document.querySelector(`th[data-key=${key}] button`).click()
head("probability"); say.likely = all(); head("probability"); say.unlikely = all()
head("id"); say.names = all()
put("find", "QW tps"); say.found = all(); say.shown = document.getElementById("shown").textContent
put("find", "nowhere"); say.nothing = !document.getElementById("nothing").hidden; put("find", "")
put("type", "tri"); say.tri = all(); put("type", "")
const button = document.querySelector("#calls > tbody button")
const detail = button.closest("tbody").rows[1]
say.before = detail.offsetHeight; button.click(); say.after = detail.offsetHeight
say.expanded = button.getAttribute("aria-expanded")
say.track = detail.querySelector("svg").getBoundingClientRect().width
say.wide = document.documentElement.scrollWidth
button.click(); say.again = detail.offsetHeight
document.title = JSON.stringify(say)
"""
PHONE = """<iframe src="used.html" style="width:390px;height:800px;border:0"></iframe>
<script>onload = () =>
  document.title = document.querySelector("iframe").contentDocument.title</script>"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium is not installed")
def test_the_page_works_in_a_browser(run, tmp_path):
    """Sort, filter and unfold by real events; on a phone's width nothing hangs over."""
    assert run("predict", PROTEINS, "--html", tmp_path / "p.html").code == 0
    page = (tmp_path / "p.html").read_text()
    # The page's policy has to allow the script of this test, too; it still forbids any other.
    page = page.replace("script-src ", f"script-src {hash_of(USE_THE_PAGE)} ")
    scripts = f"<script>document.title = 'forbidden'</script><script>{USE_THE_PAGE}</script></body>"
    (tmp_path / "used.html").write_text(page.replace("</body>", scripts))
    (tmp_path / "phone.html").write_text(PHONE)
    rows = csv.DictReader(io.StringIO((DATA / "expected.tsv").read_text()), delimiter="\t")
    called = [row for row in rows if row["product_type"] != "NA"]
    likely = sorted(called, key=lambda row: -float(row["tps_probability"]))
    with_motif = {row["id"] for row in called if "QW:" in row["motifs"] and row["status"] == "tps"}
    for name, width in (("used.html", 1280), ("phone.html", 390)):
        done = subprocess.run(
            [
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--allow-file-access-from-files",
                f"--user-data-dir={tmp_path}/c",
                "--window-size=1280,900",
                "--virtual-time-budget=4000",
                "--dump-dom",
                f"file://{tmp_path}/{name}",
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        say = json.loads(re.search("<title>(.*?)</title>", done.stdout)[1])
        assert say["first"] == [row["id"] for row in called]
        assert say["likely"] == [row["id"] for row in likely]
        assert say["unlikely"] == say["likely"][::-1]
        assert say["names"] == sorted(say["first"])
        assert set(say["found"]) == with_motif
        assert say["shown"] == f"{len(say['found'])} of {len(called)}"
        assert say["nothing"]
        assert say["tri"] == [row["id"] for row in called if row["product_type"] == "tri"]
        assert say["before"] == 0
        assert say["after"] > 150
        assert say["again"] == 0
        assert say["expanded"] == "true"
        assert say["track"] > 300
        assert say["wide"] <= width
