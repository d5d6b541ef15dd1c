import copy
import dataclasses
import functools
import json
import operator
import os
import random
import re
import shutil
import threading
import time

import h5py
import numpy as np
import pytest
import torch

from tpspred import building
from tpspred.dataset import ensembles
from tpspred.errors import InputError, ModelError, TpspredError
from tpspred.family import features, profiles
from tpspred.io import sealed
from tpspred.io import tree as trees
from tpspred.model import checkpoint
from tpspred.model.examples import gather_examples

VERSION = checkpoint.FORMAT_VERSION
BUNDLED_CHECKSUM = "bcef8f386d07cd122ac0d7fdb3e069d2cb9381462949148c193499ab191c5fe5"


def plain(call):
    """A call without its model, as something that can be compared."""
    arrays = [None if x is None else x.tobytes() for x in (call.probabilities, call.features)]
    return call._replace(model="", probabilities=None, features=None), *arrays


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
    trees.write(tree, tmp_path / "m.h5", checkpoint.MODEL, VERSION)
    with pytest.raises(
        ModelError,
        match="m.h5: found features that this version does not compute: number_of_products; wanted",
    ):
        checkpoint.load(tmp_path / "m.h5")


def test_a_model_remembers_the_features_that_it_was_trained_on(small, enzymes, records, tmp_path):
    wanted = ("ddxxd_intact", "gravy", "log_length")
    examples = gather_examples(enzymes, small.table, small.negatives, small.labels, wanted)
    config = dataclasses.replace(small.config, members=1, epochs=1)
    predictor = building.train(
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


def load_all(path):
    """Load a model, and read what is otherwise read when the first protein is scored."""
    model = checkpoint.load(path)
    everything = model.references, model.calibration, dict(model.trained.weights)
    if model.encoder.name == "profile":
        everything += (model.encoder.projections,)
    return model


def refuse(path, message, load=load_all):
    """Check that a model is refused at once and in one line."""
    begin = time.monotonic()
    with pytest.raises(ModelError, match=f"m.h5: found .*{message}") as caught:
        load(path)
    assert time.monotonic() - begin < 5
    assert str(caught.value).isprintable() and len(str(caught.value)) < 600


def test_model_cut_short_is_refused(model_file):
    data = model_file.read_bytes()
    for size in (100, len(data) // 2, len(data) - 1):
        model_file.write_bytes(data[:size])
        refuse(
            model_file, "no checksum at its end: it is cut short, or not written by this version"
        )
    model_file.write_bytes(b"")
    refuse(model_file, "a file that is not HDF5; wanted a model of tpspred train or calibrate")


def test_altered_model_is_refused(model_file):
    with h5py.File(model_file, "r+") as handle:
        handle["calibration/thresholds"][3] = 0.01
    refuse(model_file, "no checksum|altered content")


def test_a_model_cannot_take_the_name_of_another_one(model_file):
    """A stranger may seal an altered file, but its name follows from its bytes."""
    name = checkpoint.load(model_file).name
    with h5py.File(model_file) as handle:
        place = handle["calibration/thresholds"].id.get_offset()
    data = bytearray(model_file.read_bytes()[: -sealed.SEAL_BYTES])
    data[place : place + 8] = np.float64(0.01).tobytes()
    model_file.write_bytes(data)
    sealed.seal(model_file)
    altered_model = load_all(model_file)
    assert altered_model.calibration.thresholds[0] == 0.01 and altered_model.name != name


def test_a_model_is_an_hdf5_file_for_other_programs(model_file):
    model = checkpoint.load(model_file)
    with h5py.File(model_file) as handle:
        assert handle.attrs["format"] == checkpoint.MODEL
        assert np.array_equal(handle["references/vectors"], model.references.vectors)
        assert json.loads(handle["features"][()]) == list(model.feature_names)


def test_model_of_another_version_or_kind_is_refused(tree, small, tmp_path):
    trees.write(tree, tmp_path / "m.h5", checkpoint.MODEL, 99)
    refuse(tmp_path / "m.h5", "format version 99; wanted 7")
    checkpoint.save_encoder(small.predictor.encoder, tmp_path / "e.h5")
    with pytest.raises(ModelError, match="found format tpspred-encoder; wanted tpspred-model"):
        checkpoint.load(tmp_path / "e.h5")


@pytest.mark.parametrize("part", checkpoint.MODEL_PARTS)
def test_model_without_a_part_is_refused(tree, tmp_path, part):
    def without(branch, first, *rest):
        others = {name: value for name, value in branch.items() if name != first}
        return others | {first: without(branch[first], *rest)} if rest else others

    path = tmp_path / "m.h5"
    trees.write(without(tree, *part.split("/")), path, checkpoint.MODEL, VERSION)
    refuse(path, f"no part {part}")


def test_missing_model_is_named():
    with pytest.raises(InputError, match="nowhere.h5: No such file or directory"):
        checkpoint.load("nowhere.h5")


def test_a_model_may_come_from_a_pipe(model_file, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(model_file.read_bytes()))
    writer.start()
    loaded = checkpoint.load(pipe)
    writer.join()
    assert loaded.checksum == checkpoint.load(model_file).checksum


@pytest.fixture(scope="module")
def tree(calibrated):
    """The content of the file of the small model, calibrated, with one network."""
    tree = checkpoint.predictor_to_tree(calibrated)
    tree["networks"] = {name: array[:1] for name, array in tree["networks"].items()}
    tree["training"]["member_folds"] = tree["training"]["member_folds"][:1]
    return tree | {"encoder": checkpoint.encoder_to_tree(calibrated.encoder)}


def altered(tree, path, change):
    """A copy of a tree in which one part is changed: path/to/part, function of the part."""
    tree = copy.deepcopy(tree)
    *groups, leaf = path.split("/")
    branch = functools.reduce(operator.getitem, groups, tree)
    branch[leaf] = change(branch[leaf])
    return tree


def without_first(array):
    return array[1:]


def with_last(value):
    """Function that replaces the last number of an array."""

    def change(array):
        array = np.array(array)
        array[(-1,) * array.ndim] = value
        return array

    return change


def with_first(**fields):
    """Function that changes fields of the first dictionary of a list."""
    return lambda entries: [entries[0] | fields, *entries[1:]]


ARRAYS_OF_ANOTHER_SHAPE = [
    *((path, without_first) for path, (_, axes) in checkpoint.ARRAYS.items() if axes),
    *((path, lambda array: array[None]) for path in list(checkpoint.ARRAYS)[::4]),
    ("labels/names", without_first),
]
ODD_NUMBERS = [
    (path, with_last(value))
    for path in (
        "calibration/thresholds",
        "calibration/tps_threshold",
        "references/vectors",
        "scaling/embedding_mean",
        "networks/fusion.0.bias",
        "encoder/hmms/mat",
        "encoder/axes",
    )
    for value in (np.nan, np.inf)
]
OTHER_TYPES = [
    *((part, lambda value: []) for part in ("labels", "scaling", "networks", "training")),
    *((part, lambda value: {}) for part in ("calibration", "references", "networks", "encoder")),
    *((part, lambda value: 3) for part in ("labels", "features", "networks", "references")),
    *((f"training/{part}", lambda value: "x") for part in ("record", "sequence_folds")),
    ("calibration/slopes", lambda slopes: {"a": 1}),
    ("calibration/sequences", lambda sequences: 3),
    ("calibration/thresholds", lambda thresholds: np.zeros(len(thresholds), int)),
    ("references/targets", lambda targets: np.full(targets.shape, b"a")),
    ("references/known", lambda known: known[:, 1:]),
    ("scaling/feature_scale", lambda scale: np.full(scale.shape, b"1")),
    ("labels/names", lambda names: np.arange(len(names))),
    ("labels/names", lambda names: np.array([b"no_group"] * len(names))),
    ("labels/names", lambda names: np.array([b"oracle:x", *names[1:]])),
    ("labels/names", lambda names: np.array([b"ensemble:x"] * len(names))),
    ("features", lambda names: [[1]] * len(names)),
    ("features", lambda names: [*names, names[0]]),
    ("scaling/embedding_scale", lambda scale: np.ones((2, 2), np.float32)),
    ("scaling/embedding_scale", lambda scale: [1.0]),
    ("networks", lambda weights: {name: array[:0] for name, array in weights.items()}),
    ("networks", lambda weights: {name: array[:, :1] for name, array in weights.items()}),
    ("networks", lambda weights: {name: np.array([b"a"]) for name in weights}),
    ("networks", lambda weights: weights | {"more": np.zeros(3, np.float16)}),
    ("networks", lambda weights: dict(list(weights.items())[1:])),
    ("networks/fusion.0.bias", lambda bias: bias.astype(int)),
    ("training/member_folds", lambda folds: folds * 2),
    ("training/record", lambda record: record | {"name": None}),
    ("training/record", lambda record: [record]),
    ("references/about", lambda about: {}),
    ("references/about", lambda about: [None] * len(about)),
    ("references/about", with_first(id=3)),
    ("references/about", with_first(products="pinene")),
    ("references/about", with_first(species=[None])),
    ("references/about", lambda about: [{"id": "x"}, *about[1:]]),
    ("references/structures", lambda structures: structures[1:]),
    ("references/structures", lambda structures: dict.fromkeys(structures)),
    ("references/structures", lambda structures: [3, *structures[1:]]),
    ("references/makes", lambda makes: np.pad(makes, [(0, 0), (0, 1)])),
    ("references/fingerprints/lengths", lambda lengths: lengths + 12),
    ("references/fingerprints/blocks", without_first),
    ("decision", lambda decision: {}),
    ("encoder/hmms/ins_rows", lambda rows: rows + 10**6),
    ("encoder/hmms/ins_rows", without_first),
    ("encoder/name", lambda name: ["profile"]),
    ("encoder/name", lambda name: 3),
    ("encoder/profiles", lambda about: {}),
    ("encoder/profiles", lambda about: about[1:]),
    ("encoder/profiles", lambda about: [None] * len(about)),
    ("encoder/profiles", with_first(name=7)),
    ("encoder/profiles", with_first(name=["a"])),
    ("encoder/profiles", with_first(regions=[["a", 0, 5]])),
    ("encoder/profiles", with_first(regions=[["a", 5, 10**9]])),
    ("encoder/profiles", with_first(regions=[["a", "1", "2"]])),
    ("encoder/profiles", with_first(regions=[["a", 1]])),
    ("encoder/profiles", with_first(sites=[{"motif": "no", "column": 3, "frequency": 1.0}])),
    ("encoder/profiles", with_first(sites=[{"motif": "QW", "column": -3, "frequency": 1.0}])),
    ("encoder/profiles", with_first(sites=[{"motif": "QW", "column": 3, "frequency": "x"}])),
    ("encoder/profiles", with_first(sites=[{"motif": "QW", "column": 3}])),
    ("encoder/profiles", with_first(sites=[{"motif": ["QW"], "column": 3, "frequency": 1.0}])),
    ("encoder/hmms", lambda hmms: {}),
    *((f"encoder/hmms/{name}", without_first) for name in profiles.HMM_ARRAYS),
    *((f"encoder/hmms/{name}", np.float64) for name in profiles.HMM_ARRAYS),
    ("encoder/hmms/M", lambda columns: columns - 1),
    ("encoder/hmms/M", lambda columns: columns[::-1]),
    ("encoder/hmms/M", lambda columns: np.array([columns.sum(), *columns[1:] * 0], "<i4")),
    ("encoder/hmms/M", lambda columns: np.array([-5, *columns[1:]], "<i4")),
    ("encoder/dimension", lambda dimension: dimension + 1),
    ("encoder/dimension", lambda dimension: "x"),
    ("encoder/ranks", lambda ranks: ranks[1:]),
    ("encoder/ranks", lambda ranks: [ranks[0] + 1, *ranks[1:]]),
    ("encoder/ranks", lambda ranks: [-1, *ranks[1:]]),
    ("encoder/ranks", lambda ranks: ["x" for _ in ranks]),
    *((f"encoder/{name}", without_first) for name in ("residues", "scales", "axes", "mixing")),
    ("encoder/mixing", lambda mixing: mixing[:, :-1]),
    ("encoder/mixing", lambda mixing: {}),
    ("encoder/mixing", np.int8),
    ("encoder/scales", lambda scales: scales + np.nan),
    ("encoder", lambda encoder: encoder | {"name": "esm2_x", "weights": {}}),
    ("encoder", lambda encoder: encoder | {"name": "esm2_x", "weights": []}),
    (
        "encoder",
        lambda encoder: encoder | {"name": "esm2_x", "weights": {"sha256": 3, "dimension": 3}},
    ),
    (
        "encoder",
        lambda encoder: (
            encoder | {"name": "profile+esm2_x", "weights": {"sha256": "0" * 64, "dimension": "3"}}
        ),
    ),
]


@pytest.mark.parametrize("path, change", ARRAYS_OF_ANOTHER_SHAPE + ODD_NUMBERS + OTHER_TYPES)
def test_a_model_whose_parts_do_not_fit_is_refused(tree, tmp_path, path, change):
    """The file has the right seal and the right checksum, as a stranger can make them."""
    trees.write(altered(tree, path, change), tmp_path / "m.h5", checkpoint.MODEL, VERSION)
    refuse(tmp_path / "m.h5", "")


ODD_NAMES = ["a\tb", "a\nb", "a\rb", "\x1b[2J", "\x00", "\x7f", "\x85", "\u2028"]
PLACES_OF_NAMES = [
    ("training/record", lambda record, odd: record | {"versions": {odd: "1"}}),
    ("references/about", lambda about, odd: with_first(id=odd)(about)),
    ("references/about", lambda about, odd: with_first(products=["a", odd])(about)),
    ("references/about", lambda about, odd: with_first(species=[odd])(about)),
    ("references/about", lambda about, odd: with_first(accessions=[odd])(about)),
    ("encoder/profiles", lambda about, odd: with_first(name=odd)(about)),
    ("labels/names", lambda names, odd: np.array([f"substrate:{odd}x".encode(), *names[1:]])),
]


@pytest.mark.parametrize(
    "path, change, odd",
    [
        *(
            ("training/record", lambda record, odd: record | {"name": odd}, odd)
            for odd in ODD_NAMES
        ),
        *((path, change, ODD_NAMES[1]) for path, change in PLACES_OF_NAMES),
    ],
)
def test_names_that_would_forge_rows_are_refused(tree, tmp_path, path, change, odd):
    evil = altered(tree, path, lambda part: change(part, odd))
    trees.write(evil, tmp_path / "m.h5", checkpoint.MODEL, VERSION)
    refuse(tmp_path / "m.h5", "a part that does not fit [(].*: the name '.*'[)]")


@pytest.mark.parametrize("part", ["features", "training/record"])
@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{", "", "1e999999", "9" * 5000, '"\\ud800"', "NaN", '["a\tb"]', "α"]
)
def test_texts_that_are_no_json_of_a_model_are_refused(tree, tmp_path, monkeypatch, text, part):
    class Text:
        """What json.dumps gives as it is."""

    real = json.dumps

    def dumps(value, **options):
        return text if isinstance(value, Text) else real(value, **options)

    monkeypatch.setattr(trees.json, "dumps", dumps)
    path = tmp_path / "m.h5"
    trees.write(altered(tree, part, lambda value: Text()), path, checkpoint.MODEL, VERSION)
    monkeypatch.undo()
    refuse(path, "a part that does not fit")


def test_an_intact_tree_is_accepted(tree, tmp_path):
    """Otherwise the tests above would show nothing."""
    trees.write(tree, tmp_path / "m.h5", checkpoint.MODEL, VERSION)
    assert checkpoint.load(tmp_path / "m.h5").name.startswith("small:")


DAMAGES = {
    "flip": lambda data, at, rng: data.__setitem__(at, data[at] ^ 1 << rng.randrange(8)),
    "cut": lambda data, at, rng: data.__delitem__(slice(at, None)),
    "blank": lambda data, at, rng: data.__setitem__(slice(at, at + 512), bytes(512)),
    "append": lambda data, at, rng: data.extend(rng.randbytes(100)),
    "insert": lambda data, at, rng: data.__setitem__(slice(at, at), rng.randbytes(8)),
}


@pytest.mark.slow
@pytest.mark.parametrize("is_sealed", [False, True], ids=["damaged", "damaged and sealed again"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_is_refused_or_the_same(model_file, records, damage, is_sealed):
    """One line or a model that works, and at once. A file that is sealed again is a stranger's."""
    data = model_file.read_bytes()
    checksum = checkpoint.load(model_file).checksum
    rng = random.Random(damage)
    for _ in range(30):
        damaged = bytearray(data[: -sealed.SEAL_BYTES] if is_sealed else data)
        # Half of them hit the end, where the index lies.
        at = rng.randrange(rng.choice([0, len(damaged) - 4000]), len(damaged))
        DAMAGES[damage](damaged, at, rng)
        model_file.write_bytes(damaged)
        if is_sealed:
            sealed.seal(model_file)
        begin = time.monotonic()
        try:
            loaded = load_all(model_file)
        except TpspredError as error:
            assert str(error).isprintable()
        else:
            assert is_sealed or loaded.checksum == checksum
            list(loaded.predict(records[:1]))
        assert time.monotonic() - begin < 10


def test_an_encoder_of_no_known_name_is_refused(small, tmp_path):
    tree = {"encoder": checkpoint.encoder_to_tree(small.predictor.encoder) | {"name": "oracle"}}
    trees.write(tree, tmp_path / "e.h5", checkpoint.ENCODER, VERSION)
    with pytest.raises(ModelError, match="e.h5: found an encoder named oracle; wanted profile"):
        checkpoint.load_encoder(tmp_path / "e.h5")


def test_bundled_model_is_small_and_complete(model):
    assert checkpoint.bundled().stat().st_size <= 25e6
    assert model.calibration.sequences > 1000 and len(model.references.about) > 1000
    assert model.references.vectors.shape[1] <= 768
    assert [label.name for label in model.labels[:30]] == list(ensembles.SLUGS)
    assert len(model.trained.member_folds) == model.training_record["options"]["members"]


def test_bundled_profiles_contain_no_contiguous_sequence():
    # Nothing in the file reads as a protein of 40 residues.
    data = checkpoint.bundled().read_bytes()
    assert not re.search(rb"[ACDEFGHIKLMNPQRSTVWY]{40}", data)


@pytest.mark.slow
def test_copied_model_keeps_its_name(model, tmp_path):
    shutil.copy(checkpoint.bundled(), tmp_path / "copy.h5")
    assert checkpoint.load(tmp_path / "copy.h5").name == model.name
