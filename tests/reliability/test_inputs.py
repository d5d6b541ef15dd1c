"""What is read, what gets a row with a status, and what is refused: the command line from outside.

Pipes, FIFOs and process substitution are in ``tests/cli/test_process.py``.
"""

import gzip
import lzma

import pytest

from reliability.runner import findings_of_process

pytestmark = pytest.mark.slow  # the files to damage take some seconds to make

WIDE = ["ß", "ﬁ", "ı", "ſ", "İ", "é", "Ａ", "4", "-", ".", "?", "@", "\x1b"]


@pytest.fixture
def predict(command, bases):
    """Predict FASTA from standard input: predict(data, *options) → outcome, rows as cells."""

    def call(data, *options):
        data = data.encode() if isinstance(data, str) else data
        outcome = command("predict", "-", "-m", bases.path("c.h5"), "-t", 1, *options, stdin=data)
        assert not findings_of_process(outcome), outcome
        rows = outcome.out.decode().split("\n")[1:-1]
        return outcome, [row.split("\t")[:3] for row in rows]

    return call


@pytest.mark.parametrize(
    "record, row",
    [
        (">x\nMK4V\n", ["x", "4", "invalid_residue"]),
        (">x\n" + "ACGT" * 20 + "\n", ["x", "80", "nucleotide"]),
        (">x\n" + "acgun" * 20 + "\n", ["x", "100", "nucleotide"]),
        (">\nMKV\n", ["unnamed_line_3", "3", "not_tps"]),
        (">x\n", ["x", "0", "empty"]),
        (">x\nMK*V\n", ["x", "4", "internal_stop"]),
        (">x\n" + "M" * 100_001 + "*\n", ["x", "100001", "too_long"]),
    ],
)
def test_one_odd_record_does_not_stop_a_run(predict, record, row):
    outcome, rows = predict(f">a\nMKV\n{record}>b\nMKL\n")
    assert outcome.status == 0
    assert rows == [["a", "3", "not_tps"], row, ["b", "3", "not_tps"]]


@pytest.mark.parametrize("record", [">x\nMK4V\n", ">x\n" + "ACGT" * 20 + "\n", ">\nMKV\n"])
def test_strict_stops_at_an_odd_record_and_writes_nothing(predict, work, record):
    outcome, rows = predict(f">a\nMKV\n{record}", "--strict", "-o", "o.tsv")
    assert outcome.status == 1 and "line 3" in outcome.err
    assert not list(work.iterdir())


def test_odd_records_are_counted_on_standard_error(predict):
    outcome, _ = predict(">a\nMKV\n>b\nM4\n>c\nM5\n>d\n" + "ACGT" * 20 + "\n")
    (line,) = (line for line in outcome.err.splitlines() if "invalid_residue" in line)
    assert "2 invalid_residue" in line and "1 nucleotide" in line and "line 3, record b" in line


@pytest.mark.parametrize(
    "data, what",
    [
        (b"\x7fELF\x02\x01\x01\0\0", "program"),
        (b"MKVLAW\n", "before any header"),
        (b"LOCUS       NC_000913\n", "GenBank"),
        (b">a\nM\0V\n", "binary data"),
        (">a\nMKV\n".encode("utf-16"), "UTF-16"),
        (b">a\n" + b"ACGT" * 20 + b"\n", "nucleotide"),
        (
            b"".join(b">g%d\n" % n + b"ACGT" * 20 + b"\n" for n in range(10)) + b">p\nMKV\n",
            "nucleo",
        ),
        (b"{}\n", "JSON"),
        (b"a,b\n1,2\n", "before any header"),
    ],
)
def test_what_is_no_protein_fasta_is_refused_and_named(predict, data, what):
    outcome, _ = predict(data)
    assert outcome.status == 1 and what in outcome.err and outcome.out == b""


@pytest.mark.parametrize("letter", WIDE)
def test_a_letter_that_is_no_residue_is_not_read_as_one(predict, letter):
    outcome, rows = predict(f">a\nMKV{letter}LAW\n>b\nMKV\n")
    assert outcome.status == 0 and [row[2] for row in rows] == ["invalid_residue", "not_tps"]


@pytest.mark.parametrize("end", [b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks_change_nothing(command, bases, end, mark):
    data = mark + bases["p.faa"].replace(b"\n", end)
    for packed in (data, gzip.compress(data), gzip.compress(data[:1]) + gzip.compress(data[1:])):
        outcome = command("predict", "-", "-m", bases.path("c.h5"), "-t", 1, stdin=packed)
        assert (outcome.status, outcome.out) == (0, bases["new.tsv"])


@pytest.mark.parametrize("pack, flags", [(gzip.compress, 3), (lzma.compress, 7)])
def test_no_record_of_a_damaged_member_is_lost_in_silence(predict, pack, flags):
    """The second member is cut, or its header or its end is damaged, or it is no member."""
    first, second = pack(b">a\nMKV\n"), pack(b">b\nMKL\n")
    for data in (
        first + second[:-1],
        first + second[:8],
        first + second[:flags] + b"\xff" + second[flags + 1 :],
        first + second[:2] + b"\xff" + second[3:],
        first + b">b\nMKL\n",
        first + second[:-3] + b"\xff" + second[-2:],
        first[:-1],
        first[:-6],
    ):
        outcome, _ = predict(data)
        assert outcome.status == 1 and "damaged" in outcome.err, data
    outcome, rows = predict(first + second)
    assert outcome.status == 0 and [row[0] for row in rows] == ["a", "b"]


def test_repeated_ids_are_kept_with_one_warning(predict):
    outcome, rows = predict(">a\nMKV\n>b\nMKV\n" + ">a\nMKL\n" * 3)
    assert [row[0] for row in rows] == ["a", "b", "a", "a", "a"]
    (line,) = (line for line in outcome.err.splitlines() if "came before" in line)
    assert "3 records" in line and "the first is a" in line


def test_repeated_ids_may_be_refused_or_get_a_suffix(predict):
    data = ">a\nMKV\n>a_2\nMKV\n>a\nMKL\n"
    outcome, rows = predict(data, "--duplicates", "suffix")
    names = [row[0] for row in rows]
    assert outcome.status == 0 and len(set(names)) == 3 and names[:2] == ["a", "a_2"]
    assert predict(data, "--duplicates", "error")[0].status == 1


def test_a_suffix_takes_the_same_time_for_every_repeat(predict):
    few, _ = predict(">a\nMKV\n" * 2_000, "--duplicates", "suffix")
    many, rows = predict(">a\nMKV\n" * 20_000, "--duplicates", "suffix")
    assert len({row[0] for row in rows}) == 20_000
    assert many.seconds < 15 * few.seconds + 2


def test_ids_of_gff3_are_unique_by_themselves(command, bases):
    outcome = command(
        "predict", "-", "-m", bases.path("c.h5"), "-f", "gff3", stdin=bases["p.faa"] * 2
    )
    names = [
        line.split("ID=")[1].split(";")[0]
        for line in outcome.out.decode().splitlines()
        if "\tpolypeptide\t" in line
    ]
    assert outcome.status == 0 and len(names) == len(set(names)) >= 2


def test_a_line_of_hundreds_of_megabases_is_not_stored(predict):
    packed = gzip.compress(b">a\n" + b"M" * 300_000_000 + b"\n>b\nMKV\n", 1)
    outcome, rows = predict(packed)
    assert rows == [["a", "300000000", "too_long"], ["b", "3", "not_tps"]]
    assert outcome.peak_mib < 100 and outcome.seconds < 20


@pytest.mark.parametrize(
    "cell, value", [(6, "+-"), (6, "x"), (7, "12"), (7, "²"), (3, "²"), (3, "0"), (4, "-1")]
)
def test_gff3_is_checked(command, bases, work, cell, value):
    lines = [line.split("\t") for line in bases["g.gff3"].decode().splitlines()]
    lines[3][cell] = value
    (work / "g.gff3").write_text("".join("\t".join(line) + "\n" for line in lines))
    outcome = command(
        "predict", bases.path("p.faa"), "-m", bases.path("c.h5"),
        "--gff3", "o.gff3", "--annotation", "g.gff3",
    )  # fmt: skip
    assert not findings_of_process(outcome)
    assert outcome.status == 1 and "g.gff3, line 4" in outcome.err
    assert [path.name for path in work.iterdir()] == ["g.gff3"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "x", "--target-precision", "nan"),
        ("predict", "x", "--coverage", "nan"),
        ("predict", "x", "--coverage", "inf"),
        ("predict", "x", "--shard", "1/1e23"),
        ("predict", "x", "--shard", "١/٢"),
        ("predict", "x", "--shard", "1/" + "9" * 30),
        ("predict", "x", "--threads", "1e20"),
        ("train", "x", "y", "-o", "m.h5", "--learning-rate", "nan"),
        ("train", "x", "y", "-o", "m.h5", "--learning-rate", "inf"),
        ("train", "x", "y", "-o", "m.h5", "--seed", "1e20"),
        ("train", "x", "y", "-o", "m.h5", "--seed", "9" * 30),
        ("train", "x", "y", "-o", "m.h5", "--epochs", "-1"),
        ("evaluate", "x", "--identity", "nan"),
    ],
)
def test_numbers_on_the_command_line_are_checked(command, arguments):
    """They are refused before any file is opened."""
    outcome = command(*arguments)
    assert not findings_of_process(outcome), outcome
    option, value = arguments[-2:]
    assert outcome.status in (1, 2) and option in outcome.err and "No such file" not in outcome.err
