"""The page of calls, as text and in a real browser."""

import csv
import dataclasses
import json
import re
import xml.etree.ElementTree as ET
from html import unescape

import numpy as np
import pytest
from browser import DESK, PHONE, hash_of, needs_chromium, use
from markupsafe import escape
from support import DATA

from tpspred.console import printable
from tpspred.dataset.labels import IS_TPS
from tpspred.encoders.representations import represent_screened
from tpspred.errors import InputError
from tpspred.family.motifs import MotifHit
from tpspred.family.profiles import DomainHit
from tpspred.family.screening import screen
from tpspred.io.fasta import ProteinRecord, read_fasta
from tpspred.model.calls import CONFIDENCE, EnsembleCall, ProductCall
from tpspred.model.predictor import Predictor
from tpspred.writers import Place, html

PROTEINS = DATA / "proteins.faa"


def data_of(page):
    """The data that the script of a page reads."""
    (text,) = re.findall('<script type="application/json" id="data">(.*?)</script>', page)
    return json.loads(text)


def text_of(page):
    """The text that a page shows without its script, with single spaces."""
    body = re.sub("<(style|script).*?</\\1>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]*>", " ", body)).split())


SCRIPT = "<script>alert(1)</script>"
ATTRIBUTE = 'x" onmouseover="alert(1)'


@pytest.fixture(
    params=[SCRIPT, ATTRIBUTE, "</script>\u2028<!--"], ids=["script", "attribute", "end"]
)
def evil(request):
    """A name that a stranger's model or file may contain."""
    return request.param


def is_harmless(page, evil):
    """Whether a name is nowhere in the page as it is, and the page has its own two scripts only."""
    return evil not in page and len(re.findall("<script", page)) == 2


@pytest.fixture
def first(small, enzymes):
    """The first enzyme as the small model's networks see it."""
    encoder = small.predictor.encoder
    proteins = screen([ProteinRecord("first", "", enzymes[0].sequence)], encoder.profiles)
    return represent_screened(proteins, encoder, small.predictor.feature_names)[0]


def strangers_model(small, name):
    """The small model with a name of its own and of its labels; it calls everything."""
    labels = [dataclasses.replace(label, name=f"{name}{i}") for i, label in enumerate(small.labels)]
    labels[small.predictor.tps_column] = IS_TPS
    trained = dataclasses.replace(small.predictor.trained, labels=labels)
    calibration = dataclasses.replace(
        small.predictor.calibration,
        tps_threshold=0.0,
        thresholds=np.zeros(len(labels)),
    )
    return Predictor(
        small.predictor.encoder,
        trained,
        lambda: small.predictor.references,
        lambda: small.predictor.decision,
        small.predictor.training_record | {"name": name},
        lambda: calibration,
    )


def test_label_names_of_a_model_are_only_text(small, first, evil, written):
    """The names of the labels reach bars, sentences and the data of the script."""
    predictor = strangers_model(small, evil)
    call = predictor.call(first)
    assert call.status == "tps" and evil in call.product_type
    page = written(html.Writer, predictor, call)
    assert is_harmless(page, evil)
    assert page.count(str(escape(call.ensembles[0].name))) == 3  # title, value and words of its bar
    assert evil in data_of(page)["substrates"].popitem()[0]
    assert call.ensembles[0].name in {one["slug"] for one in data_of(page)["ensembles"]}


@pytest.mark.parametrize(
    "field",
    [
        "id",
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
    assert evil in json.dumps(data_of(page), ensure_ascii=False).replace('\\"', '"')


def test_names_of_inputs_and_the_command_are_only_text(model, awkward_call, written, evil):
    sources = [evil, "other.faa"]
    place = Place(evil)
    page = written(
        html.Writer, model, awkward_call, place=place, sources=sources, command=f"tpspred {evil}"
    )
    assert is_harmless(page, evil)
    shown = escape(evil.replace("\u2028", "\\u2028"))
    assert page.count(shown) == 3  # input, command, and table of inputs
    assert f'<tr><td>{shown}</td><td class="n">1</td><td class="n">1</td>' in page
    assert '<tr><td>other.faa</td><td class="n">0</td><td class="n">0</td>' in page


def test_a_browser_is_allowed_the_script_of_the_page_alone(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call)
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    (policy,) = re.findall('<meta http-equiv="Content-Security-Policy" content="(.*?)">', page)
    assert policy == (
        f"default-src 'none'; script-src {hash_of(script)}; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert page.index(policy) < page.index("<title>")


def test_the_page_needs_no_other_file(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call)
    assert not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=""", page)
    assert "@import" not in page and "url(" not in page


def test_the_page_says_what_made_it(model, awkward_call, written, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1771718400")
    command = "tpspred predict 'my proteins.faa' --html x.html"
    page = written(html.Writer, model, awkward_call, sources=["a/my proteins.faa"], command=command)
    text = text_of(page)
    assert "Terpene synthases in my proteins.faa Input a/my proteins.faa" in text
    assert f"Date 2026-02-22 Model {model.name} tpspred" in text
    assert f"Command {command} " in text
    assert "Terpene synthases Input standard input" in text_of(
        written(html.Writer, model, sources=["-"])
    )
    many = written(html.Writer, model, sources=list("abcde"))
    assert "in 5 files Inputs a, b, c and 2 more" in text_of(many)


def test_the_date_is_that_of_today_or_of_the_variable(monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", html.today())
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert html.today() == "1970-01-01"
    for value in ("yesterday", "1e400", "9" * 30):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
        with pytest.raises(InputError, match="SOURCE_DATE_EPOCH: found .*; wanted seconds"):
            html.today()


def test_a_wrong_date_stops_a_run_before_it_predicts(run, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    done = run("predict", PROTEINS, "--html", tmp_path / "p.html")
    assert (done.code, done.out) == (1, b"")
    assert "tpspred: error: SOURCE_DATE_EPOCH: found 'today'; wanted seconds" in done.err
    assert not list(tmp_path.iterdir())


def test_a_page_without_calls(model, unscored_call, written):
    page = written(html.Writer, model, unscored_call)
    assert "None of 1 protein is called a terpene synthase." in text_of(page)
    assert "not scored: 1 empty" in text_of(page)
    assert data_of(page)["proteins"] == []
    assert 'id="calls"' not in page and 'class="bar"' not in page


def test_proteins_are_counted_in_words(model, awkward_call, unscored_call, written):
    """Related and uncertain proteins are rows, but are not counted as terpene synthases."""
    related = awkward_call._replace(status="related", product_type="pt")
    likely = awkward_call._replace(status="uncertain", ensembles=())
    other = unscored_call._replace(status="not_tps")
    calls = [awkward_call, other, related, awkward_call, likely, unscored_call, other]
    page = written(html.Writer, model, *calls)
    text = text_of(page)
    assert (
        "2 of 7 proteins are called terpene synthases. 1 more is uncertain: too likely to leave "
        "out, not likely enough to call. 1 related enzyme makes prenyl diphosphates, squalene or "
        "phytoene. Most common product type: monoterpenes (2)." in text
    )
    assert (
        "2 terpene synthases 1 uncertain protein 1 related enzyme 2 not terpene synthases "
        "not scored: 1 empty" in text
    )
    assert "monoterpenes (C10) 2" in text
    assert "pinene monoterpenes 2 thujene monoterpenes 2 sabinene monoterpenes 2" in text
    # A page never has a row for what is not called.
    assert len(data_of(page)["proteins"]) == 4
    shares = re.findall(r'<i class="(\w+)" style="flex-grow:(\d+)">', page)
    assert shares == [("tps", "2"), ("uncertain", "1"), ("related", "1")]


def test_several_inputs_are_counted_apart(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call, place=Place("b"), sources=["a", "b"])
    head = re.findall('<th class="n">(.*?)</th>', page)
    assert head[:4] == ["proteins", "tps", "uncertain", "related"]
    assert head[4:] == ["mono", "mono_pinene", "mono_sabinene", "mono_thujene"]
    one = written(html.Writer, model, awkward_call, place=Place("a"), sources=["a"])
    assert 'id="sources"' not in one


def test_an_ensemble_is_named_in_words_and_drawn(model, awkward_call, written):
    page = written(html.Writer, model, awkward_call)
    bar = re.search('<button [^>]*data-value="mono_pinene".*?</button>', page)[0]
    assert "drawn: α-pinene" in bar and "<span>pinene monoterpenes</span>" in bar
    assert '<path d="M' in bar


def test_the_legend_names_the_words_and_their_bounds_flags_and_regions(model, written):
    text = text_of(written(html.Writer, model))
    for word, least in CONFIDENCE:
        assert (f"{word} ({least} or more)" if least else f"{word} (less)") in text
    for short, sentence in html.FLAGS.values():
        assert f"{short} {sentence}" in text
    assert "class I α domain" in text


START = """
addEventListener("load", async () => {
  const say = {}
  const wait = () => new Promise(done => setTimeout(done, 300))
  const rows = () => [...document.querySelectorAll(".protein")]
  const all = () => rows().map(body => body.querySelector(".id").textContent)
  const put = (id, value) => { const it = document.getElementById(id); it.value = value
    it.dispatchEvent(new Event("input", {bubbles: true})) }
  const press = key => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}))
  const files = []
  // A real blob is read in real time, for which virtual time does not wait.
  window.Blob = class { constructor(parts) { this.parts = parts } }
  URL.createObjectURL = blob => { files.push(blob.parts.join("")); return "#" }
  HTMLAnchorElement.prototype.click = function () { files.push(this.download) }
  const savedBy = button => { files.length = 0; button.click(); return [files[1], files[0]] }
  await wait()
"""
END = """
  document.title = JSON.stringify(say)
})
"""
USE_THE_PAGE = f"""{START}
say.first = all()
const head = key => document.querySelector(`[data-sort=${{key}}] button`).click()
head("id"); say.names = all(); head("id"); say.backwards = all()
put("sort", "length"); say.long = all()
put("sort", "input"); say.input = all()
put("find", "QW tps"); say.found = all(); say.shown = document.getElementById("shown").textContent
put("find", "nowhere"); say.nothing = !document.getElementById("nothing").hidden
document.getElementById("reset").click(); say.reset = all()
put("type", "tri"); say.tri = all(); put("type", "")
put("status", "related"); say.related = all(); put("status", "")
document.querySelector(".bar[data-filter=ensemble]").click()
say.bar = all(); say.pressed = document.querySelector(".bar").getAttribute("aria-pressed")
document.getElementById("reset").click()

const point = document.querySelector(".point")
point.dispatchEvent(new PointerEvent("pointermove", {{bubbles: true, clientX: 50, clientY: 50}}))
say.tip = document.getElementById("tip").textContent
point.dispatchEvent(new MouseEvent("click", {{bubbles: true}}))
say.clicked = document.querySelector(".open .id").textContent
say.pointed = document.activeElement.querySelector(".id").textContent
press("Enter"); say.closed = document.querySelectorAll(".open").length

put("sort", "input")
rows()[0].firstChild.focus(); press("ArrowDown"); press("ArrowDown")
say.moved = document.activeElement.querySelector(".id").textContent
press("ArrowUp"); press("Enter")
const detail = document.querySelector(".detail")
say.expanded = document.activeElement.getAttribute("aria-expanded")
say.height = detail.offsetHeight
say.evidence = detail.innerText
say.links = [...detail.querySelectorAll("a")].map(a => a.href)
say.drawings = [...detail.querySelectorAll(".molecule use")]
  .map(use => document.querySelector(use.getAttribute("href")).childElementCount)
const track = detail.querySelector(".track svg")
say.track = track.getBoundingClientRect().width
say.cut = [...track.querySelectorAll("text")].filter(text => {{
  const box = text.getBoundingClientRect(), frame = track.getBoundingClientRect()
  return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1
}}).length
say.domains = savedBy(detail.querySelector("button"))
press("x"); say.selected = document.getElementById("shown").textContent
say.sequences = savedBy(document.getElementById("save-sequences"))
press("x")
say.table = savedBy(document.getElementById("save-table"))
say.scatter = savedBy(document.getElementById("save-scatter"))

for (const body of rows()) if (!body.classList.contains("open")) body.firstChild.click()
say.details = document.querySelectorAll(".detail").length
say.hidden = [...document.querySelectorAll(".cell")].filter(cell => !cell.offsetWidth).length
say.wide = document.documentElement.scrollWidth
{END}"""


@pytest.fixture(scope="module")
def called():
    """The called rows of the expected table, in the order of the input."""
    with open(DATA / "expected.tsv", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    return [row for row in rows if row["product_type"] != "NA"]


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("name, width", [(DESK, 1280), (PHONE, 390)])
def test_the_page_works_in_a_browser(run, tmp_path, called, name, width):
    """Sort, filter, unfold, select and save by real events, on a desk and on a phone."""
    assert run("predict", PROTEINS, "--html", tmp_path / "p.html").code == 0
    say, log = use(tmp_path, (tmp_path / "p.html").read_text(), USE_THE_PAGE, name)
    assert log == []
    ids = [row["id"] for row in called]
    status_of = {row["id"]: row["status"] for row in called}
    # Terpene synthases first, related enzymes last.
    order = [["tps", "uncertain", "related"].index(status_of[name]) for name in say["first"]]
    assert order == sorted(order) and sorted(say["first"]) == sorted(ids)
    assert say["input"] == ids and set(say["reset"]) == set(ids)
    assert say["names"] == sorted(ids) == say["backwards"][::-1]
    long_first = sorted(called, key=lambda row: -int(row["length"]))
    assert say["long"] == [row["id"] for row in long_first]
    with_motif = {row["id"] for row in called if "QW:" in row["motifs"] and row["status"] == "tps"}
    assert set(say["found"]) == with_motif
    assert say["shown"] == f"{len(with_motif)} of {len(ids)} shown"
    assert say["nothing"]
    assert say["tri"] == [row["id"] for row in called if row["product_type"] == "tri"]
    assert say["related"] == [row["id"] for row in called if row["status"] == "related"]
    assert 0 < len(say["bar"]) < len(ids)

    # The picture of similarities.
    assert say["clicked"] == say["pointed"] and say["clicked"] in ids and say["closed"] == 0
    assert say["tip"].startswith(f"{say['clicked']}: ")

    # Keys, and the evidence of the second protein.
    assert say["moved"] == ids[2]
    assert say["expanded"] == "true" and say["height"] > 300
    second = called[1]
    evidence = say["evidence"]
    assert f"{second['length']} residues" in evidence and "class I α domain" in evidence
    for motif in second["motifs"].split(";"):
        assert motif.split(":")[2] in evidence
    assert f"https://enzyme.expasy.org/EC/{second['ec'].split(';')[0]}" in say["links"]
    assert any(link.startswith("https://www.uniprot.org/uniprotkb/") for link in say["links"])
    assert say["drawings"] and all(say["drawings"])
    assert 280 < say["track"] <= width and say["cut"] == 0

    # Files.
    assert say["selected"] == f"{len(ids)} of {len(ids)} shown, 1 selected"
    file, sequences = say["sequences"]
    record = next(record for record in read_fasta(PROTEINS) if record.id == ids[1])
    assert file == "tpspred.faa"
    assert sequences.splitlines()[0] == f">{ids[1]}"
    assert "".join(sequences.splitlines()[1:]) == record.sequence
    assert max(map(len, sequences.splitlines()[1:])) == 60
    file, table = say["table"]
    lines = (DATA / "expected.tsv").read_text().splitlines()
    assert file == "tpspred.tsv"
    assert table.splitlines() == [lines[0], *(line for line in lines if line.split("\t")[0] in ids)]
    file, picture = say["scatter"]
    points = ET.fromstring(picture).findall("{*}path[@data-index]")
    assert file == "tpspred_similarity.svg" and len(points) == len(ids)
    assert "rgb(" in points[0].get("style") and "class" not in points[0].attrib
    assert ET.fromstring(say["domains"][1]).find("{*}rect") is not None

    # Nothing hangs over or vanishes, with all rows unfolded.
    assert say["details"] == len(ids) and say["hidden"] == 0
    assert say["wide"] <= width


HOSTILE = "<img src=x onerror=document.title=1><script>document.title=2</script>\"'&"
LOOK = f"""{START}
for (const body of rows()) body.firstChild.click()
say.images = document.querySelectorAll("img, main script").length
say.ids = all()
say.text = document.querySelector("main").innerText
say.wide = document.documentElement.scrollWidth
say.links = [...document.querySelectorAll(".detail a")].map(a => a.protocol)
say.numbers = [...document.querySelectorAll(".row small")].map(one => one.textContent)
say.levels = [...document.querySelectorAll(".level")].map(
  level => [level.title, level.className, level.querySelectorAll("u").length, level.innerText])
say.enzymes = [...document.querySelectorAll(".enzyme")].map(enzyme => enzyme.innerText)
say.track = document.querySelector(".track").outerHTML
say.reaction = document.querySelector(".reaction").innerText
{END}"""


@pytest.mark.slow
@needs_chromium
def test_hostile_and_long_names_are_text_in_the_browser(model, awkward_call, written, tmp_path):
    near = dataclasses.replace(
        awkward_call.neighbours[0],
        id=HOSTILE,
        accessions=("javascript:alert(1)", "Q6PWU2"),
        species=(HOSTILE,),
        products=(HOSTILE, "x" * 300),
        alignment=None,
    )
    call = awkward_call._replace(
        id=HOSTILE + "\u202e" + "y" * 200,
        tps_probability=0.9975,
        product_type=HOSTILE,
        flags=(HOSTILE, "no_neighbour_agrees"),
        products=(ProductCall(HOSTILE + "C" * 200, 0.9),),
        motifs=(MotifHit(HOSTILE, "altered", 300, 304, HOSTILE), *awkward_call.motifs),
        neighbours=(near, *awkward_call.neighbours),
        sequence="MKV",
    )
    known = awkward_call._replace(id="known", tps_probability=0.99999)
    sources = [HOSTILE, "other"]
    page = written(html.Writer, model, call, known, place=Place(HOSTILE), sources=sources)
    forbidden = "<script>document.title = 'forbidden'</script></body>"
    say, log = use(tmp_path, page.replace("</body>", forbidden), LOOK, PHONE)
    # The one message is about the script that the policy forbids.
    assert len(log) == 1 and "Content Security Policy" in log[0]
    assert say["images"] == 0
    assert printable(call.id) in say["ids"] and say["text"].count(HOSTILE) > 5
    assert set(say["links"]) == {"https:"}
    assert say["wide"] <= 390

    # Probabilities near 1 are not 1.
    assert "probability 0.998" in say["numbers"] and "probability >0.999" in say["numbers"]
    # Flags, thresholds, tiers, neighbours and altered motifs in words.
    assert html.FLAGS["no_neighbour_agrees"][1] in say["text"]
    pinene = next(level for level in say["levels"] if level[3].startswith("pinene"))
    assert pinene[:3] == ["mono_pinene, called from 0.20", "level called", 1]
    assert "aligned identity 0.40 · coverage 0.90 · E-value 1e-50" in say["enzymes"][0]
    assert "makes no product of a called ensemble" in say["enzymes"][0]
    assert "no ensemble is called" in say["enzymes"][1]
    assert HOSTILE in say["enzymes"][2] and "aligned" not in say["enzymes"][2]
    assert 'class="motif altered"' in say["track"] and 'class="motif intact"' in say["track"]
    assert "→" in say["reaction"]


@pytest.mark.slow
@needs_chromium
def test_label_names_may_have_the_separators_of_the_table(small, first, written, tmp_path):
    predictor = strangers_model(small, "a;b:c")
    call = predictor.call(first)
    say, log = use(tmp_path, written(html.Writer, predictor, call), LOOK)
    assert log == [] and say["ids"] == ["first"]
    assert f"{call.ensembles[0].name} " in say["text"]


@pytest.mark.slow
@needs_chromium
def test_an_empty_page_and_one_with_a_threshold_that_is_never_reached(
    model, awkward_call, written, tmp_path
):
    empty = (
        "addEventListener('load', () => document.title = JSON.stringify(document.body.innerText))"
    )
    say, log = use(tmp_path, written(html.Writer, model), empty)
    assert "None of 0 proteins is called a terpene synthase." in say and log == []
    strict = model.with_promises(1.0, None)
    say, log = use(tmp_path / "strict", written(html.Writer, strict, awkward_call), LOOK)
    ensembles = [level for level in say["levels"] if level[0].startswith(("mono_", "sesq_", "di_"))]
    assert any("never called" in title for title, *_ in ensembles)
    assert all(("never called" in title) != bool(marks) for title, _, marks, _ in ensembles)


def test_the_page_of_a_proteome_is_small(model, awkward_call, written):
    """Of 150 proteins, each with a sequence of 600 residues."""
    calls = [
        awkward_call._replace(id=f"protein_{k}", sequence="MKVLAWFDER" * 60) for k in range(150)
    ]
    assert len(written(html.Writer, model, *calls).encode()) < 700_000
