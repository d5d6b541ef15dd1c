"""Whatever fails: one line, an exit status, no traceback."""

import json
import os

import pytest

from reliability import readers
from reliability.cases import contents
from reliability.runner import findings_of_process

pytestmark = pytest.mark.slow  # the files to damage take some seconds to make

POOR = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture
def predict(bases):
    """The arguments that predict p.faa."""
    return ("predict", bases.path("p.faa"), "-m", bases.path("c.h5"), "-t", "1")


def test_closed_streams(process, work, bases, predict):
    done = process("2>&-", *predict, "-o", "o.tsv")
    assert (done.status, contents(work)) == (0, {"o.tsv": bases["new.tsv"]})
    done = process("<&- >&- 2>&-", *predict, "-o", "p.tsv")
    assert (done.status, (work / "p.tsv").read_bytes()) == (0, bases["new.tsv"])
    done = process(">&-", *predict)
    assert done.status == 1 and "standard output" in done.err and not findings_of_process(done)
    done = process("2>&- | cat", *predict)
    assert (done.status, done.out) == (0, bases["new.tsv"])


def test_closed_standard_input(process, bases):
    done = process("<&-", "predict", "-", "-m", bases.path("c.h5"))
    assert done.status == 1 and "standard input" in done.err and not findings_of_process(done)


def test_closed_standard_error_and_an_error(process):
    done = process("2>&-", "predict", "nowhere.faa")
    assert (done.status, done.out) == (1, b"")


@pytest.mark.parametrize("environment", [POOR, {"PYTHONIOENCODING": "latin-1"}])
def test_a_terminal_without_greek(process, work, bases, environment):
    (work / "x.faa").write_bytes(bases["p.faa"].replace(b">fungi", ">αlpha".encode()))
    done = process("", "predict", "x.faa", "-m", bases.path("c.h5"), "-q", **environment)
    wanted = bases["new.tsv"].replace(b"\nfungi", "\nαlpha".encode())
    assert (done.status, done.out, done.err) == (0, wanted, "")


def test_a_folder_on_standard_input(process, bases):
    """Python itself refuses it, before tpspred begins."""
    done = process("< .", "predict", "-", "-m", bases.path("c.h5"))
    assert done.status == 1 and "is a directory" in done.err and "Traceback" not in done.err


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "html", "gff3", "gaf"])
def test_a_full_device(process, predict, kind):
    needed = ("--taxon", "3702") if kind == "gaf" else ()
    done = process("> /dev/full", *predict, "-f", kind, *needed)
    assert done.status == 1 and "No space left" in done.err and not findings_of_process(done)


@pytest.mark.parametrize(
    "arguments, text",
    [
        (("--log", "nowhere/log"), "nowhere/log"),
        (("--log", "."), "."),
        (("-o", "."), "."),
        (("-o", "nowhere/o.tsv"), "nowhere/o.tsv"),
        (("-o", "o.tsv", "--annotation", "x"), "x: No such file"),
        (("--html", "o.html", "--annotation", "x"), "x: No such file"),
        (("--multiqc", "o", "--annotation", "x"), "--annotation"),
        (("--multiqc", "x.faa"), "x.faa"),
        (("--references", "x.faa"), "x.faa"),
        (("--references", "nowhere"), "nowhere"),
        (("--neighbours", "0"), "--neighbours"),
    ],
)
def test_options_that_cannot_be(command, predict, work, arguments, text):
    (work / "x.faa").write_text("no FASTA")
    done = command(*predict, *arguments)
    assert not findings_of_process(done), done
    assert done.status in (1, 2) and text in done.err
    assert os.listdir(work) == ["x.faa"]


@pytest.mark.parametrize("name", [".", "nowhere.faa", "x" * 300, "a\nb"])
def test_an_input_that_cannot_be(command, work, name):
    done = command("predict", name)
    assert not findings_of_process(done), done
    assert done.status == 1 and not list(work.iterdir())


@pytest.mark.parametrize("kilobytes", [400_000, 700_000, 800_000, 900_000])
def test_memory_that_does_not_suffice(process, predict, work, bases, kilobytes):
    done = process("", *predict, "-o", "o.tsv", setup=f"ulimit -v {kilobytes};")
    assert not findings_of_process(done, memory_is_short=True), done
    assert contents(work) == ({} if done.status else {"o.tsv": bases["new.tsv"]})


@pytest.mark.parametrize(
    "name, value", [("encoder_attention_heads", 0), ("encoder_layers", -1), ("token_dropout", "x")]
)
def test_weights_with_odd_settings(command, bases, work, name, value):
    import torch

    state = torch.load(bases.path("w.pt"), weights_only=False)
    setattr(state["cfg"]["model"], name, value)
    torch.save(state, work / "w.pt")
    done = command("embed", *bases.embedding("o.h5", "w.pt"))
    assert not findings_of_process(done), done
    assert done.status == 1 and "w.pt" in done.err and os.listdir(work) == ["w.pt"]


@pytest.mark.parametrize("sequence", ["", "MK4V", "MK*V", "ACGT" * 20, "M K V", "ß"])
def test_a_dataset_with_a_broken_sequence(command, bases, work, sequence):
    lines = [line.split("\t") for line in bases["d.tsv"].decode().splitlines()]
    lines[2][lines[0].index("sequence")] = sequence
    (work / "d.tsv").write_text("".join("\t".join(line) + "\n" for line in lines))
    done = command("profiles", "d.tsv", "-o", "o.h5")
    assert not findings_of_process(done), done
    assert done.status == 1 and "d.tsv, line 3" in done.err
    assert os.listdir(work) == ["d.tsv"]


@pytest.mark.parametrize("text", ["a\tb", '"a\nb"', "a\rb", "a|b"])
def test_a_product_name_that_would_break_the_table(command, bases, work, text):
    header, *rows = bases["r.csv"].decode().splitlines()
    cells = rows[0].split(",")
    cells[header.split(",").index("Product_name")] = text
    (work / "r.csv").write_text("\n".join([header, ",".join(cells), *rows[1:]]) + "\n")
    done = command("prepare", "r.csv", "-o", "d.tsv")
    assert not findings_of_process(done), done
    if done.status:
        assert "r.csv, line" in done.err and os.listdir(work) == ["r.csv"]
    else:
        assert not readers.wrong_dataset(
            0, {"o.tsv": (work / "d.tsv").read_bytes(), "o.faa": b">" * 12}
        )


@pytest.mark.parametrize("line", ["[]", "{}", "null", '"x"', "1", "[" * 100_000, "not JSON"])
def test_a_journal_with_another_first_line(command, bases, work, line):
    (work / "w.h5.partial").write_bytes(line.encode() + b"\n" + bytes(1000))
    done = command("embed", *bases.embedding("w.h5"))
    assert not findings_of_process(done), done
    assert done.status == 1 and "w.h5.partial" in done.err
    assert os.listdir(work) == ["w.h5.partial"]


def test_a_journal_of_another_encoder(command, bases, work):
    header, _, entries = bases["w.h5.partial"].partition(b"\n")
    other = json.loads(header) | {"dimension": 10**9}
    (work / "w.h5.partial").write_bytes(json.dumps(other).encode() + b"\n" + entries)
    done = command("embed", *bases.embedding("w.h5"))
    assert not findings_of_process(done), done
    assert done.status == 1 and "dimension" in done.err
