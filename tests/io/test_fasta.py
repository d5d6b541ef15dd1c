import gzip
import hashlib
import io
import lzma
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError
from tpspred.io import fasta, files

PROTEIN = st.text(fasta.AMINO_ACIDS + "X", max_size=40).filter(lambda text: text.strip("X"))


def read(tmp_path, content, **options):
    path = tmp_path / "x.faa"
    path.write_bytes(content)
    return list(fasta.read_fasta(path, **options))


def test_line_ends_blank_lines_spaces_and_lower_case_are_normalised(tmp_path):
    records = read(tmp_path, b">a first protein\r\nMKV\r\n\r\nlaw*\r\n>b\nMK VL\n\n")
    assert [(r.id, r.description, r.sequence, r.problem) for r in records] == [
        ("a", "first protein", "MKVLAW", ""),
        ("b", "", "MKVL", ""),
    ]


def test_a_tab_ends_the_id_as_a_space_does(tmp_path):
    (record,) = read(tmp_path, b"> a\tfirst\tprotein \nMKV\n")
    assert (record.id, record.description) == ("a", "first protein")


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_compression_is_recognised_by_content(tmp_path, compress):
    assert read(tmp_path, compress(b">a\nMKV\n"))[0].sequence == "MKV"


def test_dash_reads_standard_input(monkeypatch):
    stdin = io.BufferedReader(io.BytesIO(gzip.compress(b">a\nMKV\n")))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
    assert [record.sequence for record in fasta.read_fasta("-")] == ["MKV"]


def test_last_line_may_lack_its_end(tmp_path):
    assert read(tmp_path, b">a\nMKV")[0].sequence == "MKV"


def test_empty_file_has_no_records(tmp_path):
    assert read(tmp_path, b"") == read(tmp_path, b"\n\n") == []


@pytest.mark.parametrize(
    "raw, kept",
    [("U", "C"), ("O", "K"), ("B", "X"), ("Z", "X"), ("J", "X"), ("X", "X"), ("u", "C")],
)
def test_rare_residues_become_residues_that_the_model_knows(raw, kept):
    assert fasta.protein_record("p", "MK" + raw).sequence == "MK" + kept


@pytest.mark.parametrize(
    "sequence, problem",
    [
        ("", "empty"),
        ("*", "empty"),
        ("MK*LV", "internal_stop"),
        ("MKL**", "internal_stop"),
        ("XXXB", "no_known_residue"),
        ("M" * 100_001, "too_long"),
        ("M" * 100_000, ""),
        ("MKLV*", ""),
    ],
)
def test_a_sequence_that_cannot_be_scored_says_why(sequence, problem):
    assert fasta.protein_record("p", sequence).problem == problem


def test_a_record_that_cannot_be_scored_keeps_its_place(tmp_path):
    records = read(tmp_path, b">a\nMKV\n>b\n>c\nMK*L\n>d\nMKL\n")
    assert [(r.id, r.length_aa, r.problem) for r in records] == [
        ("a", 3, ""),
        ("b", 0, "empty"),
        ("c", 4, "internal_stop"),
        ("d", 3, ""),
    ]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"MKV\n", "line 1: found 'MKV' before any header; wanted FASTA"),
        (b"\n\nLOCUS       NC_000913\n", "line 3: found a GenBank file; wanted proteins in FASTA"),
        (b"@read\nACGT\n+\n!!!!\n", "line 1: found a FASTQ file; wanted proteins in FASTA"),
        (b"\x7f\x80\x81", "line 1: found '\\x7f��' before any header"),
        (b"BZh91AY&SY\0\0", "found data compressed with bzip2; wanted a file that is plain"),
        (">a\nMKV\n".encode("utf-16"), "line 1: found text in UTF-16; wanted text"),
        (b">a\nMK\0V\n", "line 2: found binary data"),
        (gzip.compress(b">a\n" + bytes(range(65, 70)) * 900)[:-9], "damaged compressed data"),
        (lzma.compress(b">a\n" + bytes(range(65, 70)) * 900)[:-9], "damaged compressed data"),
    ],
)
def test_wrong_files_are_refused(tmp_path, content, message):
    with pytest.raises(InputError, match="x.faa") as error:
        read(tmp_path, content)
    assert message in str(error.value)


NUCLEOTIDES = b"ACGT" * 20
# Records with something odd, and the message about it.
ODD = {
    "digit": (b">a\nMK1V\n", "invalid_residue", "line 1, record a: found '1' at residue 3"),
    "gap": (b">a\nMK\nK-V\n", "invalid_residue", "record a: found '-' at residue 4"),
    "bytes": (b">a\nM\xff\xfe\n", "invalid_residue", "record a: found '�' at residue 2"),
    "stop and digit": (b">a\nM*1\n", "invalid_residue", "found '1' at residue 3"),
    "nucleotides": (b">a\n" + NUCLEOTIDES + b"\n", "nucleotide", "found a nucleotide sequence"),
    "rna": (b">a\n" + b"acgu" * 20 + b"\n", "nucleotide", "record a: found a nucleotide sequence"),
    "no id": (b"> \nMKV\n", "without_id", "line 1: found a header without an id"),
}
for letter in "ßﬁıſ\u212a":  # upper-case forms of these are letters
    ODD[letter] = (f">a\nMK{letter}".encode(), "invalid_residue", f"found {letter!r} at residue 3")


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_record_keeps_its_place(tmp_path, caplog, kind):
    content, oddity, message = ODD[kind]
    before, odd, after = read(tmp_path, b">b\nMKV\n" + content + b"\n>c\nMKL\n")
    assert (before.sequence, after.sequence) == ("MKV", "MKL")
    if oddity == "without_id":
        assert (odd.id, odd.sequence) == ("unnamed_line_3", "MKV")
    else:
        assert (odd.id, odd.problem, odd.sequence) == ("a", oddity, "")
    (warning,) = caplog.messages
    assert warning.startswith(f"odd records: 1 {oddity}; the first: ")
    assert message.replace("line 1", "line 3") in warning


@pytest.mark.parametrize("kind", ODD)
def test_strict_reading_stops_at_an_odd_record(tmp_path, kind):
    content, _, message = ODD[kind]
    with pytest.raises(InputError) as error:
        read(tmp_path, content, strict=True)
    assert message in str(error.value)


def test_all_odd_records_are_counted(tmp_path, caplog):
    content = b">b\nMKV\n" + b"".join(ODD[kind][0] for kind in ("gap", "nucleotides", "digit"))
    assert len(read(tmp_path, content)) == 4
    assert caplog.messages[-1].startswith("odd records: 2 invalid_residue, 1 nucleotide; the first")


def test_lengths_count_all_letters(tmp_path):
    records = read(tmp_path, b">a\nMK1V*\n>b\nMK*L\n>c\nXX\n>d\n" + NUCLEOTIDES + b"\n>e\n*\n")
    assert [record.length_aa for record in records] == [4, 4, 2, 80, 0]


@pytest.mark.parametrize("many", [b"", b">e\n"])
def test_nucleotides_throughout_are_the_wrong_file(tmp_path, many):
    with pytest.raises(InputError, match="nucleotide sequences only, such as record gene1; wanted"):
        read(tmp_path, many + b">gene1\n" + NUCLEOTIDES + b"\n>gene2\n" + NUCLEOTIDES)


def test_the_first_ten_records_decide_about_nucleotides(tmp_path):
    genes = b"".join(b">gene%d\n%s\n" % (i, NUCLEOTIDES) for i in range(10))
    with pytest.raises(InputError, match="nucleotide sequences only"):
        read(tmp_path, genes + b">a\nMKV\n")
    records = read(tmp_path, genes.replace(b">gene9\n", b">gene9\nMKV\n"))
    assert [record.problem for record in records] == ["nucleotide"] * 9 + [""]
    assert len(read(tmp_path, b">a\nMKV\n" + genes)) == 11


def test_many_empty_records_are_not_held_back(tmp_path):
    path = tmp_path / "x.faa"
    path.write_bytes(b">a\n" * 3000 + b">gene\n" + NUCLEOTIDES)
    problems = [record.problem for record in fasta.read_fasta(path)]
    assert problems == ["empty"] * 3000 + ["nucleotide"]


@pytest.mark.parametrize("end", [b"\r", b"\r\n", b"\n"])
def test_line_ends_of_all_systems_are_read(tmp_path, end):
    content = b"\xef\xbb\xbf" + end.join([b">a first", b"MK", b"VL", b"", b">b", b"MKL"])
    records = read(tmp_path, content)
    assert [(r.id, r.description, r.sequence) for r in records] == [
        ("a", "first", "MKVL"),
        ("b", "", "MKL"),
    ]


@pytest.mark.parametrize("width", [70, 10**9])
@pytest.mark.parametrize("end", [b"", b"*"])
def test_what_is_too_long_is_counted_and_not_kept(tmp_path, width, end):
    letters = b"MKVL" * 60_000 + end
    lines = b"\n".join(letters[i : i + width] for i in range(0, len(letters), width))
    (record, after) = read(tmp_path, b">a\n" + lines + b"\n>b\nMKV\n")
    assert (record.problem, record.length_aa, record.sequence) == ("too_long", 240_000, "")
    assert after.sequence == "MKV"


def test_an_endless_line_takes_no_memory(tmp_path):
    """300 million residues in one line, as 300 kB of gzip."""
    path = tmp_path / "x.faa.gz"
    with gzip.open(path, "wb", compresslevel=1) as handle:
        handle.write(b">a\n")
        for _ in range(300):
            handle.write(b"M" * 1_000_000)
    tracemalloc.start()
    (record,) = fasta.read_fasta(path)
    assert (record.length_aa, record.problem) == (300_000_000, "too_long")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("block", [1, 7, 64, 1000])
def test_blocks_change_nothing(tmp_path, monkeypatch, block):
    """Records that go on in the next block, and those that are shortened while they are read."""
    long = "MKVLAW\n" * 50
    content = (
        f"\r\n \n>a first\nMK\nVL\n>b\n>c\r\n{long}MK!\r\n>\nMKV\n>d\n{long}*\n"
        f">{'e' * 200} x\n{long}>no header\n>f\n{'ACGT' * 40}\n>g\nMKV"
    ).encode()
    monkeypatch.setattr(fasta, "MAX_LENGTH_AA", 100)
    monkeypatch.setattr(fasta, "MAX_HEADER_BYTES", 50)
    odd_before = fasta._OddRecords(False)
    path = tmp_path / "x.faa"
    path.write_bytes(content)
    with files.open_input(path) as opened:
        before = list(fasta._records(opened, odd_before))
    assert [record.problem for record in before[:4]] == ["", "empty", "too_long", ""]
    monkeypatch.setattr(fasta, "MAX_RECORD_BYTES", 200)
    monkeypatch.setattr(files, "BLOCK", block)
    odd_after = fasta._OddRecords(False)
    with files.open_input(path) as opened:
        assert list(fasta._records(opened, odd_after)) == before
    assert str(odd_after.first) == str(odd_before.first)


def test_a_long_header_is_cut(tmp_path):
    records = read(tmp_path, b">a " + b"d" * 300_000 + b">\nMKV\n>" + b"e" * 200_000 + b"\nMKL\n")
    assert [record.sequence for record in records] == ["MKV", "MKL"]
    assert len(records[0].description) == len(records[1].id) - 2 == fasta.MAX_HEADER_BYTES - 2


def test_bytes_of_another_encoding_in_a_header_are_escaped(tmp_path):
    (record,) = read(tmp_path, b">a Universit\xe4t\nMKV\n")
    assert record.description == r"Universit\xe4t"


def test_repeated_ids_can_be_kept_or_renamed_or_refused(tmp_path, caplog):
    content = b">a\nMKV\n>a\nMKL\n>a_2\nMKI\n>a\nMKW\n"
    assert [r.id for r in read(tmp_path, content)] == ["a", "a", "a_2", "a"]
    assert len(caplog.messages) == 1
    assert "2 records have an id that came before, the first is a;" in caplog.messages[0]
    renamed = [r.id for r in read(tmp_path, content, duplicates="suffix")]
    assert renamed == ["a", "a_2", "a_2_2", "a_3"]
    assert len(caplog.messages) == 1
    with pytest.raises(InputError, match="record 2: found the id a, which came before"):
        read(tmp_path, content, duplicates="error")


@given(st.lists(st.sampled_from("abcdefgh"), max_size=30), st.integers(1, 5))
def test_repeats_are_counted_whatever_the_size_of_a_chunk(names, chunk):
    counter = fasta._RepeatCounter()
    counter.CHUNK = chunk
    for name in names:
        counter.add(name)
    counter.compare()
    assert counter.count == len(names) - len(set(names))
    repeats = [name for i, name in enumerate(names) if name in names[:i]]
    assert counter.first == (repeats[0] if repeats else "")


def test_missing_file_is_named():
    with pytest.raises(InputError, match="nowhere.faa: No such file"):
        list(fasta.read_fasta("nowhere.faa"))


def test_digest_is_the_sha256_of_the_letters():
    assert fasta.sequence_digest("MKV").hex() == hashlib.sha256(b"MKV").hexdigest()


@given(st.lists(PROTEIN, max_size=6), st.integers(1, 30))
def test_line_width_does_not_matter(tmp_path_factory, sequences, width):
    text = "".join(
        f">p{i}\n" + "\n".join(s[k : k + width] for k in range(0, len(s), width)) + "\n"
        for i, s in enumerate(sequences)
    )
    path = tmp_path_factory.mktemp("layout") / "x.faa"
    path.write_text(text)
    assert [r.sequence for r in fasta.read_fasta(path)] == sequences
