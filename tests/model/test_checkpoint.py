import dataclasses
import re
import shutil

import h5py
import numpy as np
import pytest
import torch

from tpspred import pipeline
from tpspred.dataset import ensembles
from tpspred.errors import ModelError
from tpspred.family import features
from tpspred.model import checkpoint
from tpspred.model.examples import gather_examples

BUNDLED_CHECKSUM = "3fba978aae2cc109d84e1b1869819daa157720a682a9710b1f572f50db3a1650"


def plain(call):
    """A call without its model, as something that can be compared."""
    arrays = [None if x is None else x.tobytes() for x in (call.probabilities, call.features)]
    return dataclasses.replace(call, model="", probabilities=None, features=None), *arrays


@pytest.mark.slow
def test_model_file_round_trip(small, records, tmp_path):
    path = tmp_path / "m.h5"
    checkpoint.save(small.predictor, path)
    loaded = checkpoint.load(path)
    assert loaded.encoder.checksum == small.predictor.encoder.checksum
    before = [plain(call) for call in small.predictor.predict(records)]
    after = [plain(call) for call in loaded.predict(records)]
    assert before == after
    checkpoint.save(loaded, tmp_path / "again.h5")
    assert checkpoint.load(tmp_path / "again.h5").checksum == loaded.checksum


@pytest.mark.slow
def test_saving_the_bundled_model_gives_the_same_checksum(model, tmp_path):
    assert model.checksum == BUNDLED_CHECKSUM
    assert checkpoint.save(model, tmp_path / "m.h5") == BUNDLED_CHECKSUM
    assert checkpoint.load(tmp_path / "m.h5").name == model.name


def test_an_encoder_is_the_same_in_a_file_of_its_own(small, tmp_path):
    checkpoint.save_encoder(small.predictor.encoder, tmp_path / "e.h5")
    checkpoint.save(small.predictor, tmp_path / "m.h5")
    for name in ("e.h5", "m.h5"):
        loaded = checkpoint.load_encoder(tmp_path / name)
        assert loaded.checksum == small.predictor.encoder.checksum
        assert loaded.screen == small.predictor.encoder.screen


@pytest.fixture
def one_more_feature():
    """A feature that the bundled model was trained without, registered for the time of a test."""

    @features.feature
    def share_of_methionine_twice(protein):
        return 2 * features.fraction(protein.known_residues, "M")

    yield "share_of_methionine_twice"
    del features.FEATURES["share_of_methionine_twice"]


@pytest.mark.slow
def test_a_model_ignores_features_that_are_newer(model, records, request):
    before = [plain(call) for call in model.predict(records[:3])]
    name = request.getfixturevalue("one_more_feature")
    assert name in features.FEATURES and name not in model.feature_names
    loaded = checkpoint.load()
    assert loaded.feature_names == model.feature_names and loaded.checksum == model.checksum
    assert [plain(call) for call in loaded.predict(records[:3])] == before


def test_a_model_that_wants_an_unknown_feature_is_refused(small, tmp_path):
    tree = checkpoint.predictor_to_tree(small.predictor)
    tree["encoder"] = checkpoint.encoder_to_tree(small.predictor.encoder)
    tree["features"] = ["number_of_products" if x == "gravy" else x for x in tree["features"]]
    checkpoint.write_tree(tree, tmp_path / "m.h5", checkpoint.MODEL)
    with pytest.raises(
        ModelError,
        match="m.h5: found features that this version does not compute: number_of_products; wanted",
    ):
        checkpoint.load(tmp_path / "m.h5")


def test_a_model_remembers_the_features_that_it_was_trained_on(small, enzymes, records, tmp_path):
    wanted = ("ddxxd_intact", "gravy", "log_length")
    examples = gather_examples(enzymes, small.table, small.negatives, small.labels, wanted)
    config = dataclasses.replace(small.config, members=1, epochs=1)
    predictor = pipeline.train(
        enzymes,
        examples,
        small.labels,
        small.predictor.encoder,
        config,
        "few",
        torch.device("cpu"),
    )
    checkpoint.save(predictor, tmp_path / "few.h5")
    loaded = checkpoint.load(tmp_path / "few.h5")
    assert loaded.feature_names == wanted
    (call,) = loaded.predict(records[:1])
    assert np.array_equal(call.features, examples.features[0])
    assert [plain(call)] == [plain(call) for call in predictor.predict(records[:1])]


@pytest.fixture
def model_file(small, tmp_path):
    path = tmp_path / "m.h5"
    checkpoint.save(small.predictor, path)
    return path


def test_model_cut_short_is_refused(model_file):
    data = model_file.read_bytes()
    for size in (0, 100, len(data) // 2, len(data) - 1):
        model_file.write_bytes(data[:size])
        with pytest.raises(ModelError, match="m.h5: found a file that is cut short or damaged"):
            checkpoint.load(model_file)


def test_altered_model_is_refused(model_file):
    with h5py.File(model_file, "r+") as handle:
        handle["calibration/thresholds"][3] = 0.01
    with pytest.raises(ModelError, match="altered content"):
        checkpoint.load(model_file)


def test_model_of_another_version_or_kind_is_refused(model_file, small, tmp_path):
    with h5py.File(model_file, "r+") as handle:
        handle.attrs["format_version"] = 99
    with pytest.raises(ModelError, match="found format version 99; wanted 3"):
        checkpoint.load(model_file)
    checkpoint.save_encoder(small.predictor.encoder, tmp_path / "e.h5")
    with pytest.raises(ModelError, match="found tpspred-encoder; wanted tpspred-model"):
        checkpoint.load(tmp_path / "e.h5")


@pytest.mark.parametrize("part", checkpoint.MODEL_PARTS)
def test_model_without_a_part_is_refused(model_file, part):
    with h5py.File(model_file, "r+") as handle:
        del handle[part]
    with pytest.raises(ModelError, match=f"found no part {part}"):
        checkpoint.load(model_file)


@pytest.mark.parametrize("part", ["scales", "axes", "mixing"])
def test_model_without_a_part_of_its_encoder_is_refused(model_file, part):
    with h5py.File(model_file, "r+") as handle:
        del handle[f"encoder/{part}"]
    with pytest.raises(ModelError, match="found altered content"):
        checkpoint.load(model_file)


def test_missing_model_is_named():
    with pytest.raises(ModelError, match="nowhere.h5: no such file"):
        checkpoint.load("nowhere.h5")


def test_an_encoder_of_no_known_name_is_refused(small, tmp_path):
    tree = {"encoder": checkpoint.encoder_to_tree(small.predictor.encoder) | {"name": "oracle"}}
    checkpoint.write_tree(tree, tmp_path / "e.h5", checkpoint.ENCODER)
    with pytest.raises(ModelError, match="e.h5: found an encoder named oracle; wanted profile"):
        checkpoint.load_encoder(tmp_path / "e.h5")


def test_bundled_model_is_small_and_complete(model):
    assert checkpoint.bundled().stat().st_size <= 25e6
    assert model.calibration.sequences > 1000 and len(model.references.about) > 1000
    assert model.references.vectors.shape[1] <= 768
    assert [label.name for label in model.labels[:30]] == list(ensembles.SLUGS)
    assert len(model.trained.members) == model.training_record["options"]["members"]


def test_bundled_profiles_contain_no_contiguous_sequence():
    # HMMER's text format has one column per line: nothing in the file reads as a protein of 40
    # residues.
    data = checkpoint.bundled().read_bytes()
    assert not re.search(rb"[ACDEFGHIKLMNPQRSTVWY]{40}", data)


@pytest.mark.slow
def test_copied_model_keeps_its_name(model, tmp_path):
    shutil.copy(checkpoint.bundled(), tmp_path / "copy.h5")
    assert checkpoint.load(tmp_path / "copy.h5").name == model.name


def test_a_tree_is_read_as_it_was_written(tmp_path):
    tree = {
        "empty": {"array": np.zeros((0, 3), np.float16)},
        "group": {"large": np.arange(1000), "deep": {"names": np.array([b"a", b"bc"])}},
        "texts": {"list": [1, 2.5, None], "word": "α"},
    }
    checksum = checkpoint.write_tree(tree, tmp_path / "t.h5", "test")
    again, same = checkpoint.read_tree(tmp_path / "t.h5", ("test",), ("group/large", "texts"))
    assert same == checksum and again["texts"] == tree["texts"]
    for one, other in (
        (tree["empty"]["array"], again["empty"]["array"]),
        (tree["group"]["large"], again["group"]["large"]),
        (tree["group"]["deep"]["names"], again["group"]["deep"]["names"]),
    ):
        assert one.dtype == other.dtype and np.array_equal(one, other)
    tree["texts"]["word"] = "β"
    assert checkpoint.write_tree(tree, tmp_path / "t.h5", "test") != checksum
