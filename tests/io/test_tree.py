"""Trees of arrays and JSON values in a file."""

import json
import os
import time

import h5py
import numpy as np
import pytest

from tpspred.errors import ModelError
from tpspred.io import sealed, tree

TREE = {
    "empty": {"array": np.zeros((0, 3), np.float16)},
    "group": {"large": np.arange(1000), "deep": {"names": np.array([b"a", b"bc"])}},
    "texts": {"list": [1, 2.5, None], "word": "α"},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.h5"


def opened(path, required=()):
    return tree.opened(path, ("test",), 1, required, ModelError)


def test_a_tree_is_read_as_it_was_written(path):
    sha256 = tree.write(TREE, path, "test", 1)
    with opened(path, ("group/large", "texts")) as stored:
        assert stored.sha256 == sha256 and stored["texts"] == TREE["texts"]
        assert set(stored) == set(TREE) and set(stored["group"]) == {"large", "deep"}
        for one, other in (
            (TREE["empty"]["array"], stored["empty"]["array"]),
            (TREE["group"]["large"], stored["group"]["large"]),
            (TREE["group"]["deep"]["names"], stored["group"]["deep"]["names"]),
        ):
            assert one.dtype == other.dtype and np.array_equal(one, other)
        assert stored["group"].shape_and_kind("large") == ((1000,), "i")
    assert tree.write(TREE | {"texts": "β"}, path, "test", 1) != sha256
    assert tree.write(TREE, path, "test", 1) == sha256


def test_a_file_stays_open_as_long_as_a_part_of_it_is_used(path):
    def is_open():
        return any(os.path.realpath(f"/dev/fd/{n}") == str(path) for n in os.listdir("/dev/fd"))

    tree.write(TREE, path, "test", 1)
    with opened(path) as stored:
        later = stored["group"].later(lambda group: group["large"].sum())
    del stored
    path.rename(path.with_suffix(".moved"))
    path.with_suffix(".moved").rename(path)
    assert is_open() and later() == TREE["group"]["large"].sum()
    del later
    assert not is_open()


@pytest.mark.parametrize("change", ["overwritten", "cut", "replaced"])
def test_a_file_that_changes_while_it_is_used(path, change):
    tree.write(TREE, path, "test", 1)
    with opened(path) as stored:
        group = stored["group"]
    other = TREE | {"group": TREE["group"] | {"large": np.arange(1000)[::-1]}}
    tree.write(other, path.with_name("other"), "test", 1)
    if change == "replaced":  # under the same name, as this package does it
        path.with_name("other").rename(path)
        assert np.array_equal(group["large"], TREE["group"]["large"])
        return
    time.sleep(0.01)
    data = path.with_name("other").read_bytes()
    path.write_bytes(data if change == "overwritten" else data[:1000])
    with pytest.raises(ModelError, match="t.h5: found a part .*the file has changed"):
        group["large"]


def test_an_absent_part_is_named(path):
    tree.write(TREE, path, "test", 1)
    with pytest.raises(ModelError, match="t.h5: found no part group/small; wanted a whole file"):
        opened(path, ("group/small",)).__enter__()
    with (
        pytest.raises(ModelError, match="a part that does not fit .*group/small"),
        opened(path) as stored,
    ):
        stored["group"]["small"]


def test_what_does_not_fit_is_an_error_when_it_is_read(path):
    tree.write(TREE | {"odd": np.array([1.0, np.nan]), "names": ["a\tb"]}, path, "test", 1)
    with opened(path) as stored:
        pass
    for part in ("odd", "names"):
        with pytest.raises(ModelError, match=f"t.h5: found a part that does not fit [(]{part}"):
            stored[part]
    with pytest.raises(ModelError, match="a part that does not fit [(]'other'[)]"):
        stored["group"].later(lambda group: {}["other"])()
    with pytest.raises(KeyError, match="group/none"):
        stored["group"]["none"]


def test_nothing_is_read_before_it_is_asked_for(path, monkeypatch):
    tree.write(TREE, path, "test", 1)
    read = []
    plain = tree._Content.read
    monkeypatch.setattr(
        tree._Content, "read", lambda self, name: read.append(name) or plain(self, name)
    )
    with opened(path) as stored:
        group = stored["group"]
        assert read == []
        group["large"]
    assert read == ["group/large"]


def test_an_altered_file_is_refused(path):
    tree.write(TREE, path, "test", 1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="altered content"):
        opened(path).__enter__()
    path.write_bytes(data[: -sealed.SEAL_BYTES])
    with pytest.raises(ModelError, match="no checksum"):
        opened(path).__enter__()


def test_the_index_says_what_hdf5_says(path):
    tree.write(TREE, path, "test", 1)
    with h5py.File(path) as handle, opened(path) as stored:
        names = []
        handle.visititems(lambda name, item: names.append(name))
        for name in filter(lambda name: isinstance(handle[name], h5py.Dataset), names):
            value = stored
            for part in name.split("/"):
                value = value[part]
            if isinstance(value, np.ndarray):
                assert np.array_equal(handle[name][()], value)
            else:
                assert json.loads(handle[name][()]) == value


ODD_PLACES = [
    ["<f8", [1000], 10**9],
    ["<f8", [1000], -8],
    ["<f8", [10**9, 10**9, 10**9], 100],
    ["<f8", [-1], 100],
    ["<f8", [2.5], 100],
    ["<f8", [True], 100],
    ["<f8", 3, 100],
    ["<f8", "33", 100],
    ["<f8", [3], "100"],
    ["<f8", [3], 1.5],
    ["|O", [3], 100],
    ["<f8,<f8", [3], 100],
    ["|V8", [3], 100],
    ["<U8", [3], 100],
    ["<M8", [3], 100],
    [3, [3], 100],
    ["<f8", [3]],
    {},
    None,
]
ODD_INDEXES = [b"", b"[", b"[]", b"{}", b'{"format": "test", "version": 1}', b"\xff", b"[" * 10**5]


@pytest.mark.parametrize("place", ODD_PLACES)
def test_a_place_outside_the_file_or_of_an_odd_type_is_refused(path, place):
    index = {"format": "test", "version": 1, "places": {"x": place}}
    refuse_index(path, json.dumps(index).encode())


@pytest.mark.parametrize("index", ODD_INDEXES)
def test_an_index_that_is_none_is_refused(path, index):
    refuse_index(path, index)


@pytest.mark.parametrize("length", [b"0" * 12, b"9" * 12, b"-00000000010", b"00000000000x"])
def test_an_index_of_an_odd_length_is_refused(path, length):
    refuse_index(path, b"{}", length)


def refuse_index(path, index, length=None):
    """Check that a file with an index as a stranger may make it is refused in one line."""
    tree.write(TREE, path, "test", 1)
    data = path.read_bytes()
    data = data[: data.index(tree.INDEX)] + tree.INDEX + index
    path.write_bytes(data + (length or b"%012d" % len(tree.INDEX + index)))
    sealed.seal(path)
    with pytest.raises(ModelError, match="t.h5: found a part that does not fit") as caught:
        opened(path).__enter__()
    assert str(caught.value).isprintable()
