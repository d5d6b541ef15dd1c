"""Alignments of proteins with each other."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpspred.dataset.folds import identity_clusters
from tpspred.family.alignment import align, align_each, align_pairs, identity_matrix
from tpspred.io.fasta import AMINO_ACIDS

RANDOM = "".join(random.Random(0).choices(AMINO_ACIDS, k=300))


@pytest.fixture(scope="module")
def sequences(enzymes):
    return [enzyme.sequence for enzyme in enzymes]


def test_identity_and_clusters_find_the_families(enzymes, sequences):
    identity = identity_matrix(sequences)
    assert np.allclose(np.diag(identity), 1)
    member_of = identity_clusters(identity, list(map(len, sequences)), 0.4)
    families = [enzyme.substrates for enzyme in enzymes]
    assert len(set(zip(member_of, families))) == len(set(member_of)) == len(set(families)) == 4


def test_identities_are_symmetric_and_threads_do_not_change_them(sequences):
    identities = identity_matrix(sequences[4:8], 1)
    assert np.array_equal(identities, identities.T)
    assert np.array_equal(identities, identity_matrix(sequences[4:8], 2))


def test_identity_is_the_share_of_aligned_residues_that_agree():
    changed = "".join("A" if i % 10 == 0 else letter for i, letter in enumerate(RANDOM))
    same = sum(a == b for a, b in zip(RANDOM, changed))
    identities = identity_matrix([RANDOM, changed, RANDOM[:200]])
    assert identities[0, 1] == pytest.approx(same / 300)
    assert identities[0, 2] == 1  # all columns of the shorter one


def test_a_small_overlap_counts_as_no_identity():
    # 100 residues in common are less than half of 220, and half of 200.
    shared, first, second = RANDOM[:100], RANDOM[100:220], RANDOM[180:300]
    apart = identity_matrix([first + shared, shared + second])
    assert apart[0, 1] == 0
    together = identity_matrix([first[:100] + shared, shared + second[:100]])
    assert together[0, 1] > 0.9


@settings(max_examples=30)
@given(st.lists(st.text(AMINO_ACIDS, min_size=1, max_size=30), min_size=1, max_size=5))
def test_rows_of_an_alignment_are_the_sequences_with_gaps(sequences):
    rows = align(sequences)
    texts = [row.tobytes().decode() for row in rows]
    assert [text.replace("-", "") for text in texts] == sequences
    assert rows.dtype == np.uint8


def test_every_query_finds_itself_first(sequences):
    hits_of = align_each(sequences[5:8], sequences[:8], threads=2)
    assert [max(hits)[1] for hits in hits_of] == [5, 6, 7]
    assert hits_of == align_each(sequences[5:8], sequences[:8], threads=1)
    assert {index for _, index in hits_of[0]} <= set(range(6))  # nothing of another family
    assert align_each([RANDOM], sequences) == [[]]


def test_a_protein_aligns_to_itself_whole_and_not_to_a_stranger(sequences):
    alignments = align_pairs(sequences[18], [RANDOM, sequences[18], sequences[18][:100]])
    assert list(alignments) == [1, 2]
    whole, part = alignments[1], alignments[2]
    assert (whole.identity, whole.coverage) == (1, 1) and whole.e_value < 1e-100
    assert part.identity == 1
    assert part.coverage == pytest.approx(100 / len(sequences[18]), abs=0.02)
    assert align_pairs(sequences[18], []) == {}


def test_other_proteins_do_not_change_an_alignment(sequences):
    alone = align_pairs(sequences[0], [sequences[1]])
    among_others = align_pairs(sequences[0], sequences)
    assert among_others[1] == alone[0]
