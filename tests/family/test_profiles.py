"""Profiles, motifs, features, encoder, splits."""

import numpy as np
import pytest
from support import DATA

from tpspred import encoders
from tpspred.dataset import folds
from tpspred.encoders import column_weights, profile
from tpspred.errors import InputError, ModelError
from tpspred.family import features, motifs, profiles
from tpspred.io import fasta


@pytest.fixture(scope="module")
def proteins():
    return list(fasta.read_fasta(DATA / "proteins.faa"))


@pytest.fixture(scope="module")
def views(model, proteins):
    return encoders.views(proteins, model.encoder.profiles)


def test_families_of_the_design_are_in_the_bundled_library(model):
    library = {profile.name: profile for profile in model.encoder.profiles}
    for wanted in (
        "plantae_sesq_mono",
        "fungi_sesq",
        "plantae_tri",
        "plantae_sqs",
        "plantae_psy",
        "animalia_pt",
    ):
        assert wanted in library
    assert [name for name, *_ in library["plantae_sesq_mono"].regions] == [
        "N-terminal",
        "class_I_alpha",
    ]
    assert library["plantae_tri"].regions[0][0] == "class_II"
    plant = {site.motif for site in library["plantae_sesq_mono"].sites}
    assert plant >= {"DDxxD", "NSE/DTE", "DxDD", "RRx8W"}


def test_members_match_and_random_proteins_do_not(views):
    assert [bool(view.hits) for view in views] == [True] * 4 + [False] * 3


def test_alignment_names_the_residues_of_the_protein(views):
    for view in views[:4]:
        for hit in view.hits:
            placed = hit.positions > 0
            aligned = [view.record.sequence[i - 1] for i in hit.positions[placed]]
            codes = [profiles.CODES[ord(letter)] for letter in aligned]
            assert codes == hit.residues[placed].tolist()
            assert (np.diff(hit.positions[placed]) > 0).all()


def test_motif_hits_are_where_they_say(views):
    found = [hit for view in views for hit in view.motifs if hit.state == motifs.INTACT]
    assert {hit.motif for hit in found} >= {"DDxxD", "NSE/DTE", "QW"}
    for view in views:
        for hit in view.motifs:
            if hit.state != motifs.MISSING:
                assert view.record.sequence[hit.start - 1 : hit.end] == hit.residues


def test_a_motif_away_from_its_site_is_not_found(model, views):
    hit = views[0].hits[0]
    site = next(site for site in hit.profile.sites if site.motif == "DDxxD")
    start = int(hit.positions[site.column - 1])
    sequence = views[0].record.sequence
    broken = sequence[: start - 6] + "G" * 15 + sequence[start + 9 :] + "DDAADAA"
    (view,) = encoders.views([fasta.ProteinRecord("p", "", broken)], model.encoder.profiles)
    assert all(found.state != motifs.INTACT for found in view.motifs if found.motif == "DDxxD")


def test_neighbours_and_threads_change_nothing(model, proteins, views):
    for threads, subset in ((1, proteins[2:3]), (2, proteins[::-1])):
        again = {
            view.record.id: view for view in encoders.views(subset, model.encoder.profiles, threads)
        }
        for view in views:
            other = again.get(view.record.id)
            if other and view.hits:
                assert [hit.bits for hit in other.hits] == [hit.bits for hit in view.hits]
                assert np.array_equal(model.encoder.vector(other), model.encoder.vector(view))
                assert np.array_equal(features.vector(other), features.vector(view))


def test_embedding_is_a_normalised_alignment_score(model, views):
    for view in views[:4]:
        assert 0.2 < np.linalg.norm(model.encoder.vector(view)) <= 1.01
    vectors = [model.encoder.vector(view) for view in views[:4]]
    assert vectors[0] @ vectors[0] > 3 * abs(vectors[0] @ vectors[2])


def test_there_are_64_features_each_with_its_text(views):
    assert len(features.NAMES) == len(set(features.NAMES)) == 64
    assert all(function.__doc__ for function in features.FEATURES.values())
    for view in views:
        assert np.isfinite(features.vector(view)).all()


@pytest.mark.parametrize(
    "name, expected",
    [
        ("log_length", np.log(12)),
        ("fraction_D", 3 / 12),
        ("unknown_fraction", 1 / 12),
        ("aromaticity", 1 / 11),
        ("net_charge", (2 - 3) / 11),
        ("ddxxd_intact", 0),
        ("profile_count", 0),
        ("bits_per_residue", 0),
    ],
)
def test_features_by_hand(name, expected):
    view = features.View(fasta.ProteinRecord("p", "", "MKKDDDWAAVLX"), [], [])
    value = features.FEATURES[name](view)
    assert value == pytest.approx(expected if name != "fraction_D" else 3 / 11)


def test_every_feature_varies(views):
    """A feature that is the same for all kinds of proteins is none."""
    sites = [
        motifs.MotifHit(name, state, 3, 8, "DDAADE")
        for name in motifs.MOTIFS
        for state in (motifs.INTACT, motifs.ALTERED)
    ]
    views = [*views, features.View(fasta.ProteinRecord("p", "", "MKDDAADEXW"), [], sites)]
    table = np.stack([features.vector(view) for view in views])
    assert [name for name, spread in zip(features.NAMES, table.std(0)) if spread == 0] == []


def test_features_need_a_known_residue():
    with pytest.raises(InputError, match="record p: found no known residue"):
        features.vector(features.View(fasta.ProteinRecord("p", "", "XXX"), [], []))


def test_no_profile_without_a_family(enzymes):
    lonely = [enzymes[0], enzymes[6]]
    with pytest.raises(ModelError, match="no group of three related sequences"):
        encoders.ProfileEncoder.fit(lonely)


def test_encoder_is_the_same_again(enzymes, small_encoder):
    assert encoders.ProfileEncoder.fit(enzymes, threads=1).checksum == small_encoder.checksum


def test_columns_that_go_with_the_products_weigh_more():
    """Forty enzymes of a family: the residue of column 7 decides what they make, the others say who is whose relative."""
    rng = np.random.default_rng(0)
    ancestors = rng.integers(0, 20, (4, 30))
    codes = np.where(
        rng.random((40, 30)) < 0.2, rng.integers(0, 20, (40, 30)), ancestors[np.arange(40) % 4]
    )
    makes = rng.random(40) < 0.5
    codes[:, 7] = np.where(makes, 2, 18)
    alike = (makes[:, None] == makes).astype(float)
    (found,) = column_weights.weights(
        [codes], [np.arange(40)], [np.arange(40)], alike, profile.RESIDUES
    )
    assert found.argmax() == 7 and found[7] > 3 * np.median(found) and found.min() >= 0
    (shuffled,) = column_weights.weights(
        [codes],
        [np.arange(40)],
        [np.arange(40)],
        alike[np.ix_(*[rng.permutation(40)] * 2)],
        profile.RESIDUES,
    )
    assert shuffled.argmax() != 7
    (few,) = column_weights.weights(
        [codes[:10]], [np.arange(10)], [np.arange(10)], alike[:10, :10], profile.RESIDUES
    )
    assert (few == 1).all()


def test_agreement_counts_rare_labels_more(enzymes):
    alike = column_weights.agreement(enzymes)
    assert np.allclose(alike, alike.T) and alike.min() >= 0 and alike.max() <= 1 + 1e-9
    same = [i for i, enzyme in enumerate(enzymes) if enzyme.products == enzymes[0].products]
    other = next(
        i
        for i, enzyme in enumerate(enzymes)
        if not set(enzyme.product_types) & set(enzymes[0].product_types)
    )
    assert alike[0, same[-1]] == pytest.approx(1) and alike[0, other] < 0.5


def test_identity_and_clusters_find_the_families(enzymes):
    sequences = [enzyme.sequence for enzyme in enzymes]
    identity = folds.identity(sequences)
    assert np.allclose(np.diag(identity), 1)
    member_of = folds.clusters(identity, list(map(len, sequences)), 0.4)
    families = [enzyme.substrates for enzyme in enzymes]
    assert len(set(zip(member_of, families))) == len(set(member_of)) == len(set(families)) == 4


def test_folds_keep_clusters_together_and_spread_labels():
    rng = np.random.default_rng(0)
    member_of = np.repeat(np.arange(40), 3)
    targets = (rng.random((120, 5)) < [0.05, 0.1, 0.3, 0.5, 0.9]).astype(float)
    fold = folds.folds(member_of, targets, 4, np.random.default_rng(1))
    for cluster in range(40):
        assert len(set(fold[member_of == cluster])) == 1
    assert min(np.bincount(fold, minlength=4)) > 20
    assert (np.array([targets[fold == k].sum(0) for k in range(4)])[:, 1:] > 0).all()


def test_batches_keep_order_and_bound():
    stream = [fasta.ProteinRecord(str(i), "", "M" * (i % 7 + 1)) for i in range(50)]
    batches = list(profiles.batches(iter(stream), residues=10))
    assert [record for batch in batches for record in batch] == stream
    assert all(sum(record.length_aa for record in batch) <= 10 for batch in batches)
