"""tpspred predict on several files, which the column source tells apart."""

import csv
import gzip
import io
import json
import os
import pathlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import DATA

PROTEINS = (DATA / "proteins.faa").read_bytes()
EXPECTED = (DATA / "expected.tsv").read_text().splitlines()
SHORT = b">x\nMKV\n>plantae_tri_1\nMKL\n"  # the second id is one of the test proteins


def rows_of(data):
    return list(csv.DictReader(io.StringIO(data.decode()), delimiter="\t"))


def keys(data):
    return [(row["source"], row["id"]) for row in rows_of(data)]


@pytest.fixture
def genomes(tmp_path, monkeypatch):
    """A folder with genomes of one base name in two folders, one of them compressed."""
    monkeypatch.chdir(tmp_path)
    for folder, content in (("a", PROTEINS), ("b c", gzip.compress(SHORT))):
        pathlib.Path(folder).mkdir()
        pathlib.Path(folder, "p.faa").write_bytes(content)
    return ["a/p.faa", "b c/p.faa"]


def test_rows_are_those_of_single_runs_in_the_order_of_the_files(run, genomes):
    done = run("predict", *genomes)
    assert done.code == 0 and "9 proteins of 2 files scored with" in done.err
    header, *rows = done.out.decode().splitlines()
    assert header == f"{EXPECTED[0]}\tsource"
    assert rows[:7] == [f"{row}\ta/p.faa" for row in EXPECTED[1:]]
    alone = run("predict", genomes[1]).out.decode().splitlines()
    assert rows[7:] == [f"{row}\tb c/p.faa" for row in alone[1:]]
    backwards = run("predict", *genomes[::-1]).out.decode().splitlines()
    assert backwards == [header, *rows[7:], *rows[:7]]


def test_an_id_may_come_in_every_file_but_only_once_in_each(run, genomes):
    done = run("predict", *genomes, "--duplicates", "error")
    assert done.code == 0 and "came before" not in done.err
    ids = [row_id for _, row_id in keys(done.out)]
    assert ids.count("plantae_tri_1") == 2
    pathlib.Path("twice.faa").write_bytes(SHORT * 2)
    done = run("predict", *genomes, "twice.faa", "--duplicates", "error")
    assert done.code == 1 and "twice.faa, record 3: found the id x, which came before" in done.err


def test_one_file_has_the_column_only_if_it_is_wanted(run, genomes):
    assert run("predict", genomes[0]).out.decode().splitlines() == EXPECTED
    named = run("predict", genomes[0], "--source").out.decode().splitlines()
    assert named == [EXPECTED[0] + "\tsource", *(f"{row}\ta/p.faa" for row in EXPECTED[1:])]
    assert "source" not in json.loads(run("predict", genomes[0], "-f", "jsonl").out.splitlines()[0])
    assert b"source=" not in run("predict", genomes[0], "-f", "gff3").out


def test_the_column_stands_between_the_model_and_the_labels(run, genomes):
    header = run("predict", *genomes, "--all").out.decode().splitlines()[0].split("\t")
    assert header[header.index("model") + 1] == "source"
    assert header[: header.index("source")] == EXPECTED[0].split("\t")
    rows = rows_of(run("predict", *genomes, "--all").out)
    assert rows[0]["source"] == "a/p.faa" and rows[-1]["ensemble:mono_pinene"] == "NA"


def test_all_formats_name_the_source(run, genomes):
    names = [part for kind in ("gff3", "jsonl", "html") for part in (f"--{kind}", kind)]
    assert run("predict", *genomes, *names).code == 0
    lines = pathlib.Path("jsonl").read_text().splitlines()
    assert [json.loads(line)["source"] for line in lines] == ["a/p.faa"] * 7 + ["b c/p.faa"] * 2
    proteins = [
        line for line in pathlib.Path("gff3").read_text().splitlines() if "\tpolypeptide\t" in line
    ]
    assert len(proteins) == 4 and all(line.endswith(";source=a/p.faa") for line in proteins)
    page = pathlib.Path("html").read_text()
    assert '<td>a/p.faa</td><td class="n">7</td><td class="n">3</td>' in page
    assert '<td>b c/p.faa</td><td class="n">2</td><td class="n">0</td>' in page
    assert page.count('"tpspred-profile:') == page.count(',"a/p.faa"],') == 4
    assert run("predict", genomes[0], "--html", "one").code == 0
    assert 'id="sources"' not in pathlib.Path("one").read_text()


def test_standard_input_and_stores_are_inputs_among_others(run, genomes):
    assert run("embed", genomes[0], "-o", "p.h5").code == 0
    done = run("predict", genomes[1], "-", "p.h5", stdin=SHORT)
    assert [source for source, _ in keys(done.out)] == ["b c/p.faa"] * 2 + ["-"] * 2 + ["p.h5"] * 7
    rows = done.out.decode().splitlines()[5:]
    assert [row.rpartition("\t")[0] for row in rows] == EXPECTED[1:]
    done = run("predict", "p.h5", genomes[0], "--batch-residues", 100, "-o", "x.tsv")
    assert done.code == 2 and not os.path.exists("x.tsv")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("a/p.faa", "b c/p.faa", "a/p.faa"), "found the input a/p.faa twice; wanted each once"),
        (("-", "a/p.faa", "-"), "two inputs from standard input"),
        (("a/p.faa", "b c/p.faa", "-o", "b c/p.faa"), "the output b c/p.faa is the input b"),
        (("a/p.faa", "b c/p.faa", "-o", "x", "--summary", "x"), "two outputs to x"),
    ],
)  # fmt: skip
def test_wrong_use_is_refused(run, genomes, arguments, message):
    done = run("predict", *arguments)
    assert (done.code, done.out) == (2, b"") and message in done.err
    assert sorted(os.listdir()) == ["a", "b c"]


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "z.faa: No such file or directory"),
        (b"LOCUS x\n", "z.faa, line 1: found a GenBank file; wanted proteins in FASTA"),
        (b">x\n" + b"ACGT" * 20, "z.faa: found nucleotide sequences only, such as record x"),
        (gzip.compress(PROTEINS)[:-9], "z.faa, after line 0: found damaged"),
    ],
)
def test_a_bad_third_file_is_named_and_nothing_is_written(run, genomes, content, message):
    if content is not None:
        pathlib.Path("z.faa").write_bytes(content)
    before = sorted(os.listdir())
    outputs = ("--tsv", "t", "--jsonl", "j", "--gff3", "g", "--html", "h", "--summary", "s")
    done = run("predict", *genomes, "z.faa", *outputs)
    assert done.code == 1 and f"tpspred: error: {message}" in done.err
    assert sorted(os.listdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize("of", [1, 2, 4, 11])
def test_shards_of_several_files_merge_to_the_single_run(run, genomes, of):
    names = [f"{number}.tsv" for number in range(1, of + 1)]
    for number, name in enumerate(names, 1):
        assert run("predict", *genomes, "--shard", f"{number}/{of}", "-o", name).code == 0
    assert run("merge", *names, "-o", "-").out == run("predict", *genomes).out


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda name: name not in (".", "..") and len(name.encode()) < 100)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(NAMES, min_size=2, max_size=3, unique_by=str.casefold))
def test_any_file_name_keeps_rows_and_cells_apart(run, tmp_path_factory, names):
    """A name may have tabs, line ends and what JSON, GFF3 or HTML give a meaning."""
    folder = tmp_path_factory.mktemp("names")
    sources = []
    for number, name in enumerate(names):
        (folder / str(number)).mkdir()
        path = folder / str(number) / name
        path.write_bytes(gzip.compress(SHORT) if number else SHORT)
        sources.append(str(path))
    outputs = [folder / kind for kind in ("tsv", "jsonl", "html", "s")]
    flags = ("--tsv", "--jsonl", "--html", "--summary")
    done = run("predict", *sources, *(part for pair in zip(flags, outputs) for part in pair))
    assert done.code == 0, done.err
    table, lines, _, summary = (path.read_bytes() for path in outputs)
    rows = table.decode().split("\n")
    source = rows[0].split("\t").index("source")
    assert len(rows) == 2 + 2 * len(names) and {row.count("\t") for row in rows[:-1]} == {source}
    by_source = {}
    for row in rows[1:-1]:
        by_source.setdefault(row.split("\t")[source], []).append(row.split("\t")[0])
    assert list(by_source.values()) == [["x", "plantae_tri_1"]] * len(names)
    objects = [json.loads(line) for line in lines.decode().split("\n")[:-1]]
    assert [one["source"] for one in objects] == [name for name in sources for _ in range(2)]
    assert [line.split("\t")[0] for line in summary.decode().split("\n")[1:-1]] == list(by_source)


def test_a_name_that_is_no_text_is_escaped(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [os.fsdecode(b"\xff.faa"), "ok.faa"]
    for name in names:
        pathlib.Path(name).write_bytes(SHORT)
    assert run("predict", *names, "-o", "t", "--jsonl", "j").code == 0
    assert [source for source, _ in keys(pathlib.Path("t").read_bytes())][0] == r"\udcff.faa"
    first = json.loads(pathlib.Path("j").read_text().splitlines()[0])
    assert first["source"] == names[0]
