"""What predict writes: the table and its schema, GFF3, JSON lines, the page in a real browser."""

import csv
import dataclasses
import importlib.resources
import io
import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from support import DATA

from tpspred.errors import InputError
from tpspred.family import motifs, profiles
from tpspred.model import neighbours
from tpspred.model.predictor import Call, EnsembleCall
from tpspred.writers import gff3, html, jsonl, tsv

PROTEINS = DATA / "proteins.faa"
SCHEMA = json.loads(
    importlib.resources.files("tpspred").joinpath("resources/predictions.schema.json").read_text()
)


@pytest.fixture(scope="module")
def odd(model):
    """A call with everything that needs care: characters to escape, altered and missing motifs, neighbours that disagree."""
    near = tuple(
        neighbours.Neighbour(
            f"marts_{i}",
            ("P0<1>", "Q6PWU2"),
            ("A & B",),
            ("1,8-cineole", "α;β"),
            0.5,
            0.4,
            (),
            agrees,
            profiles.Alignment(0.4, 0.9, 1e-50),
        )
        for i, agrees in enumerate((False, None))
    )
    return Call(
        'a|b;c=d%,é "<x>"',
        600,
        "tps",
        model.name,
        0.99,
        "mono",
        0.8,
        (EnsembleCall("mono_pinene", 0.7, 0.5), EnsembleCall("mono_thujene", 0.6, float("nan"))),
        ("mono_pinene",),
        ("no_neighbour_agrees",),
        near,
        (
            motifs.MotifHit("DDxxD", "intact", 300, 304, "DDVYD"),
            motifs.MotifHit("NSE/DTE", "altered", 450, 458, "NDLGTAKGE"),
            motifs.MotifHit("RRx8W", "missing", 0, 0, ""),
        ),
        (profiles.DomainHit("fam", "class_I_alpha", 20, 590, 512.25),),
        np.full(len(model.labels), 0.25),
        np.zeros(64),
    )


def written(writer, model, *calls, **options):
    handle = io.StringIO()
    made = writer(handle, model, **options)
    for call in calls:
        made.write(call)
    made.close()
    return handle.getvalue()


def check(field, text):
    """Whether a cell fits its field of the schema."""
    rules = field.get("constraints", {})
    if text in SCHEMA["missingValues"]:
        return not rules.get("required")
    if field["type"] in ("number", "integer"):
        value = {"number": float, "integer": int}[field["type"]](text)
        return rules.get("minimum", value) <= value <= rules.get("maximum", value)
    return text in rules.get("enum", [text]) and bool(
        re.fullmatch(rules.get("pattern", ".*"), text)
    )


def test_table_fits_its_schema(run, model, odd):
    assert [field["name"] for field in SCHEMA["fields"]] == list(tsv.COLUMNS)
    bad = b">x\nMK*L\n>y\n>z\nXX\n"
    table = "".join(
        [
            run("predict", PROTEINS, "--coverage", 0.9).out.decode(),
            written(tsv.Writer, model, odd),
            run("predict", "-", stdin=bad).out.decode(),
        ]
    )
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("id\t")]
    assert len(rows) == 11
    for row in rows:
        assert len(row) == len(SCHEMA["fields"])
        for field, cell in zip(SCHEMA["fields"], row):
            assert check(field, cell), (field["name"], cell)
    assert (
        not check(SCHEMA["fields"][2], "yes")
        and not check(SCHEMA["fields"][3], "1.5")
        and not check(SCHEMA["fields"][6], "a")
    )


def features(text):
    """GFF3 → list of (columns 1–8, attributes)."""
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return [(line[:8], dict(pair.split("=") for pair in line[8].split(";"))) for line in lines]


def test_gff3_escapes_and_places(model, odd):
    text = written(gff3.Writer, model, odd, dataclasses.replace(odd, id="n", product_type=None))
    found = features(text)
    kinds = [columns[2] for columns, _ in found]
    assert kinds == [
        "polypeptide",
        "polypeptide_domain",
        "polypeptide_motif",
        "polypeptide_magnesium_ion_contact_site",
        "polypeptide_magnesium_ion_contact_site",
        "polypeptide_motif",
    ]
    (columns, attributes), domain, motif, first, last, altered = found
    assert columns == [
        "a|b%3Bc%3Dd%25%2C%C3%A9%20%22%3Cx%3E%22",
        "tpspred",
        "polypeptide",
        "1",
        "600",
        "0.9900",
        ".",
        ".",
    ]
    assert (
        attributes["ID"] == 'a|b%3Bc%3Dd%25%2Cé "<x>"'
        and attributes["nearest_products"] == "1%2C8-cineole,α%3Bβ"
    )
    assert (
        attributes["ensembles"] == "mono_pinene:0.7000,mono_thujene:0.6000"
        and attributes["status"] == "tps"
    )
    assert domain[0][3:6] == ["20", "590", "512.2"] and motif[0][3:5] == ["300", "304"]
    assert (first[0][3:5], last[0][3:5]) == (["300", "300"], ["304", "304"])
    assert altered[1]["state"] == "altered" and altered[1]["residues"] == "NDLGTAKGE"
    assert len({attributes["ID"] for _, attributes in found}) == 6
    assert "##sequence-region a|b%3Bc%3Dd%25%2C%C3%A9%20%22%3Cx%3E%22 1 600" in text


def test_gff3_refuses_an_id_twice(model, odd):
    with pytest.raises(InputError, match="found an id that came before; wanted unique ids in GFF3"):
        written(gff3.Writer, model, odd, odd)


@pytest.mark.skipif(not shutil.which("gt"), reason="genometools is not installed")
def test_gff3_is_valid(run, model, odd, tmp_path):
    """In protein coordinates, and lifted to a genome on both strands."""
    (tmp_path / "odd.gff3").write_text(written(gff3.Writer, model, odd))
    assert run("predict", PROTEINS, "--gff3", tmp_path / "p.gff3").code == 0
    rows = csv.DictReader(io.StringIO((DATA / "expected.tsv").read_text()), delimiter="\t")
    called = [row for row in rows if row["product_type"] != "NA"]
    genome, start = "##gff-version 3\n", 101
    for k, row in enumerate(called):
        name, length, strand = row["id"], 3 * int(row["length"]), "+-"[k % 2]
        middle, end = start + 400, start + length + 998
        parts = [
            (start, middle),
            (middle + 1000, end),
        ]  # the first exon, 401 bases long, ends within a codon
        phases = [0, 1] if strand == "+" else [-(end - middle - 999) % 3, 0]
        for (low, high), phase in zip(parts, phases):
            genome += (
                f"chr1\tx\tCDS\t{low}\t{high}\t.\t{strand}\t{phase}\tID=cds{k};protein_id={name}\n"
            )
        start = end + 1000
    (tmp_path / "genome.gff3").write_text(genome)
    lifted = run("predict", PROTEINS, "--format", "gff3", "--annotation", tmp_path / "genome.gff3")
    assert lifted.code == 0, lifted.err
    (tmp_path / "g.gff3").write_bytes(lifted.out)
    for name in ("odd", "p", "g"):
        done = subprocess.run(
            ["gt", "gff3validator", "-xrfcheck", "-typecheck", "so", tmp_path / f"{name}.gff3"],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0 and "valid GFF3" in done.stdout, done.stderr
    protein, placed = features((tmp_path / "p.gff3").read_text()), features(lifted.out.decode())
    of = [row["id"] for row in called]
    assert {columns[0] for columns, _ in placed} == {"chr1"}
    for columns, attributes in protein:
        parts = [other for other, values in placed if values["ID"] == attributes["ID"]]
        assert sum(int(part[4]) - int(part[3]) + 1 for part in parts) == 3 * (
            int(columns[4]) - int(columns[3]) + 1
        )
        assert {part[6] for part in parts} == {"+-"[of.index(columns[0]) % 2]}
    whole = [other for other, values in placed if values["ID"] == of[0]]
    assert [part[3:5] for part in whole] == [
        ["101", "501"],
        ["1501", str(1501 + 3 * int(called[0]["length"]) - 402)],
    ]


def test_what_is_not_lifted_is_named(run, tmp_path):
    (tmp_path / "g.gff3").write_text("c\tx\tCDS\t1\t2301\t.\t-\t0\tID=fungi_sesq_1\n")
    done = run("predict", PROTEINS, "--format", "gff3", "--annotation", tmp_path / "g.gff3")
    assert done.code == 0 and {columns[0] for columns, _ in features(done.out.decode())} == {"c"}
    assert (
        "3 of 4 called proteins are not in the GFF3: plantae_sesq_mono_1 (no CDS of that name); plantae_tri_1"
        in done.err
    )


def test_json_lines_hold_everything(run, model, odd):
    rows = [
        json.loads(line) for line in run("predict", PROTEINS, "--format", "jsonl").out.splitlines()
    ]
    table = list(csv.DictReader(io.StringIO((DATA / "expected.tsv").read_text()), delimiter="\t"))
    for row, cells in zip(rows, table, strict=True):
        assert (row["id"], str(row["length"]), row["status"]) == (
            cells["id"],
            cells["length"],
            cells["status"],
        )
        assert tsv.number(row["tps_probability"]) == cells["tps_probability"]
        assert row["provenance"]["model_sha256"] == model.checksum
        if row["product_type"]:
            assert (
                len(row["features"]) == 64
                and len(row["probabilities"]) == len(model.labels)
                and len(row["neighbours"]) == 3
            )
            assert row["neighbours"][0]["id"] == cells["nearest_enzyme"] and row["domains"]
            called = {found["name"] for found in row["ensembles"]}
            assert called == {
                name.split(":")[1]
                for name, threshold in row["thresholds"].items()
                if name.startswith("ensemble:") and row["probabilities"][name] >= threshold
            }
    assert rows[-1]["probabilities"] is None and rows[-1]["neighbours"] == []
    made = json.loads(written(jsonl.Writer, model, odd))
    assert made["ensembles"][1] == {"name": "mono_thujene", "probability": 0.6, "precision": None}
    assert made["neighbours"][0]["alignment"]["coverage"] == 0.9


def test_page_escapes_what_it_is_given(model, odd):
    page = written(html.Writer, model, odd)
    assert "<x>" not in page and "&lt;x&gt;" in page and "P0&lt;1&gt;" in page
    assert 'href="https://www.uniprot.org/uniprotkb/Q6PWU2"' in page
    assert (
        not re.search(r"""<(script|link|img|iframe)[^>]*(src|href)=""", page)
        and "@import" not in page
    )
    empty = written(html.Writer, model)
    assert empty.count("None.") == 2 and "0 proteins" in empty


def test_counts_for_multiqc(run, tmp_path):
    done = run("predict", PROTEINS, "--multiqc", tmp_path / "mqc")
    assert (done.code, done.out) == (0, b"")
    status, types = (
        (tmp_path / f"mqc/proteins_tpspred_{section}_mqc.tsv").read_text().splitlines()
        for section in ("status", "type")
    )
    assert status[:4] == [
        '# id: "tpspred_status"',
        '# section_name: "tpspred"',
        '# description: "Proteins by status"',
        '# plot_type: "generalstats"',
    ]
    assert status[4:] == ["Sample\ttps\tuncertain\trelated", "proteins\t4\t0\t0"]
    assert types[3] == '# plot_type: "bargraph"'
    assert dict(zip(*(line.split("\t") for line in types[4:])))["sesq"] == "1"


USE = """<script>
const all = () => [...document.querySelectorAll("#calls > tbody")].filter(body => !body.hidden).map(body => body.dataset.id)
const say = {first: all()}
const put = (id, value) => { const it = document.getElementById(id); it.value = value
  it.dispatchEvent(new Event("input", {bubbles: true})) }
const head = key => document.querySelector(`th[data-key=${key}] button`).click()
head("probability"); say.likely = all(); head("probability"); say.unlikely = all(); head("id"); say.names = all()
put("find", "QW tps"); say.found = all(); say.shown = document.getElementById("shown").textContent
put("find", "nowhere"); say.nothing = !document.getElementById("nothing").hidden; put("find", "")
put("type", "tri"); say.tri = all(); put("type", "")
const button = document.querySelector("#calls > tbody button"), detail = button.closest("tbody").rows[1]
say.before = detail.offsetHeight; button.click(); say.after = detail.offsetHeight
say.expanded = button.getAttribute("aria-expanded"); say.track = detail.querySelector("svg").getBoundingClientRect().width
say.wide = document.documentElement.scrollWidth
button.click(); say.again = detail.offsetHeight
document.title = JSON.stringify(say)
</script></body>"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="Chromium is not installed")
def test_page_is_used_in_a_browser(run, tmp_path):
    """Sort, filter and unfold by real events; on a phone's width nothing hangs over."""
    assert run("predict", PROTEINS, "--html", tmp_path / "p.html").code == 0
    page = tmp_path / "used.html"
    page.write_text((tmp_path / "p.html").read_text().replace("</body>", USE))
    (tmp_path / "phone.html").write_text(
        '<iframe src="used.html" style="width:390px;height:800px;border:0"></iframe><script>onload = () => document.title = '
        'document.querySelector("iframe").contentDocument.title</script>'
    )
    rows = list(csv.DictReader(io.StringIO((DATA / "expected.tsv").read_text()), delimiter="\t"))
    called = [row for row in rows if row["product_type"] != "NA"]
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
        likely = sorted(called, key=lambda row: -float(row["tps_probability"]))
        assert say["first"] == [row["id"] for row in called]
        assert (
            say["likely"] == [row["id"] for row in likely]
            and say["unlikely"] == say["likely"][::-1]
        )
        assert say["names"] == sorted(say["first"])
        assert set(say["found"]) == {
            row["id"] for row in called if "QW:" in row["motifs"] and row["status"] == "tps"
        }
        assert say["shown"] == f"{len(say['found'])} of {len(called)}" and say["nothing"]
        assert say["tri"] == [row["id"] for row in called if row["product_type"] == "tri"]
        assert (
            say["before"] == 0
            and say["after"] > 150
            and say["again"] == 0
            and say["expanded"] == "true"
        )
        assert say["track"] > 300 and say["wide"] <= width
