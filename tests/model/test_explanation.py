import dataclasses

import numpy as np
import pytest

from tpspred.errors import InputError
from tpspred.family.features import feature_vector
from tpspred.family.screening import ScreenedProtein, screen
from tpspred.io.fasta import ProteinRecord, protein_record
from tpspred.model.calibration import log_odds
from tpspred.model.explanation import explain


@pytest.fixture(scope="module")
def record(enzymes):
    sequence = enzymes[0].sequence
    return ProteinRecord(enzymes[0].id, "", sequence[:150] + "X" + sequence[151:])


@pytest.fixture(scope="module")
def protein(small, record):
    (screened,) = screen([record], small.predictor.encoder.profiles)
    return screened


@pytest.fixture(scope="module")
def explanation(small, record):
    return explain(small.predictor, record)


def parts_of(explanation, kind):
    return [part for part in explanation.parts if part.kind == kind]


@pytest.mark.slow
def test_parts_add_what_is_lost_without_them(small, record, protein, explanation):
    predictor = small.predictor
    features = feature_vector(protein)
    embedding = predictor.encoder.vector(protein)
    label = [known.column for known in predictor.labels].index(explanation.label)
    whole = log_odds(predictor.scores(embedding, features).probabilities[label])
    ensembles = [
        i
        for i, known in enumerate(predictor.labels)
        if known.group == "ensemble" and predictor.positives[i]
    ]
    assert label == max(
        ensembles, key=lambda i: predictor.scores(embedding, features).probabilities[i]
    )

    residue = parts_of(explanation, "residue")[0]
    assert record.sequence[residue.position - 1] == residue.name
    assert protein.hits[0].positions[residue.column - 1] == residue.position
    hits = [
        dataclasses.replace(
            hit, residues=np.where(hit.positions == residue.position, 20, hit.residues)
        )
        for hit in protein.hits
    ]
    occluded = predictor.encoder.vector(ScreenedProtein(record, hits, protein.motifs))
    assert residue.adds == pytest.approx(
        whole - log_odds(predictor.scores(occluded, features).probabilities[label]), abs=1e-5
    )

    feature = parts_of(explanation, "feature")[0]
    column = predictor.feature_names.index(feature.name)
    without = features.copy()
    without[column] = predictor.trained.scaling.feature_mean[column]
    assert feature.adds == pytest.approx(
        whole - log_odds(predictor.scores(embedding, without).probabilities[label])
    )
    assert feature.value == features[column]


@pytest.mark.slow
def test_every_aligned_residue_and_feature_once_in_order(small, protein, explanation):
    residues = parts_of(explanation, "residue")
    features = parts_of(explanation, "feature")
    aligned = protein.hits[0].positions
    # Residue 151 is unknown already.
    assert {part.position for part in residues} == set(aligned[aligned > 0].tolist()) - {151}
    assert len(residues) == len({part.position for part in residues})
    names = small.predictor.feature_names
    assert {part.name for part in features} == set(names) and len(features) == len(names)
    assert explanation.parts == (*residues, *features)
    for parts in (residues, features):
        effects = [abs(part.adds) for part in parts]
        assert effects == sorted(effects, reverse=True)
    in_motif = {position for hit in protein.motifs for position in range(hit.start, hit.end + 1)}
    assert all((part.motif is not None) == (part.position in in_motif) for part in residues)


@pytest.mark.slow
def test_an_explanation_is_reproducible(small, record, explanation):
    assert explain(small.predictor, record, threads=2) == explanation


@pytest.mark.slow
def test_any_label_with_training_data(small, record):
    named = explain(small.predictor, record, "is_tps:terpene_synthase")
    assert named.label == "is_tps:terpene_synthase"


def test_a_fragment_is_explained(small, enzymes):
    fragment = ProteinRecord("fragment", "", enzymes[0].sequence[280:360])
    (screened,) = screen([fragment], small.predictor.encoder.profiles)
    explanation = explain(small.predictor, fragment, "is_tps:terpene_synthase")
    assert (explanation.label, explanation.profile) == (
        "is_tps:terpene_synthase",
        screened.hits[0].profile.name,
    )
    residues = parts_of(explanation, "residue")
    aligned = screened.hits[0].positions
    assert len(residues) == (aligned > 0).sum() > 40
    assert all(fragment.sequence[part.position - 1] == part.name for part in residues)
    names = {part.name for part in parts_of(explanation, "feature")}
    assert names == set(small.predictor.feature_names)


def test_labels_without_training_data_are_refused(small, record):
    for label in ("ensemble:di_taxane", "scent:rose"):
        with pytest.raises(
            InputError, match=f"--label: found {label}; wanted a label with training data"
        ):
            explain(small.predictor, record, label)


@pytest.mark.parametrize(
    "sequence, problem", [("M" * 50, "no match to a family profile"), ("", "empty")]
)
def test_a_protein_that_cannot_be_scored_is_not_explained(small, sequence, problem):
    with pytest.raises(InputError, match=f"record x: found {problem}"):
        explain(small.predictor, protein_record("x", sequence))
