import gzip
import hashlib
import io
import lzma
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError
from tpspred.io import fasta

PROTEIN = st.text(fasta.AMINO_ACIDS + "X", min_size=1, max_size=40)


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
        (b"MKV\n", "line 1: found 'MKV' before any header"),
        (b">\nMKV\n", "line 1: found a header without an id"),
        (b">a\nMK1V\n", "record a: found '1' at residue 3; wanted amino acids"),
        (b">a\nMK-V\n", "record a: found '-' at residue 3"),
        (
            b">ok\nMKVW\n>gene\n" + b"ACGT" * 20,
            "line 3, record gene: found a nucleotide sequence; wanted proteins",
        ),
        (b">a\nMK\0V\n", "line 2: found binary data"),
        (b">a\n\xff\xfe\n", "line 2: found bytes that are not UTF-8"),
        (gzip.compress(b">a\n" + bytes(range(65, 70)) * 900)[:-9], "damaged compressed data"),
        (lzma.compress(b">a\n" + bytes(range(65, 70)) * 900)[:-9], "damaged compressed data"),
        (b">a\nMKV\n>a\nMKL\n", "line 3, record a: found an id already used at line 1"),
    ],
)
def test_wrong_files_are_refused(tmp_path, content, message):
    with pytest.raises(InputError, match="x.faa") as error:
        read(tmp_path, content)
    assert message in str(error.value)


def test_short_sequences_of_acgt_are_peptides():
    assert fasta.protein_record("p", "ACGT" * 5).problem == ""


def test_repeated_ids_can_be_kept_or_renamed(tmp_path):
    content = b">a\nMKV\n>a\nMKL\n>a_2\nMKI\n>a\nMKW\n"
    assert [r.id for r in read(tmp_path, content, duplicates="keep")] == ["a", "a", "a_2", "a"]
    renamed = [r.id for r in read(tmp_path, content, duplicates="suffix")]
    assert renamed == ["a", "a_2", "a_2_2", "a_3"]


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
