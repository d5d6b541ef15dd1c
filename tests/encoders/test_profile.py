"""The profile encoder: a protein's residues at the match columns of its profiles as one vector."""

import numpy as np
import pytest
from Bio.Align import substitution_matrices
from support import DATA

from tpspred.encoders.profile import ProfileEncoder, weighted_residues
from tpspred.encoders.profile_fitting import RESIDUES, residue_vectors
from tpspred.family.profiles import UNKNOWN, checksum
from tpspred.family.screening import screen
from tpspred.io.fasta import AMINO_ACIDS, read_fasta


@pytest.fixture(scope="module")
def records():
    return list(read_fasta(DATA / "proteins.faa"))


@pytest.fixture(scope="module")
def proteins(model, records):
    """Four members of the family and three random proteins, screened."""
    return screen(records, model.encoder.profiles)


def test_embedding_is_a_normalised_alignment_score(model, proteins):
    vectors = [model.encoder.vector(protein) for protein in proteins[:4]]
    for vector in vectors:
        assert 0.2 < np.linalg.norm(vector) <= 1.01
    assert vectors[0] @ vectors[0] > 3 * abs(vectors[0] @ vectors[2])


def test_neighbours_and_threads_change_no_vector(model, records, proteins):
    for threads, subset in ((1, records[2:3]), (2, records[::-1])):
        for other in screen(subset, model.encoder.profiles, threads):
            protein = proteins[records.index(other.record)]
            if protein.hits:
                vector = model.encoder.vector(protein)
                assert np.array_equal(model.encoder.vector(other), vector)


def test_vectors_are_yielded_in_order_without_those_that_are_finished(model, proteins):
    members = proteins[:4]
    finished = {members[1].record.sequence}
    encoded = list(model.encoder.encode(iter(members), finished=finished))
    kept = [protein for protein in members if protein is not members[1]]
    assert [sequence for sequence, _ in encoded] == [protein.record.sequence for protein in kept]
    for (_, vector), protein in zip(encoded, kept):
        assert vector.dtype == np.float32 and vector.shape == (model.encoder.dimension,)
        assert np.array_equal(vector, model.encoder.vector(protein))


def test_dot_products_of_residues_follow_blosum62():
    vectors = residue_vectors()
    assert vectors.shape == (21, 5)
    assert not vectors[UNKNOWN].any()
    assert (vectors[:20] ** 2).sum(1).mean() == pytest.approx(1)
    matrix = substitution_matrices.load("BLOSUM62")
    scores = np.array([[matrix[a][b] for b in AMINO_ACIDS] for a in AMINO_ACIDS])
    products = vectors[:20] @ vectors[:20].T
    upper = np.triu_indices(20)
    assert np.corrcoef(products[upper], scores[upper])[0, 1] > 0.85


def test_weighted_residues_have_length_one_over_all_profiles(model, proteins):
    hits = proteins[1].hits
    assert len(hits) > 1
    index = {profile.name: k for k, profile in enumerate(model.encoder.profiles)}
    scales = [model.encoder.projections.scales[index[hit.profile.name]] for hit in hits]
    residues = weighted_residues(hits, scales, RESIDUES)
    assert [len(part) for part in residues] == [5 * hit.profile.columns for hit in hits]
    assert sum((part**2).sum() for part in residues) == pytest.approx(1)
    # A column without a weight, like one without a residue, is zero.
    (silent,) = weighted_residues(hits[:1], [np.zeros_like(scales[0])], RESIDUES)
    assert not silent.any()


def test_encoder_survives_its_tree(small_encoder, stored):
    again = ProfileEncoder.from_tree(stored(small_encoder.to_tree()), small_encoder.profiles)
    assert again.checksum == small_encoder.checksum
    assert again.dimension == small_encoder.dimension


@pytest.mark.parametrize("name", ["residues", "scales", "axes", "mixing"])
def test_checksum_depends_on_every_array(small_encoder, stored, name):
    tree = small_encoder.to_tree()
    changed = tree[name].copy()
    changed.flat[0] += 1
    other = ProfileEncoder.from_tree(stored(tree | {name: changed}), small_encoder.profiles)
    assert other.checksum != small_encoder.checksum


def test_profiles_are_the_screen(small_encoder):
    assert small_encoder.screen == checksum(small_encoder.profiles)
    assert small_encoder.needs_profile_match


def test_a_protein_of_any_length_is_one_window(small_encoder):
    assert small_encoder.window_count(1) == small_encoder.window_count(100_000) == 1


def test_the_vector_is_one_part_that_keeps_its_scale(small_encoder):
    (part,) = small_encoder.parts
    assert part.width == small_encoder.dimension and not part.standardise
