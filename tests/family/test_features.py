"""Engineered features of a protein."""

import math

import numpy as np
import pytest

from tpspred.encoders.representations import represent_records
from tpspred.errors import InputError
from tpspred.family import features, motifs
from tpspred.family.features import FEATURES, feature, feature_names, feature_vector
from tpspred.family.motifs import MotifHit
from tpspred.family.screening import ScreenedProtein, screen
from tpspred.io.fasta import ProteinRecord


def protein_of(sequence, motif_hits=()):
    """A protein without profile hits."""
    return ScreenedProtein(ProteinRecord("p", "", sequence), (), motif_hits)


def test_there_are_64_features_each_with_its_text(proteins):
    assert len(feature_names()) == len(set(feature_names())) == 64
    assert all(function.__doc__ for function in FEATURES.values())
    for protein in proteins:
        assert np.isfinite(feature_vector(protein)).all()


def test_every_text_is_a_sentence_with_no_more_than_its_reference_below():
    for function in FEATURES.values():
        first, *rest = function.__doc__.strip().splitlines()
        assert first.startswith("Return ") and first.endswith(".")
        assert "".join(rest).strip() == "" or "10." in "".join(rest)


def test_features_of_the_bundled_model_come_first_in_its_order(model):
    assert feature_names()[: len(model.feature_names)] == model.feature_names


@pytest.mark.parametrize(
    "name, expected",
    [
        ("log_length", np.log(12)),
        ("fraction_D", 3 / 11),
        ("unknown_fraction", 1 / 12),
        ("aromaticity", 1 / 11),
        ("net_charge", (2 - 3) / 11),
        ("gravy", (1.9 + 2 * -3.9 + 3 * -3.5 - 0.9 + 2 * 1.8 + 4.2 + 3.8) / 11),
        ("aliphatic_index", 100 * (2 + 2.9 * 1 + 3.9 * 1) / 11),
        ("n_terminal_acidic", 3 / 11),
        ("n_terminal_extension", 1),
        ("ddxxd_intact", 0),
        ("ddxxd_position", 0),
        ("profile_count", 0),
        ("bits_per_residue", 0),
    ],
)
def test_features_by_hand(name, expected):
    protein = protein_of("MKKDDDWAAVLX")
    assert FEATURES[name](protein) == pytest.approx(expected)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("ddxxd_intact", 1),
        ("ddxxd_altered", 1),
        ("nse_dte_intact", 1),
        ("nse_dte_altered", 0),
        ("ddxxd_position", 5 / 50),
        ("ddxxd_to_nse_dte", (30 - 5) / 50),
        ("ddxxd_acids", 2),
        ("dctae_intact", 2),
    ],
)
def test_motif_features_by_hand(name, expected):
    hits = [
        MotifHit("DDxxD", "altered", 5, 9, "DNAAD"),
        MotifHit("DDxxD", "intact", 15, 19, "DDAAD"),
        MotifHit("NSE/DTE", "intact", 30, 38, "NDVFSLRVE"),
        MotifHit("NSE/DTE", "missing", 0, 0, ""),
        MotifHit("DCTAE", "intact", 42, 46, "DCTAE"),
        MotifHit("DCTAE", "intact", 42, 46, "DDTAV"),
        MotifHit("DCTAE", "intact", 42, 46, "DCVSE"),
    ]
    assert FEATURES[name](protein_of("M" * 50, hits)) == pytest.approx(expected)


def test_profile_features_follow_from_the_best_hits(proteins):
    protein = proteins[1]
    first, second = protein.hits[:2]
    placed = first.positions[first.positions > 0]
    length = protein.record.length_aa
    expected = {
        "bits_per_residue": first.bits / length,
        "log_bits": math.log(1 + first.bits),
        "second_profile": second.bits / first.bits,
        "profile_count": len(protein.hits),
        "profile_coverage": len(placed) / first.profile.columns,
        "sequence_coverage": len(placed) / length,
        "n_terminal_extension": (placed[0] - 1) / length,
        "c_terminal_extension": (length - placed[-1]) / length,
    }
    assert feature_vector(protein, list(expected)) == pytest.approx(list(expected.values()))
    class_one = [hit.bits for hit in protein.hits if hit.profile.has_site("DDxxD")]
    assert FEATURES["class_one_bits"](protein) == pytest.approx(max(class_one) / length)
    assert FEATURES["class_two_bits"](proteins[2]) > 0.5 > FEATURES["class_two_bits"](protein)


def test_entropy_is_one_bit_for_two_equally_frequent_residues():
    assert FEATURES["entropy"](protein_of("MKMK")) == pytest.approx(1)
    assert FEATURES["entropy"](protein_of("MMMM")) == 0


def test_hydrophobic_moment_tells_a_helix_with_two_faces_from_a_strand():
    moment = FEATURES["n_terminal_hydrophobic_moment"]
    turn = np.cos(np.radians(100) * np.arange(11))
    two_faces = "".join("I" if direction > 0 else "R" for direction in turn)
    assert moment(protein_of("I" * 11)) < 0.5 < 2 < moment(protein_of(two_faces))


def test_a_membrane_helix_shows_wherever_it_lies():
    membrane = FEATURES["membrane_hydropathy"]
    assert membrane(protein_of("R" * 30 + "I" * 19 + "R" * 30)) == pytest.approx(4.5)
    assert membrane(protein_of("R" * 30)) == pytest.approx(-4.5)
    assert membrane(protein_of("IR")) == pytest.approx(0)  # shorter than the window


def test_every_feature_varies(proteins):
    """A feature that is the same for all kinds of proteins is none."""
    sites = [
        MotifHit(name, state, 3, 8, "DDAADE")
        for name in motifs.MOTIFS
        for state in (motifs.INTACT, motifs.ALTERED)
    ]
    sites.append(MotifHit("DCTAE", motifs.INTACT, 3, 7, "DCTAE"))
    table = np.stack([feature_vector(p) for p in [*proteins, protein_of("MKDDAADEXW", sites)]])
    assert [name for name, spread in zip(feature_names(), table.std(0)) if spread == 0] == []


def test_neighbours_and_threads_change_no_feature(model, records, proteins):
    for threads, subset in ((1, records[2:3]), (2, records[::-1])):
        again = {
            protein.record.id: protein
            for protein in screen(subset, model.encoder.profiles, threads)
        }
        for protein in proteins:
            other = again.get(protein.record.id)
            if other:
                assert np.array_equal(feature_vector(other), feature_vector(protein))


def test_features_need_a_known_residue():
    with pytest.raises(InputError, match="record p: found no known residue"):
        feature_vector(protein_of("XXX"))


def test_only_the_named_features_are_computed_in_their_order(proteins):
    every = dict(zip(feature_names(), feature_vector(proteins[0])))
    names = ["gravy", "log_length"]
    vector = feature_vector(proteins[0], names)
    assert vector.dtype == np.float32
    assert vector.tolist() == [every[name] for name in names]


@pytest.fixture
def registry():
    """The features; those that a test adds are removed after it."""
    before = dict(FEATURES)
    yield FEATURES
    FEATURES.clear()
    FEATURES.update(before)


def test_a_model_goes_on_without_a_feature_that_came_later(model, records, registry):
    names = feature_names()

    def calls():
        return list(model.predict(records))

    expected = calls()
    (represented,) = represent_records(records[:1], model.encoder, model.feature_names)

    @feature
    def starts_with_methionine(protein):
        return float(protein.record.sequence.startswith("M"))

    assert list(registry) == [*names, "starts_with_methionine"]
    assert feature_names() == tuple(registry)
    protein = represented[0].protein
    assert feature_vector(protein, ["starts_with_methionine", "gravy"])[0] == 1
    assert len(feature_vector(protein)) == len(names) + 1
    # The bundled model was trained without it, computes its own 64 alone and calls the same.
    (again,) = represent_records(records[:1], model.encoder, model.feature_names)
    assert np.array_equal(again[0].features, represented[0].features)
    for call, other in zip(calls(), expected, strict=True):
        assert (call.id, call.status, call.tps_probability) == (
            other.id,
            other.status,
            other.tps_probability,
        )


def test_the_feature_of_the_test_above_is_gone():
    assert "starts_with_methionine" not in FEATURES


def test_windows_of_a_short_sequence_are_one():
    assert features.windows([1.0, 2.0], 19).tolist() == [[1.0, 2.0]]
