"""Reference enzymes: votes, neighbours, typical identity, and alignments with neighbours."""

import csv
import dataclasses

import numpy as np
import pytest
from support import DATA

from tpspred.dataset.enzymes import read_enzyme_sequences
from tpspred.encoders.protocol import VectorPart
from tpspred.model import neighbours
from tpspred.model.fingerprints import Fingerprints
from tpspred.model.neighbours import Neighbour, align_neighbours
from tpspred.model.scaling import Scaling


def references(count=2, folds=None, similarities=(1.0,), identities=(1.0,)):
    """Enzymes whose vectors are at right angles; each has a label of its own."""
    names = "abcdefgh"[:count]
    return neighbours.References(
        vectors=np.eye(count, dtype=np.float16),
        about=[{"id": x, "accessions": [x.upper()], "species": [], "products": []} for x in names],
        targets=np.eye(count, dtype=np.uint8),
        known=np.ones((count, count), np.uint8),
        folds=np.zeros(count, np.int8) if folds is None else np.array(folds, np.int8),
        similarities=np.array(similarities, np.float32),
        identities=np.array(identities, np.float32),
        structures=["C" * i for i in range(1, count + 1)],
        makes=np.eye(count, dtype=np.uint8),
        regression=None,
        fingerprints=Fingerprints.of(["MKV"] * count),
    )


def test_enzymes_of_a_fold_that_is_left_out_have_no_vote():
    targets = np.array([[1, 0], [1, 0], [0, 1]], np.uint8)
    known = dataclasses.replace(
        references(3, folds=[0, 1, 1]), targets=targets, known=np.ones_like(targets)
    )
    near_first = np.array([0.9, 0.1, 0.2])
    assert known.vote(near_first)[0] == pytest.approx([1, 0], abs=1e-6)
    assert known.vote(near_first, left_out=1)[0].tolist() == [1, 0]
    labels, products = known.vote(near_first, left_out=0)
    assert labels[0] == pytest.approx(1 / (1 + np.exp(neighbours.SHARPNESS * 0.1)))
    second = 1 / (1 + np.exp(neighbours.PRODUCT_SHARPNESS * 0.1))
    assert products == pytest.approx([0, second, 1 - second])


def test_the_nearest_vote_decides_and_equal_ones_share():
    known = references(3)
    labels, products = known.vote(np.array([0.5, 0.5, 0.0]))
    assert labels == pytest.approx([0.5, 0.5, 0], abs=1e-6)
    assert products == pytest.approx([0.5, 0.5, 0], abs=1e-2)


def test_an_enzyme_has_no_vote_on_what_is_not_known_of_it():
    known = references(3)
    near_first = np.array([0.9, 0.5, 0.5])
    known.targets[1, 0] = 1
    assert known.vote(near_first)[0][0] == pytest.approx(1, abs=1e-4)
    known.targets[:2, 0], known.known[0, 0] = 0, 0
    assert known.vote(near_first)[0][0] == 0  # the other two say no
    known.targets[1:, 0] = 1
    assert known.vote(near_first)[0][0] == 1
    known.known[:, 0] = 0
    assert np.isfinite(known.vote(near_first)[0]).all()  # nobody knows


def test_regressions_are_fitted_without_the_enzymes_of_a_fold():
    rng = np.random.default_rng(0)
    about = references(6).about
    vectors, features = rng.normal(size=(6, 4)), rng.normal(size=(6, 2)).astype(np.float32)
    targets = np.eye(6, 3, dtype=np.float32)
    folds = np.array([0, 1, 1, 2, 0, 1])
    known = np.ones_like(targets)
    made = neighbours.References.from_vectors(
        about,
        ["MKV"] * 6,
        vectors,
        features,
        targets,
        known,
        ["CC", "CCC"],
        np.eye(6, 2, dtype=np.float32),
        folds,
        np.eye(6),
    )
    everything, without = made.regressions([None, 1])
    assert np.array_equal(everything.coefficients, made.regression.coefficients)
    assert everything.coefficients.any(1).all()
    assert without.coefficients.any(1).tolist() == [True, False, False, True, True, False]
    assert without.means == pytest.approx([1 / 3, 0, 0, 1 / 3, 0])


def test_neighbours_say_what_their_similarity_means():
    similarity, identities = np.full((60, 60), 0.42), np.full((60, 60), 0.3)
    similarity[:30, :30], identities[:30, :30] = 0.91, 0.8
    points, typical = neighbours.typical_identity(similarity, identities)
    assert points == pytest.approx([0.425, 0.925, 1]) and typical == pytest.approx([0.3, 0.8, 1])
    known = references(2, similarities=points, identities=typical)
    near = known.nearest(np.array([0.675, 0.925]), 2, {0: "x", 1: "y"}, {"x"})
    assert [(enzyme.id, enzyme.ensembles, enzyme.agrees) for enzyme in near] == [
        ("b", ("y",), False),
        ("a", ("x",), True),
    ]
    assert [enzyme.identity for enzyme in near] == pytest.approx([0.8, 0.55])
    assert known.nearest(np.array([0.5, 0.4]), 1, {}, set())[0].agrees is None


def test_equally_similar_enzymes_stay_in_order():
    near = references(4).nearest(np.array([0.2, 0.5, 0.5, 0.5]), 3, {}, ())
    assert [enzyme.id for enzyme in near] == ["b", "c", "d"]
    assert references(4).nearest(np.ones(4), 0, {}, ()) == []


def test_a_typical_identity_never_falls():
    rng = np.random.default_rng(0)
    similarity = rng.uniform(0, 1, (80, 80))
    _, typical = neighbours.typical_identity(similarity, rng.uniform(0, 1, (80, 80)))
    assert (np.diff(typical) >= 0).all() and typical[-1] == 1


def test_references_have_length_one_and_know_their_fold():
    vectors = np.array([[3.0, 4.0], [0.0, 2.0], [1.0, 0.0]], np.float32)
    about = references(3).about
    known = neighbours.References.from_vectors(
        about,
        ["MKV"] * 3,
        vectors,
        np.array([[9, 0], [0, 0], [0, 0]], np.float32),
        np.eye(3, dtype=np.float32),
        np.ones((3, 3), np.float32),
        [],
        np.zeros((3, 0), np.float32),
        np.array([0, 1, 1]),
        np.eye(3),
    )
    assert known.vectors.tolist() == np.float16([[0.6, 0.8], [0, 1], [1, 0]]).tolist()
    assert known.similarity(np.array([0.0, 2.0])) == pytest.approx([1.6, 2, 0], abs=1e-3)
    assert known.outside_fold().all()
    assert known.outside_fold(1).tolist() == [True, False, False]


def test_parts_add_to_the_similarity_by_their_share():
    scaling = Scaling(np.array([9, 9, 1, 1.0]), np.array([9, 9, 2, 2.0]), np.ones(1), np.ones(1))
    parts = [VectorPart(2, False, 0.4), VectorPart(2, True, 0.6)]
    first, second = np.array([[0.6, 0.8, 9, 1], [0.8, 0.6, 1, 3]], np.float32)
    dot = neighbours.comparable(first, parts, scaling) @ neighbours.comparable(
        second, parts, scaling
    )
    assert dot == pytest.approx(0.4 * 0.96 + 0.6 * 0)
    own = neighbours.comparable(np.stack([first, second]), parts, scaling)
    assert neighbours.length(own) == pytest.approx([1, 1])
    assert neighbours.length(np.zeros((1, 3))) > 0


def test_neighbours_are_aligned_by_id_before_accession(records):
    query = records[0].sequence
    near = references(3).nearest(np.array([0.9, 0.8, 0.7]), 3, {}, ())
    sequence_of = {"a": query, "A": "M" * 50, "B": records[1].sequence}
    first, second, third = neighbours.align_neighbours(query, near, sequence_of)
    assert first.alignment.identity == 1
    assert second.alignment.identity < 1
    assert third == near[2] and third.alignment is None
    assert neighbours.align_neighbours(query, near, {}) == tuple(near)


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
