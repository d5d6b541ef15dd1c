"""The whole way: from an input to calls, and from labelled enzymes to a model."""

import dataclasses

import numpy as np
import pytest
import torch
from support import DATA

from tpspred import pipeline
from tpspred.dataset.labels import Label
from tpspred.encoders.protocol import encoder_by_name
from tpspred.encoders.representations import embed, featurize
from tpspred.errors import StoreError
from tpspred.io import files, store
from tpspred.io.fasta import read_fasta
from tpspred.io.shards import Shard
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
    return pipeline.build_model(enzymes, negatives, quick, "built", CPU)


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
    trained = pipeline.train(
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
    other, _ = pipeline.build_model(enzymes, negatives, quick, "built", CPU, threads=2)
    assert checkpoint.save(other, tmp_path / "o.h5") == checkpoint.save(
        predictor, tmp_path / "p.h5"
    )


@pytest.mark.slow
def test_labels_and_negatives_can_be_chosen(enzymes, negatives, quick, small):
    labels = [*small.labels[:-1], Label("substrate", "no such substrate")]

    def exclude(table):
        return dataclasses.replace(table, problems=["near_held_out"] * len(table))

    predictor, examples = pipeline.build_model(
        enzymes, negatives, quick, "built", CPU, labels=labels, exclude=exclude
    )
    assert predictor.labels == labels and not predictor.positives[-1]
    assert examples.is_enzyme.all() and predictor.training_record["negatives_used"] == 0


def test_an_encoder_comes_with_the_proteins_that_it_screened(fitted, enzymes, small):
    encoder, proteins = fitted
    assert [protein.record.sequence for protein in proteins] == [x.sequence for x in enzymes]
    assert all(protein.hits for protein in proteins)
    records = [protein.record for protein in proteins]
    again = pipeline.screen_all(records, encoder, threads=2)
    assert [protein.motifs for protein in again] == [protein.motifs for protein in proteins]


@pytest.mark.slow
def test_a_model_is_trained_again_on_other_vectors(built, small, quick):
    predictor, examples = built
    vectors = np.ascontiguousarray(examples.embedding[:, ::-1])
    other = pipeline.retrain(predictor, examples, small.predictor.encoder, vectors, quick, CPU)
    assert other.calibration.sequences == len(examples)
    assert other.references.about == predictor.references.about
    assert np.array_equal(
        other.trained.scaling.embedding_mean, predictor.trained.scaling.embedding_mean[::-1]
    )
    same = pipeline.retrain(predictor, examples, predictor.encoder, examples.embedding, quick, CPU)
    assert np.array_equal(same.calibration.thresholds, predictor.calibration.thresholds)
    assert same.training_record == predictor.training_record


def test_stores_of_one_encoder_are_read(small, tmp_path):
    paths = [str(tmp_path / name) for name in ("enzymes.h5", "negatives.h5")]
    for table, path in zip((small.table, *small.negatives), paths):
        store.write(table, path)
    encoder, tables = pipeline.read_stores(paths, small.predictor.encoder)
    assert encoder is small.predictor.encoder
    assert [table.ids for table in tables] == [small.table.ids, small.negatives[0].ids]


@pytest.mark.parametrize("lend_profiles", [False, True])
def test_a_store_of_another_encoder_is_named(small, tmp_path, lend_profiles):
    store.write(small.table, tmp_path / "a.h5")
    foreign = dataclasses.replace(small.negatives[0], encoder="oracle", checksum="0" * 64)
    store.write(foreign, tmp_path / "b.h5")
    paths = [str(tmp_path / name) for name in ("a.h5", "b.h5")]
    with pytest.raises(StoreError, match="b.h5: found an embedding by oracle 000000000000; wanted"):
        pipeline.read_stores(paths, small.predictor.encoder, lend_profiles)


def test_profiles_are_lent_to_an_encoder_that_is_known_by_its_name(small, tmp_path):
    loaded, width = small.predictor.encoder, 32
    foreign = dataclasses.replace(
        small.table,
        encoder="esm2_tiny",
        checksum="1" * 64,
        embedding=np.ones((len(small.table), width), np.float32),
        pooling=encoder_by_name("esm2_tiny", loaded).pooling,
    )
    path = str(tmp_path / "a.h5")
    store.write(foreign, path)
    encoder, _ = pipeline.read_stores([path], loaded, lend_profiles=True)
    assert (encoder.name, encoder.dimension, encoder.checksum) == ("esm2_tiny", width, "1" * 64)
    assert encoder.profiles is loaded.profiles
    with pytest.raises(StoreError, match="found an embedding by esm2_tiny"):
        pipeline.read_stores([path], loaded)


def test_a_fasta_file_and_its_store_give_the_same_calls(model, tmp_path):
    records = read_fasta(DATA / "proteins.faa")
    table = featurize(embed(records, model.encoder), model.encoder.profiles)
    store.write(table, tmp_path / "s.h5")
    both = []
    for source in (DATA / "proteins.faa", tmp_path / "s.h5"):
        with files.open_input(source) as opened:
            both.append(list(pipeline.predict(opened, model, neighbours=2)))
        with files.open_input(source) as opened:
            (second,) = pipeline.predict(opened, model, Shard(2, 7))
        assert second.id == both[-1][1].id and len(second.neighbours) == 3
    first, other = both
    assert len(first) == 7 and len(first[0].neighbours) == 2
    assert [call.tps_probability for call in first] == [call.tps_probability for call in other]
    assert [(call.status, call.motifs, call.domains, call.flags) for call in first] == [
        (call.status, call.motifs, call.domains, call.flags) for call in other
    ]
