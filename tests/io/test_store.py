import contextlib
import dataclasses
import io
import random
import sys
import time

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import change_about

from tpspred.errors import StoreError, TpspredError
from tpspred.io import fasta, hdf5, sealed, store

# No FASTA file gives a text with these.
FORGING = "\t\n\r\0"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=FORGING), max_size=20)


@dataclasses.dataclass(frozen=True)
class Identity:
    name: str = "profile"
    checksum: str = "a" * 64
    pooling: str = "columns"
    precision: str = "float32"
    screen: str = "b" * 64


@pytest.fixture(scope="module")
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
        lengths=np.array([3, 4, 1]),
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
        lengths=table.lengths[:0],
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
def test_ids_and_descriptions_may_contain_any_text(table, tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("ids") / "s.h5"
    ids = [text.replace(" ", "") or "-" for text in texts]
    store.write(dataclasses.replace(table, ids=ids, descriptions=texts), path)
    read = store.read(path)
    assert read.ids == ids and read.descriptions == texts


def test_records_that_cannot_be_scored_keep_their_length(table, tmp_path):
    """They have no sequence, so the store says how long they are."""
    lengths = np.array([0, 7, 200_000, 5, 60, 80])
    unscored = dataclasses.replace(
        table,
        ids=list("abcdef"),
        descriptions=[""] * 6,
        sequences=[""] * 6,
        problems=list(fasta.PROBLEMS),
        lengths=lengths,
        embedding=np.zeros((6, 5), np.float32),
        windows=np.zeros(6, np.int32),
        features=np.zeros((6, 2), np.float32),
    )
    store.write(unscored, tmp_path / "s.h5")
    assert_equal(store.read(tmp_path / "s.h5"), unscored)


def test_ids_may_contain_the_separators_of_hdf5_paths(table, tmp_path):
    odd = dataclasses.replace(table, ids=["a/b|c,é"] * len(table))
    store.write(odd, tmp_path / "o.h5")
    assert store.read(tmp_path / "o.h5").ids[0] == "a/b|c,é"


def test_dash_is_standard_output_and_input(table, capsysbinary, monkeypatch):
    store.write(table, "-")
    stdin = io.BufferedReader(io.BytesIO(capsysbinary.readouterr().out))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stdin))
    assert_equal(store.read("-"), table)


@contextlib.contextmanager
def edited(path):
    """Give the content of a store to change, and seal the file again, as a stranger may."""
    with h5py.File(path, "r+") as handle:
        yield handle
    sealed.seal(path)


def replace(handle, name, data):
    """Put other data in the place of a dataset."""
    if stored(name) in handle:
        del handle[stored(name)]
    if isinstance(data, list):
        data = np.frombuffer("".join(f"{line}\n" for line in data).encode(), np.uint8)
    handle[stored(name)] = data


def stored(name):
    """The path of a part inside the file: texts are read from their own group."""
    return hdf5.LINES + name if name in (*store.TEXTS, "feature_names") else name


def refuse(path, message):
    with pytest.raises(StoreError, match=f"s.h5: found .*{message}") as caught:
        store.read(path)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 600


def test_half_precision_vectors_are_read_as_float32(table, saved):
    with edited(saved) as handle:
        replace(handle, "embedding", table.embedding.astype(np.float16))
    assert store.read(saved).embedding.dtype == np.float32


def test_damaged_stores_are_refused(saved):
    data = saved.read_bytes()
    saved.write_bytes(data[: len(data) // 2])
    refuse(saved, "no checksum at its end: it is cut short, or not written by this version")
    saved.write_bytes(data)
    with h5py.File(saved, "r+") as handle:
        handle["embedding"][0, 0] = 7
    refuse(saved, "no checksum|altered content")


def test_a_store_of_another_version_is_named(saved):
    with edited(saved) as handle:
        handle.attrs["format_version"] = 7
    refuse(saved, "format version 7; wanted 4")


@pytest.mark.parametrize("name", [*store.TEXTS, *store.NUMBERS])
def test_a_store_without_a_part_is_refused(saved, name):
    with edited(saved) as handle:
        del handle[stored(name)]
    refuse(saved, f"no {stored(name)}; wanted a whole store")


@pytest.mark.parametrize("name", [*store.NUMBERS, "features"])
def test_arrays_with_different_numbers_of_rows_are_refused(saved, name):
    with edited(saved) as handle:
        replace(handle, name, handle[name][:2])
    refuse(saved, f"2 {name}.*; wanted the same number of rows in all")


@pytest.mark.parametrize("name", [*store.TEXTS, "feature_names"])
@pytest.mark.parametrize("count", [0, 1, 2000])
def test_texts_for_another_number_of_rows_are_refused(saved, name, count):
    with edited(saved) as handle:
        replace(handle, name, ["MKV"] * count)
    refuse(saved, f"{name}: {count} lines instead of")


@pytest.mark.parametrize(
    "name, data",
    [
        ("ids", np.arange(3)),
        ("ids", np.array([b"a", b"b", b"c"])),
        ("ids", np.frombuffer(b"a\nb\nc\n", np.int8)),
        ("ids", np.frombuffer(b"a\nb\nc\n", np.uint8)[:, None]),
        ("ids", np.bytes_("a\nb\nc\n")),
        ("lengths", np.array([3.0, 4.0, 1.0])),
        ("lengths", np.array([b"3", b"4", b"1"])),
        ("windows", np.ones((3, 3), int)),
        ("embedding", np.ones(3, np.float32)),
        ("embedding", np.ones((3, 5, 1), np.float32)),
        ("embedding", np.ones((3, 5))),  # float64
        ("embedding", np.ones((3, 5), int)),
        ("features", np.ones(3, np.float32)),
        ("feature_names", np.array([b"one", b"two"])),
        ("another", np.arange(3)),
    ],
)
def test_parts_of_another_type_or_shape_are_refused(saved, name, data):
    with edited(saved) as handle:
        replace(handle, name, data)
    refuse(saved, f"{name} of type {data.dtype} and shape")


def test_texts_that_are_compressed_are_refused(saved):
    """Many empty lines take no room in a file, and much in memory."""
    with edited(saved) as handle:
        del handle["lines/ids"]
        handle.create_dataset(
            "lines/ids", data=np.full(10**6, 10, np.uint8), compression="gzip", shuffle=True
        )
    refuse(saved, "ids of type uint8 and shape [(]1000000,[)]")


def test_a_part_without_names_of_its_features_is_refused(saved):
    with edited(saved) as handle:
        del handle["lines/feature_names"]
    refuse(saved, "no lines/feature_names")


@pytest.mark.parametrize(
    "name", ["encoder", "encoder_checksum", "pooling", "precision", "screen", "shard"]
)
@pytest.mark.parametrize("value", [None, 3, ["a", "b"], "a\nb", "α β", "x\t" * 999])
def test_attributes_that_are_no_plain_text_are_refused(saved, name, value):
    with edited(saved) as handle:
        change_about(handle, **{name: value})
    refuse(saved, f"{name}|checksum|attribute")


@pytest.mark.parametrize(
    "name, row, value, message",
    [
        *(("ids", 1, f"a{character}b", "among the ids") for character in "\t\r\0 "),
        ("ids", 0, "", "'' among the ids"),
        *(("descriptions", 2, f"x{character}", "among the desc") for character in "\t\r\0"),
        ("feature_names", 0, "a\tb", "among the feature_names"),
        ("sequences", 0, "", "row 1 with sequence ''"),
        ("sequences", 0, "MK*", "row 1 with sequence 'MK[*]'"),
        ("sequences", 1, "mkvl", "row 2"),
        ("sequences", 1, "XXXX", "row 2"),
        ("sequences", 1, "MKVLA", "row 2"),
        ("problems", 2, "no_reason\t", "row 3 .* problem 'no_reason"),
        ("problems", 2, "", "row 3"),
        ("problems", 0, store.NO_MATCH, "row 1"),
        ("problems", 0, "empty", "row 1"),
        ("lengths", 0, 2, "row 1 .*length 2"),
        ("lengths", 0, -3, "row 1"),
        ("windows", 0, 0, "row 1 .*0 windows"),
        ("windows", 2, 1, "row 3"),
        ("embedding", 1, np.nan, "a vector that is infinite or no number"),
        ("embedding", 2, np.inf, "a vector that is infinite or no number"),
        ("features", 1, -np.inf, "a vector that is infinite or no number"),
    ],
)
def test_rows_that_no_embedding_has_are_refused(table, saved, tmp_path, name, row, value, message):
    """A row of a table could be forged with a line break in an id."""
    changed = with_value(table, name, row, value)
    with edited(saved) as handle:
        replace(handle, name, getattr(changed, name))
    refuse(saved, message)
    with pytest.raises(StoreError, match=message):
        store.write(changed, tmp_path / "again.h5")
    assert not (tmp_path / "again.h5").exists()


def with_value(table, name, row, value):
    """The table with another value in one row."""
    column = getattr(table, name)
    column = column.copy() if isinstance(column, np.ndarray) else list(column)
    column[row] = value
    return dataclasses.replace(table, **{name: column})


def test_a_sequence_that_is_too_long_to_be_scored_is_refused(table, tmp_path):
    long = "M" * (fasta.MAX_LENGTH_AA + 1)
    table = with_value(table, "sequences", 0, long)
    with pytest.raises(StoreError, match="row 1"):
        store.write(with_value(table, "lengths", 0, len(long)), tmp_path / "s.h5")


@pytest.mark.parametrize("text", ["ids", "descriptions"])
def test_a_line_break_in_a_text_is_not_written(table, tmp_path, text):
    with pytest.raises(StoreError, match=f"among the {text}"):
        store.write(with_value(table, text, 1, "a\nb"), tmp_path / "s.h5")


def test_text_that_is_not_utf_8_is_refused(saved):
    with edited(saved) as handle:
        replace(handle, "ids", np.frombuffer(b"\xff\nb\nc\n", np.uint8))
    refuse(saved, "a part that does not fit")


def test_a_pointer_in_a_store_is_refused(saved, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret".ljust(64))
    with edited(saved) as handle:
        del handle["ids"]
        handle.create_dataset("ids", (1,), "S64", external=[(str(tmp_path / "secret"), 0, 64)])
    refuse(saved, "ids: data from another place")


def test_other_hdf5_files_are_refused(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w"):
        pass
    refuse(
        tmp_path / "s.h5", "no checksum at its end: it is cut short, or not written by this version"
    )


def flip(data, rng):
    for _ in range(rng.choice([1, 1, 5])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut(data, rng):
    del data[rng.randrange(len(data)) :]


def blank(data, rng):
    begin = rng.randrange(len(data))
    block = data[begin : begin + rng.choice([1, 16, 512, 4096])]
    data[begin : begin + len(block)] = bytes(len(block))


def swap(data, rng):
    size = rng.choice([8, 64, 512])
    one, other = sorted(rng.randrange(len(data) - size) for _ in range(2))
    first, second = data[one : one + size], data[other : other + size]
    data[other : other + size] = first
    data[one : one + size] = second


def append(data, rng):
    data += rng.choice([b"\n", bytes(100), bytes(data[-80:]), bytes(data)])


def insert(data, rng):
    begin = rng.randrange(len(data))
    data[begin:begin] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 8, 100])))


DAMAGES = [flip, cut, blank, swap, append, insert]


@pytest.mark.parametrize("is_sealed", [False, True], ids=["damaged", "damaged and sealed again"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_store_is_refused_or_the_same(table, saved, damage, is_sealed):
    """One line or the identical content, and at once.

    What is sealed again stands for a stranger's file. Numbers may differ there, nothing else.
    """
    whole = saved.read_bytes()
    rng = random.Random(damage.__name__)
    for _ in range(50):
        data = bytearray(whole[: -sealed.SEAL_BYTES] if is_sealed else whole)
        damage(data, rng)
        saved.write_bytes(data)
        if is_sealed:
            sealed.seal(saved)
        begin = time.monotonic()
        try:
            read = store.read(saved)
        except TpspredError as error:
            assert len(str(error).splitlines()) == 1 and str(error).isprintable()
        else:
            if not is_sealed:
                assert_equal(read, table)
            assert read.embedding.nbytes + read.features.nbytes < 1e6
        assert time.monotonic() - begin < 5


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
