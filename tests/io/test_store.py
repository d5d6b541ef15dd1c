import dataclasses
import io
import sys

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpspred.errors import StoreError
from tpspred.io import store

# HDF5 ends a text at a NUL, and no FASTA file that tpspred reads contains one.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@dataclasses.dataclass(frozen=True)
class Identity:
    name: str = "profile"
    checksum: str = "a" * 64
    pooling: str = "columns"
    precision: str = "float32"
    screen: str = "b" * 64


@pytest.fixture
def table():
    """A store of three proteins, the last of which did not pass the screen."""
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(3, 5)).astype(np.float32)
    features = rng.normal(size=(3, 2)).astype(np.float32)
    embedding[2] = features[2] = 0
    return store.Representations(
        ids=["p1", "p2", "p3"],
        descriptions=["first protein", "", "third"],
        sequences=["MKV", "MKVL", "M"],
        problems=["", "", store.NO_MATCH],
        embedding=embedding,
        windows=np.array([1, 1, 0], np.int32),
        features=features,
        encoder="profile",
        checksum="a" * 64,
        pooling="columns",
        precision="float32",
        screen="b" * 64,
        feature_names=("log_length", "fraction_D"),
    )


@pytest.fixture
def saved(table, tmp_path):
    store.write(table, tmp_path / "s.h5")
    return tmp_path / "s.h5"


def assert_equal(table, other):
    for field in dataclasses.fields(table):
        value, expected = getattr(table, field.name), getattr(other, field.name)
        assert np.array_equal(value, expected), field.name
        assert getattr(value, "dtype", None) == getattr(expected, "dtype", None), field.name


def test_round_trip(table, saved):
    assert_equal(store.read(saved), table)


def test_round_trip_of_a_shard_without_features(table, tmp_path):
    bare = dataclasses.replace(table, features=None, feature_names=(), shard="2/7")
    store.write(bare, tmp_path / "s.h5")
    read = store.read(tmp_path / "s.h5")
    assert read.features is None
    assert_equal(read, bare)


def test_round_trip_of_no_proteins(table, tmp_path):
    empty = dataclasses.replace(
        table,
        ids=[],
        descriptions=[],
        sequences=[],
        problems=[],
        embedding=table.embedding[:0],
        windows=table.windows[:0],
        features=table.features[:0],
    )
    store.write(empty, tmp_path / "s.h5")
    read = store.read(tmp_path / "s.h5")
    assert len(read) == 0 and read.embedding.shape == (0, 5)
    assert_equal(read, empty)


@settings(max_examples=40)
@given(st.lists(TEXT, min_size=3, max_size=3))
def test_ids_may_contain_any_text(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("ids") / "s.h5"
    zeros = np.zeros((3, 1), np.float32)
    windows = np.zeros(3, np.int32)
    table = store.Representations(
        texts, texts, texts, texts, zeros, windows, None, "e", "c", "p", "f", "s"
    )
    store.write(table, path)
    assert store.read(path).ids == store.read(path).descriptions == texts


def test_ids_may_contain_the_separators_of_hdf5_paths(table, tmp_path):
    odd = dataclasses.replace(table, ids=["a/b|c é"] * len(table))
    store.write(odd, tmp_path / "o.h5")
    assert store.read(tmp_path / "o.h5").ids[0] == "a/b|c é"


def test_dash_is_standard_output_and_input(table, capsysbinary, monkeypatch):
    store.write(table, "-")
    stdin = io.BufferedReader(io.BytesIO(capsysbinary.readouterr().out))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
    assert_equal(store.read("-"), table)


def test_half_precision_vectors_are_read_as_float32(table, saved):
    with h5py.File(saved, "r+") as handle:
        del handle["embedding"]
        handle["embedding"] = table.embedding.astype(np.float16)
    assert store.read(saved).embedding.dtype == np.float32


def test_damaged_stores_are_refused(saved):
    data = saved.read_bytes()
    saved.write_bytes(data[: len(data) // 2])
    with pytest.raises(StoreError, match="a file that HDF5 cannot open"):
        store.read(saved)
    saved.write_bytes(data)
    with h5py.File(saved, "r+") as handle:
        del handle["embedding"]
    with pytest.raises(StoreError, match="found no embedding"):
        store.read(saved)
    with h5py.File(saved, "r+") as handle:
        handle["embedding"] = np.zeros((2, 3))
    with pytest.raises(StoreError, match="3 ids.* 2 embedding"):
        store.read(saved)
    with h5py.File(saved, "r+") as handle:
        handle.attrs["format_version"] = 7
    with pytest.raises(StoreError, match="found format version 7; wanted 3"):
        store.read(saved)


def test_other_hdf5_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w"):
        pass
    with pytest.raises(StoreError, match="found format unknown; wanted tpspred-representations"):
        store.read(tmp_path / "x.h5")


def test_features_are_picked_by_name(table):
    assert store.features_named(table, ["log_length", "fraction_D"]) is table.features
    reversed_columns = store.features_named(table, ["fraction_D", "log_length"])
    assert np.array_equal(reversed_columns, table.features[:, ::-1])
    with pytest.raises(
        StoreError, match="found no feature gravy; wanted a store that this version"
    ):
        store.features_named(table, ["log_length", "gravy"])
    bare = dataclasses.replace(table, features=None, feature_names=())
    with pytest.raises(StoreError, match="found no features; wanted .*tpspred featurize"):
        store.features_named(bare, ["log_length"])


def test_store_of_the_same_encoder_is_accepted(table):
    store.check_encoder(table, Identity(), "s.h5")
    store.check_extension(table, Identity(), True, "1/1", "s.h5")
    unscreened = dataclasses.replace(table, screen=store.UNSCREENED)
    store.check_encoder(unscreened, Identity(), "s.h5")
    store.check_extension(unscreened, Identity(), False, "", "s.h5")


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"name": "esm2_t6_8M_UR50D"},
            "an embedding by profile aaaaaaaaaaaa; wanted esm2_t6_8M_UR50D aaaaaaaaaaaa",
        ),
        (
            {"checksum": "c" * 64 + "+" + "d" * 64},
            "an embedding by profile aaaaaaaaaaaa; wanted profile cccccccccccc[+]dddddddddddd",
        ),
        ({"pooling": "mean"}, "pooling 'columns'; wanted mean"),
        ({"screen": "e" * 64}, "rows screened by profiles bbbbbbbbbbbb; wanted eeeeeeeeeeee"),
    ],
)
def test_store_of_another_encoder_is_refused(table, change, message):
    with pytest.raises(StoreError, match=f"s.h5: found {message}$"):
        store.check_encoder(table, dataclasses.replace(Identity(), **change), "s.h5")


@pytest.mark.parametrize(
    "precision, screened, shard, message",
    [
        ("bfloat16", True, "", "vectors in float32; wanted bfloat16"),
        ("float32", False, "", "rows screened by bbbbbbbbbbbb; wanted none"),
        ("float32", True, "2/3", "shard 1/1; wanted 2/3"),
    ],
)
def test_rows_made_in_another_way_are_not_added(table, precision, screened, shard, message):
    identity = Identity(precision=precision)
    with pytest.raises(StoreError, match=f"s.h5: found {message}$"):
        store.check_extension(table, identity, screened, shard, "s.h5")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"encoder": "other"}, "an embedding by other; wanted profile"),
        ({"checksum": "c"}, "an encoder with checksum c; wanted a{64}"),
        ({"pooling": "mean"}, "pooling 'mean'; wanted columns"),
        ({"precision": "float16"}, "vectors in float16; wanted float32"),
        ({"screen": "none"}, "rows screened by none; wanted b{64}"),
        ({"feature_names": ("log_length",)}, "1 features; wanted 2"),
        ({"feature_names": ("log_length", "gravy")}, "features gravy; wanted fraction_D"),
    ],
)
def test_stores_that_differ_are_not_merged(table, change, message):
    store.check_alike(table, table, "s.h5")
    with pytest.raises(StoreError, match=f"s.h5: found {message}$"):
        store.check_alike(dataclasses.replace(table, **change), table, "s.h5")
