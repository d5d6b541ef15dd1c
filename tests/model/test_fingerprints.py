import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.model.fingerprints import Fingerprints

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


def random_sequence(length, seed):
    return "".join(random.Random(seed).choices(RESIDUES, k=length))


SEQUENCES = [random_sequence(length, length) for length in (300, 301, 304, 551, 552, 600)]
FINGERPRINTS = Fingerprints.of(SEQUENCES)
CHANGES = st.tuples(
    st.sampled_from(["substitution", "insertion", "deletion"]),
    st.floats(0, 1),
    st.sampled_from(RESIDUES),
)


def changed(sequence, changes):
    for kind, place, residue in changes:
        at = round(place * (len(sequence) - 1))
        before, after = sequence[:at], sequence[at + (kind != "insertion") :]
        sequence = before + (residue if kind != "deletion" else "") + after
    return sequence


@pytest.mark.parametrize("index", range(len(SEQUENCES)))
def test_a_sequence_is_found(index):
    assert FINGERPRINTS.find(SEQUENCES[index]) == index


@given(st.integers(0, len(SEQUENCES) - 1), st.lists(CHANGES, max_size=3))
def test_three_changes_hide_no_sequence(index, changes):
    assert FINGERPRINTS.find(changed(SEQUENCES[index], changes)) == index


@pytest.mark.parametrize("residue", ["A", "W"])
def test_residues_before_and_after_hide_no_sequence(residue):
    for longer in (f"{SEQUENCES[3]}{residue * 3}", f"{residue * 3}{SEQUENCES[3]}"):
        assert FINGERPRINTS.find(longer) == 3


@given(st.sets(st.integers(0, 45), min_size=4))
def test_a_relative_is_not_found(blocks):
    sequence = list(SEQUENCES[3])
    for block in blocks:  # one change in each of at least four blocks
        place = min(block * 12 + 5, len(sequence) - 1)
        sequence[place] = "W" if sequence[place] != "W" else "A"
    assert FINGERPRINTS.find("".join(sequence)) is None


def test_a_fragment_and_a_fusion_are_not_found():
    assert FINGERPRINTS.find(SEQUENCES[5][10:]) is None
    assert FINGERPRINTS.find(SEQUENCES[5] + SEQUENCES[0]) is None


def test_the_nearest_of_several_is_chosen():
    near = changed(SEQUENCES[0], [("substitution", 0.5, "W")])
    nearer = changed(near, [("substitution", 0.9, "W")])
    fingerprints = Fingerprints.of([SEQUENCES[0], near, near])
    assert fingerprints.find(near) == 1
    assert fingerprints.find(nearer) == 1


@pytest.mark.parametrize("sequence", ["", "M", "MSLEVDKRRFKT"])
def test_short_proteins_are_found_only_if_they_are_the_same(sequence):
    fingerprints = Fingerprints.of(["MSLEVDKRRFKTAKHMSLEVDKRR", "MSLEVDKRRFKT"])
    assert fingerprints.find(sequence) == (1 if len(sequence) == 12 else None)


def test_no_sequence_is_found_among_none():
    assert Fingerprints.of([]).find(SEQUENCES[0]) is None
