"""tpspred prepare with several tables."""

import os
import subprocess

import pytest
from support import DATA, ROOT

from tpspred.dataset.enzymes import read_enzymes
from tpspred.io.fasta import read_fasta

EXPORT = DATA / "reactions.csv"
NEWER = "marts_2026_02_new.tsv"
HEADER = "id\tproduct_types\tproducts_smiles_nostereo\tensembles\tsequence\n"
ADDITIONAL = (
    "new_1\tmono\tCC1=CCC2CC1C2(C)C\tmono_pinene\tMSTLLWMSTLLW\n"
    "new_2\tdi;sesq\tC=CC(=C)CCC=C(C)C\t\tMKVLAWMKVLAW\n"
)
ROWS = (
    "new_1\tMSTLLWMSTLLW\t\t\tmono_pinene\tmono\t\t\tCC1=CCC2CC1C2(C)C\tCC1=CCC2CC1C2(C)C\t",
    "new_2\tMKVLAWMKVLAW\t\t\tmono_myrcene\tdi;sesq\t\t\tC=CC(=C)CCC=C(C)C\tC=CC(=C)CCC=C(C)C\t",
)


@pytest.fixture
def more(tmp_path, monkeypatch):
    """A table of two additional enzymes in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more.tsv").write_text(HEADER + ADDITIONAL)
    return tmp_path / "more.tsv"


def test_enzymes_of_all_tables_are_labelled(run, more):
    done = run("prepare", EXPORT, "more.tsv", "-o", "d.tsv", "--fasta", "d.faa")
    assert (done.code, done.out) == (0, b"")
    assert done.err.splitlines() == [
        f"tpspred: {EXPORT}: 24 enzymes, 24 distinct sequences",
        "tpspred: more.tsv: 2 enzymes, 2 distinct sequences, 2 of them new",
        "tpspred: 26 sequences labelled",
    ]
    enzymes = read_enzymes("d.tsv")
    assert {(record.id, record.sequence) for record in read_fasta("d.faa")} == {
        (enzyme.id, enzyme.sequence) for enzyme in enzymes
    }
    assert [enzyme.kingdom for enzyme in enzymes if enzyme.id.startswith("new")] == [(), ()]


def test_one_table_alone_and_a_pipe(run, more):
    done = run("prepare", "more.tsv", "-o", "-")
    assert tuple(done.out.decode().splitlines()[1:]) == ROWS
    piped = run("prepare", "-", "-o", "-", stdin=more.read_bytes())
    assert piped.out == done.out and "tpspred: -: 2 enzymes" in piped.err
    both = run("prepare", EXPORT, "-", "-o", "both.tsv", stdin=more.read_bytes())
    assert both.code == 0 and len(read_enzymes("both.tsv")) == 26
    twice = run("prepare", "-", "-", "-o", "d.tsv")
    assert twice.code == 2 and "two inputs from standard input" in twice.err
    assert run("prepare", "-o", "d.tsv").code == 2


@pytest.mark.parametrize(
    "row, message",
    [
        ("new_1\tmono\tCC1=CCC2CC1C2(C)C\t\tMSTLLW\n", "more.tsv and other.tsv, id new_1: found"),
        ("x\tdi\tCC1=CCC2CC1C2(C)C\t\tMSTLLWMSTLLW\n", "enzyme new_1, and other.tsv, enzyme x: f"),
        ("x\tmono\tC=CC(=C)C\tmono_pinene\tMSTLLW\n", "other.tsv, line 2, column ensembles: found"),
        ("x\tNegative\tNegative\t\tMSTLLW\n", "belongs to the --negatives of tpspred train"),
    ],
)
def test_nothing_is_written_of_tables_that_are_refused(run, more, row, message):
    (more.parent / "other.tsv").write_text(HEADER + row)
    done = run("prepare", "more.tsv", "other.tsv", "-o", "d.tsv", "--fasta", "d.faa")
    assert done.code == 1 and message in done.err and "Traceback" not in done.err
    assert sorted(path.name for path in more.parent.iterdir()) == ["more.tsv", "other.tsv"]


def test_no_table_is_an_output(run, more):
    done = run("prepare", EXPORT, "more.tsv", "-o", "more.tsv")
    assert done.code == 2 and "the output more.tsv is the input more.tsv" in done.err
    assert more.read_text() == HEADER + ADDITIONAL


@pytest.mark.parametrize("names", [["marts_reactions.csv.gz"], ["marts_reactions.csv.gz", NEWER]])
def test_build_model_uses_the_additional_table_if_it_is_there(tmp_path, names):
    """A program in place of Python prints the first command of the script, and fails."""
    data = tmp_path / "a b"
    data.mkdir()
    for name in names:
        (data / name).touch()
    program = tmp_path / "python"
    program.write_text('#!/bin/sh\nshift\nprintf "%s\\n" "$@"\nexit 3\n')
    program.chmod(0o755)
    done = subprocess.run(
        [ROOT / "bin/build-model", data, tmp_path / "m.h5"],
        env=os.environ | {"PYTHON": str(program)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    words = done.stdout.splitlines()
    assert words[: words.index("-o")] == ["prepare", *(str(data / name) for name in names)]
