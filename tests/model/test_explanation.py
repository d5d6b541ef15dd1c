"""Which residues and features moved a call."""

import dataclasses

import numpy as np
import pytest

from tpspred import encoders
from tpspred.errors import InputError
from tpspred.family import features
from tpspred.io import fasta
from tpspred.model import explanation
from tpspred.model.calibration import log_odds


@pytest.fixture(scope="module")
def record(enzymes):
    return fasta.ProteinRecord(
        enzymes[0].id, "", enzymes[0].sequence[:150] + "X" + enzymes[0].sequence[151:]
    )


@pytest.fixture(scope="module")
def found(small, record):
    return explanation.explain(small.predictor, record)


def test_parts_are_what_is_lost_without_them(small, record, found):
    predictor = small.predictor
    (view,) = encoders.views([record], predictor.encoder.profiles)
    vector = features.vector(view)
    embedding = predictor.encoder.vector(view)
    label = [known.column for known in predictor.labels].index(found.label)
    whole = log_odds(predictor.scores(embedding, vector)[0][label])
    ensembles = [
        i
        for i, known in enumerate(predictor.labels)
        if known.group == "ensemble" and predictor.positives[i]
    ]
    assert label == max(ensembles, key=lambda i: predictor.scores(embedding, vector)[0][i])
    part = next(part for part in found.parts if part.kind == "residue")
    assert record.sequence[part.position - 1] == part.name
    assert view.hits[0].positions[part.column - 1] == part.position
    hits = [
        dataclasses.replace(
            hit, residues=np.where(hit.positions == part.position, 20, hit.residues)
        )
        for hit in view.hits
    ]
    blind = features.View(record, hits, view.motifs)
    assert part.adds == pytest.approx(
        whole - log_odds(predictor.scores(predictor.encoder.vector(blind), vector)[0][label]),
        abs=1e-5,
    )
    part = next(part for part in found.parts if part.kind == "feature")
    other = vector.copy()
    other[features.NAMES.index(part.name)] = predictor.fitted.scaling["feature_mean"][
        features.NAMES.index(part.name)
    ]
    assert part.adds == pytest.approx(
        whole - log_odds(predictor.scores(embedding, other)[0][label])
    )
    assert part.value == vector[features.NAMES.index(part.name)]


def test_every_aligned_residue_and_feature_once_in_order(small, record, found):
    (view,) = encoders.views([record], small.predictor.encoder.profiles)
    residues, told = (
        [part for part in found.parts if part.kind == kind] for kind in ("residue", "feature")
    )
    assert {part.position for part in residues} == set(
        view.hits[0].positions[view.hits[0].positions > 0].tolist()
    ) - {151}
    assert len(residues) == len({part.position for part in residues}) and {
        part.name for part in told
    } == set(features.NAMES)
    for parts in (residues, told):
        assert [abs(part.adds) for part in parts] == sorted(
            (abs(part.adds) for part in parts), reverse=True
        )
    inside = {position for hit in view.motifs for position in range(hit.start, hit.end + 1)}
    assert all((part.motif is not None) == (part.position in inside) for part in residues)


def test_again_gives_the_same(small, record, found):
    assert explanation.explain(small.predictor, record, threads=2) == found


def test_any_label_with_training_data(small, record):
    named = explanation.explain(small.predictor, record, "is_tps:terpene_synthase")
    assert named.label == "is_tps:terpene_synthase"
    for label in ("ensemble:di_taxane", "scent:rose"):
        with pytest.raises(
            InputError, match=f"--label: found {label}; wanted a label with training data"
        ):
            explanation.explain(small.predictor, record, label)


@pytest.mark.parametrize(
    "sequence, problem", [("M" * 50, "no match to a family profile"), ("", "empty")]
)
def test_what_cannot_be_explained(small, sequence, problem):
    with pytest.raises(InputError, match=f"record x: found {problem}"):
        explanation.explain(small.predictor, fasta.protein_record("x", sequence))
