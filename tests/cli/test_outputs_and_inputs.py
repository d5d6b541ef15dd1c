"""The format of an output by its ending, -i for the inputs, and warnings of what a run lacks."""

import os

import pytest
from support import DATA

from tpspred.io.fasta import read_fasta
from tpspred.model import checkpoint
from tpspred.writers import ENDINGS

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()
SHORT = b">x\nMKV\n"


BEGIN = {"tsv": b"id\t", "gff3": b"##gff-", "jsonl": b"{", "html": b"<!DOCTYPE", "gaf": b"!gaf-"}


@pytest.mark.parametrize("ending", [*ENDINGS, ".TSV", ".Html"])
def test_the_ending_of_an_output_tells_its_format(run, tmp_path, ending):
    name = ENDINGS[ending.lower()]
    needed = ["--taxon", "3702"] if name == "gaf" else []
    path = tmp_path / f"calls{ending}"
    done = run("predict", "-", "-o", path, *needed, stdin=SHORT)
    assert (done.code, done.out) == (0, b"")
    assert path.read_bytes()[:9].lower().startswith(BEGIN[name].lower())


@pytest.mark.parametrize("name", ["calls", "calls.txt", "a.faa.gz", "x.html.txt", ".hidden", "..."])
def test_any_other_name_is_a_table(run, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert run("predict", "-", "-o", name, stdin=SHORT).code == 0
    assert (tmp_path / name).read_bytes().startswith(b"id\tlength\t")
    assert run("predict", "-", "-o", name, "-f", "gff3", stdin=SHORT).code == 0
    assert (tmp_path / name).read_bytes().startswith(b"##gff-version 3\n")


@pytest.mark.parametrize(
    "line",
    [
        "predict x -o x.tsv.gz",
        "predict x --tsv x.HTML.xz",
        "predict x --html x.gff.bz2",
        "predict x --summary x.jsonl.zst",
        "annotate x -p x -o x.gff3.gz",
        "merge x -o x.tsv.zip",
        "evaluate x --report x.html.gz",
        "slurm predict x -o x.tsv.gz",
    ],
)
def test_a_compressed_output_is_refused(run, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    done = run(*line.split())
    assert done.code == 2 and "outputs are not compressed" in done.err and not os.listdir()


def test_two_formats_for_one_output_are_refused(run, tmp_path):
    done = run("predict", "-", "-o", tmp_path / "x.gff", "--format", "tsv", stdin=SHORT)
    assert done.code == 2 and "whose ending is that of gff3; wanted one format" in done.err
    assert run("predict", "-", "-o", tmp_path / "x.gff", "--format", "gff3", stdin=SHORT).code == 0


def test_gaf_by_its_ending_needs_a_taxon(run, tmp_path):
    done = run("predict", "-", "-o", tmp_path / "x.gaf", stdin=SHORT)
    assert done.code == 2 and "--taxon" in done.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("predict", "-q", "--source"),
        ("explain", "--id", "animalia_pt_1", "--top", "2"),
        ("embed", "-o", "-"),
    ],
)
def test_i_is_another_way_to_give_the_proteins(run, command):
    usual = run(*command, PROTEINS)
    assert usual.code == 0 and usual.out
    for option in ("-i", "--input"):
        other = run(*command, option, PROTEINS)
        assert (other.code, other.out, other.err) == (0, usual.out, usual.err)


@pytest.mark.slow
def test_i_of_annotate_is_the_annotation(run):
    others = ("--proteins", DATA / "genome.faa")
    assert (
        run("annotate", "-i", DATA / "genome.gff3", *others).out
        == run("annotate", DATA / "genome.gff3", *others).out
        != b""
    )


def test_i_may_be_given_for_several_files(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(SHORT)
    assert run("predict", "-i", "a", "-i", "b").out == run("predict", "a", "b").out
    done = run("predict", "-i", "a", "-i", "a")
    assert done.code == 2 and "found the input a twice" in done.err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("predict", "a", "-i", "b"), "found -i and PROTEINS; wanted one of them; give -i before"),
        (("explain", "a", "-i", "b", "--id", "x"), "found -i and PROTEINS; wanted one of them"),
        (("annotate", "a", "-i", "b", "-p", "c"), "found -i and GENOME; wanted one of them"),
        (("embed", "-i", "a", "-i", "b", "-o", "x"), "found -i 2 times; wanted one file"),
        (("pbs", "embed", "-i", "a", "-i", "b", "-o", "x"), "found -i 2 times; wanted one file"),
        (("predict",), "Missing argument 'PROTEINS...'"),
        (("embed", "-o", "x"), "Missing argument 'PROTEINS'"),
        (("predict", "-i"), "Option '-i' requires an argument"),
        (("predict", "-i", "x", "-o", "x"), "the output x is the input x"),
        (("slurm", "predict", "a", "-i", "b", "-o", "x"), "found -i and PROTEINS; wanted one of"),
    ],
)
def test_inputs_are_given_in_one_way(run, arguments, message):
    done = run(*arguments)
    assert (done.code, done.out) == (2, b"") and message in done.err


@pytest.mark.slow
def test_references_of_other_enzymes_are_a_warning(run, tmp_path, model):
    (tmp_path / "r.faa").write_text(">nobody\nMKVLAW\n")
    done = run("predict", PROTEINS, "--references", tmp_path / "r.faa")
    assert (done.code, done.out) == (0, EXPECTED)
    assert "no alignments: no sequence of" in done.err and "r.faa" in done.err
    done = run("predict", "-", "--references", tmp_path / "r.faa", stdin=SHORT)
    assert done.code == 0 and "warning" not in done.err  # nothing is called
    sequence = next(read_fasta(PROTEINS)).sequence
    every = "".join(f">{known['id']}\n{sequence}\n" for known in model.references.about)
    (tmp_path / "r.faa").write_text(every)
    assert "alignment" not in run("predict", PROTEINS, "--references", tmp_path / "r.faa").err


@pytest.mark.slow
def test_a_model_without_calibration_is_a_warning(run, tmp_path, small):
    checkpoint.save(small.predictor, tmp_path / "raw.h5")
    for command in (("predict", PROTEINS), ("explain", PROTEINS, "--id", "bacteria_sesq_di_1")):
        done = run(*command, "-m", tmp_path / "raw.h5")
        assert done.code == 0
        assert f"{tmp_path}/raw.h5 is not calibrated: its probabilities are raw" in done.err
    assert "calibrat" not in run("predict", PROTEINS).err
