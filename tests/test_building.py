"""The whole way from labelled enzymes to a model."""

import dataclasses

import numpy as np
import pytest
import torch
from support import DATA

from tpspred import building
from tpspred.dataset.labels import Label
from tpspred.io.fasta import read_fasta
from tpspred.model import checkpoint
from tpspred.model.held_out import calibrate

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def negatives():
    return list(read_fasta(DATA / "negatives.faa"))


@pytest.fixture(scope="module")
def quick(small):
    """Hyperparameters of a training that takes a moment."""
    return dataclasses.replace(small.config, epochs=1)


@pytest.fixture(scope="module")
def built(enzymes, negatives, quick):
    return building.build_model(enzymes, negatives, quick, "built", CPU)


@pytest.mark.slow
def test_a_model_is_built_from_labelled_sequences(built, enzymes, small):
    predictor, examples = built
    assert predictor.calibration.sequences == len(examples) == len(small.examples)
    assert predictor.labels == small.labels
    assert [about["id"] for about in predictor.references.about] == [x.id for x in enzymes]
    record = predictor.training_record
    assert (record["name"], record["enzymes"]) == ("built", 24)
    assert (record["enzymes_used"], record["negatives_used"]) == (24, 4)
    assert set(record["held_out_ensembles"]) == {"average_precision", "f1"}


@pytest.mark.slow
def test_building_is_the_steps_one_after_another(built, small, enzymes, quick, tmp_path):
    predictor, _ = built
    trained = building.train(
        enzymes, small.examples, small.labels, small.predictor.encoder, quick, "built", CPU
    )
    stepwise = calibrate(trained, small.examples)
    checksums = [
        checkpoint.save(model, tmp_path / f"{i}.h5")
        for i, model in enumerate((predictor, stepwise))
    ]
    assert checksums[0] == checksums[1]


@pytest.mark.slow
def test_a_model_does_not_depend_on_the_threads(built, enzymes, negatives, quick, tmp_path):
    predictor, _ = built
    other, _ = building.build_model(enzymes, negatives, quick, "built", CPU, threads=2)
    assert checkpoint.save(other, tmp_path / "o.h5") == checkpoint.save(
        predictor, tmp_path / "p.h5"
    )


@pytest.mark.slow
def test_labels_and_negatives_can_be_chosen(enzymes, negatives, quick, small):
    labels = [*small.labels[:-1], Label("substrate", "no such substrate")]

    def exclude(table, encoder):
        assert encoder.name == "profile"
        return dataclasses.replace(table, problems=["near_held_out"] * len(table))

    predictor, examples = building.build_model(
        enzymes, negatives, quick, "built", CPU, labels=labels, exclude=exclude
    )
    assert predictor.labels == labels and not predictor.positives[-1]
    assert examples.is_enzyme.all() and predictor.training_record["negatives_used"] == 0


def test_an_encoder_comes_with_the_proteins_that_it_screened(fitted, enzymes, small):
    encoder, proteins = fitted
    assert [protein.record.sequence for protein in proteins] == [x.sequence for x in enzymes]
    assert all(protein.hits for protein in proteins)
    records = [protein.record for protein in proteins]
    again = building.screen_all(records, encoder, threads=2)
    assert [protein.motifs for protein in again] == [protein.motifs for protein in proteins]


@pytest.mark.slow
def test_a_model_is_trained_again_on_other_vectors(built, small, quick):
    predictor, examples = built
    vectors = np.ascontiguousarray(examples.embedding[:, ::-1])
    other = building.retrain(predictor, examples, small.predictor.encoder, vectors, quick, CPU)
    assert other.calibration.sequences == len(examples)
    assert other.references.about == predictor.references.about
    assert np.array_equal(
        other.trained.scaling.embedding_mean, predictor.trained.scaling.embedding_mean[::-1]
    )
    same = building.retrain(predictor, examples, predictor.encoder, examples.embedding, quick, CPU)
    assert np.array_equal(same.calibration.thresholds, predictor.calibration.thresholds)
    assert same.training_record == predictor.training_record
