"""Sequences of characterised enzymes that the user gives, aligned with a protein."""

import csv

import pytest
from support import DATA

from tpspred.dataset.enzymes import read_enzyme_sequences
from tpspred.model.neighbours import Neighbour, align_neighbours


def neighbour(name, *accessions):
    return Neighbour(name, accessions, (), (), 0.9, 0.5, (), None)


def assert_identical(alignment):
    assert alignment.identity == 1
    assert alignment.coverage > 0.9
    assert alignment.e_value < 1e-50


@pytest.mark.parametrize("near", [neighbour("sampled_000"), neighbour("other", "P1", "P2")])
def test_neighbours_are_aligned_with_sequences_of_an_export(tmp_path, enzymes, near):
    """The export names its first enzyme sampled_000 and gives it the accession P2."""
    with open(DATA / "reactions.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    for row in rows:
        row["Uniprot_ID"] = "P2" if row["Enzyme_marts_ID"] == "sampled_000" else ""
    with open(tmp_path / "r.csv", "w", newline="") as handle:
        table = csv.DictWriter(handle, rows[0])
        table.writeheader()
        table.writerows(rows)
    sequence_of = read_enzyme_sequences(tmp_path / "r.csv")
    enzyme = next(enzyme for enzyme in enzymes if enzyme.id == "sampled_000")
    (aligned,) = align_neighbours(enzyme.sequence, [near], sequence_of)
    assert (aligned.id, aligned.accessions) == (near.id, near.accessions)
    assert_identical(aligned.alignment)


def test_neighbours_are_aligned_with_sequences_of_a_fasta(tmp_path, enzymes):
    first, second = enzymes[:2]
    fasta = f">acc1 of the first\n{first.sequence}\n>e2\n{second.sequence}\n>empty\n"
    (tmp_path / "r.faa").write_text(fasta)
    sequence_of = read_enzyme_sequences(tmp_path / "r.faa")
    near = [neighbour("e1", "acc0", "acc1"), neighbour("e2"), neighbour("e3", "empty")]
    aligned = align_neighbours(first.sequence, near, sequence_of)
    assert [other.id for other in aligned] == ["e1", "e2", "e3"]
    assert_identical(aligned[0].alignment)
    assert 0.5 < aligned[1].alignment.identity < 0.7
    assert aligned[2].alignment is None


def test_the_sequence_of_the_id_comes_before_that_of_an_accession(enzymes):
    first, second = enzymes[:2]
    sequence_of = {"e": first.sequence, "acc": second.sequence}
    (aligned,) = align_neighbours(first.sequence, [neighbour("e", "acc")], sequence_of)
    assert_identical(aligned.alignment)


def test_an_unknown_enzyme_and_an_unlike_one_have_no_alignment():
    near = [neighbour("unknown"), neighbour("unlike")]
    aligned = align_neighbours("MKVLAWMKVLAW" * 5, near, {"unlike": "GHTSPNDEQRYF" * 5})
    assert [other.alignment for other in aligned] == [None, None]
    assert align_neighbours("MKV", near, {}) == tuple(near)
