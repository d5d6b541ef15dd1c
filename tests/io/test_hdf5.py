"""HDF5 files are sealed; one that is damaged, or made to harm its reader, is refused."""

import contextlib
import hashlib
import json
import pathlib
import resource
import time

import h5py
import numpy as np
import pytest
from support import DATA

from tpspred.errors import InputError, StoreError
from tpspred.io import hdf5, sealed

KIND = "tpspred-test"
ABOUT = np.bytes_(json.dumps({"format": KIND}))
SECRET = b"secret".ljust(64)
LINES = ["a/b|c", "é", "", "x" * 1000, "\x85\u2028", ""]
MEMORY = 1 << 28  # bytes that reading may take


@contextlib.contextmanager
def crafted(path, **options):
    """Give an HDF5 file to fill that says it is one of ours, and seal it, as a stranger may."""
    with h5py.File(path, "w", **options) as handle:
        handle.attrs.update({"about": ABOUT, "format_version": 1})
        yield handle
    sealed.seal(path)


def read(path):
    """Return the numbers and texts of all datasets."""
    with hdf5.reading(path, (KIND,), 1, StoreError) as content:
        return {name: dataset[()] for name, dataset in content.datasets.items()}


def refuse(path, message="a part that does not fit"):
    """Check that a file is refused at once, in one line, and without much memory."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    begin = time.monotonic()
    try:
        room = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (room, limits[1]))
        with pytest.raises(StoreError, match=message) as caught:
            read(path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert time.monotonic() - begin < 5
    assert len(str(caught.value).splitlines()) == 1 and str(path) in str(caught.value)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.h5"


@pytest.fixture
def written(path):
    """A file that this package wrote."""

    def fill(handle):
        hdf5.add_array(handle, "numbers", np.arange(1000, dtype=np.float32).reshape(10, 100))
        hdf5.add_array(handle, "deep/zeros", np.zeros((300, 300), np.float16), compressed=True)
        hdf5.add_array(handle, "empty", np.zeros((0, 5)))
        hdf5.add_array(handle, "bytes", np.array([b"a", b"bc"]))
        hdf5.add_lines(handle, "names", LINES)
        hdf5.add_lines(handle, "no_names", [])
        hdf5.add_text(handle, "text", "α\n")

    hdf5.write(path, KIND, 1, {"encoder": "é", "nothing": ""}, fill)
    return path


def test_what_was_written_is_read(written):
    with hdf5.reading(written, (KIND, "other"), 1, StoreError) as content:
        assert content.name == str(written)
        assert content.attributes["format"] == KIND
        assert (content.attributes["encoder"], content.attributes["nothing"]) == ("é", "")
        datasets = content.datasets
        assert set(datasets) == {
            "numbers", "deep/zeros", "empty", "bytes", "lines/names", "lines/no_names", "text",
        }  # fmt: skip
        assert np.array_equal(datasets["numbers"][5], np.arange(500, 600))
        assert not datasets["deep/zeros"][()].any() and datasets["empty"].shape == (0, 5)
        assert datasets["bytes"][()].tolist() == [b"a", b"bc"]
        assert datasets["text"][()].decode() == "α\n"
        assert content.lines("names", 6) == LINES and content.lines("no_names", 0) == []


@pytest.mark.parametrize("data", ["a\nb\n", "a\nb\nc\nd", "a\nb\nc", ""])
def test_another_number_of_lines_is_refused(path, data):
    with crafted(path) as handle:
        handle["lines/names"] = np.frombuffer(data.encode(), np.uint8)
    with (
        pytest.raises(StoreError, match="lines instead of 3"),
        hdf5.reading(path, (KIND,), 1, StoreError) as content,
    ):
        content.lines("names", 3)


def test_the_seal_is_a_line_behind_the_data_that_other_programs_do_not_see(written):
    data = written.read_bytes()
    assert data[-sealed.SEAL_BYTES :].startswith(b"\ntpspred-sha256:") and data.endswith(b"\n")
    with h5py.File(written) as handle:
        assert handle["names"].asstr()[()].tolist() == LINES
        assert (handle.attrs["format"], handle.attrs["encoder"]) == (KIND, "é")


def test_strings_for_other_programs_are_never_read(path):
    """HDF5 hangs on some strings whose addresses are wrong."""
    with crafted(path) as handle:
        hdf5.add_lines(handle, "names", ["a", "b"])
        place, size = handle["names"].id.get_offset(), handle["names"].id.get_storage_size()
    with open(path, "r+b") as stream:
        stream.truncate(path.stat().st_size - sealed.SEAL_BYTES)
        stream.seek(place)
        stream.write(b"\xee" * size)
    sealed.seal(path)
    assert {name: data.tobytes() for name, data in read(path).items()} == {"lines/names": b"a\nb\n"}


def test_the_same_content_gives_the_same_bytes(path):
    def fill(handle):
        hdf5.add_array(handle, "numbers", np.arange(1000), compressed=True)
        hdf5.add_lines(handle, "names", ["a"])

    both = []
    for _ in range(2):
        sha256 = hdf5.write(path, KIND, 1, {}, fill)
        both.append(path.read_bytes())
    assert both[0] == both[1]
    assert sha256 == hashlib.sha256(both[0][: -sealed.SEAL_BYTES]).hexdigest()


def test_a_file_that_was_cut_short_is_refused(written):
    data = written.read_bytes()
    for size in (8, 100, len(data) // 2, len(data) - sealed.SEAL_BYTES, len(data) - 1):
        written.write_bytes(data[:size])
        refuse(
            written, "x.h5: found no checksum at its end: it is cut short, or not written by this"
        )
    written.write_bytes(data + b"\n")
    refuse(written, "x.h5: found no checksum at its end")


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9])
def test_a_flipped_bit_is_found_before_hdf5_looks(written, share, monkeypatch):
    data = bytearray(written.read_bytes())
    data[int(share * len(data))] ^= 1
    written.write_bytes(data)
    monkeypatch.setattr(h5py, "File", None)
    refuse(written, "x.h5: found altered content, which its checksum does not fit; wanted a")


def test_what_another_program_changed_is_refused(written):
    with h5py.File(written, "r+") as handle:
        handle["numbers"][0, 0] = 7
    refuse(written, "no checksum|altered content")


def test_what_is_not_hdf5_is_refused():
    with pytest.raises(
        StoreError, match="proteins.faa: found a FASTA file; wanted a tpspred-test file"
    ):
        read(DATA / "proteins.faa")
    with pytest.raises(InputError, match="nowhere.h5: No such file"):
        read("nowhere.h5")


def test_another_format_or_version_is_named(written):
    for kinds, version, message in (
        (("a", "b"), 1, f"x.h5: found format {KIND}; wanted a or b"),
        ((KIND,), 2, "x.h5: found format version 1; wanted 2"),
    ):
        with (
            pytest.raises(StoreError, match=message),
            hdf5.reading(written, kinds, version, StoreError),
        ):
            pass


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"about": ABOUT},
        {"about": str(ABOUT), "format_version": 1},  # a text of variable length
        {"about": 3, "format_version": 1},
        {"about": np.array([ABOUT, ABOUT]), "format_version": 1},
        {"about": ABOUT, "format_version": np.bytes_("1")},
        {"about": ABOUT, "format_version": [1, 1]},
        {"about": np.bytes_(b"\xff"), "format_version": 1},
        {"about": np.bytes_("[]"), "format_version": 1},
        {"about": np.bytes_("{}"), "format_version": 1},
        {"about": np.bytes_('{"format": 3}'), "format_version": 1},
        {"about": np.bytes_("[" * 60_000), "format_version": 1},
    ],
)
def test_attributes_of_another_type_are_refused(path, attributes):
    with h5py.File(path, "w") as handle:
        handle.attrs.update(attributes)
    sealed.seal(path)
    refuse(path)


def external_storage(handle, folder):
    (folder / "secret").write_bytes(SECRET)
    handle.create_dataset("ids", (1,), "S64", external=[(str(folder / "secret"), 0, 64)])


def external_link(handle, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["ids"] = np.array([SECRET])
    handle["ids"] = h5py.ExternalLink(str(folder / "other.h5"), "ids")


def soft_link(handle, folder):
    handle["ids"] = h5py.SoftLink("/elsewhere")


def soft_link_to_itself(handle, folder):
    handle["ids"] = h5py.SoftLink("ids")


def virtual_dataset(handle, folder):
    layout = h5py.VirtualLayout((1,), "S64")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "ids", (1,))
    handle.create_virtual_dataset("ids", layout)


def group_in_itself(handle, folder):
    group = handle.create_group("a")
    group["b"] = group


def groups_of_groups(handle, folder):
    """A hundred ways through each of ten groups: to walk them all takes for ever."""
    groups = [handle.create_group(str(k)) for k in range(10)]
    for outer, inner in zip(groups, groups[1:]):
        for k in range(100):
            outer[f"x{k}"] = inner


def one_dataset_often(handle, folder):
    handle["a"] = np.zeros(1000)
    for k in range(100):
        handle[f"a{k}"] = handle["a"]


def named_type(handle, folder):
    handle["type"] = np.dtype("f8")


def huge_and_absent(handle, folder):
    handle.create_dataset("ids", (10**12,), "f4")


def huge_and_compressed(handle, folder):
    """Only the first chunk is there."""
    dataset = handle.create_dataset(
        "ids", (10**7,), "u1", chunks=(1000,), compression="gzip", shuffle=True
    )
    dataset[:100_000] = np.random.default_rng(0).integers(0, 255, 100_000)


def huge_chunk(handle, folder):
    dataset = handle.create_dataset(
        "ids", (10,), "u1", chunks=(10**8,), maxshape=(None,), compression="gzip", shuffle=True
    )
    dataset[:] = 1


def compressed_twice(handle, folder):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((10**7,))
    plan.set_deflate(9)
    plan.set_deflate(9)
    space = h5py.h5s.create_simple((10**7,))
    made = h5py.h5d.create(handle.id, b"ids", h5py.h5t.NATIVE_UINT8, space, plan)
    h5py.Dataset(made)[:] = 0


def packed_otherwise(handle, folder):
    handle.create_dataset("ids", data=np.zeros(10**6), chunks=(10**6,), scaleoffset=2)


def lists_of_numbers(handle, folder):
    handle.create_dataset("ids", (3,), h5py.vlen_dtype(np.int32))


def references(handle, folder):
    handle.create_dataset("ids", data=handle.ref, dtype=h5py.ref_dtype)


def records(handle, folder):
    handle["ids"] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def complex_numbers(handle, folder):
    handle["ids"] = np.zeros(3, complex)


def nothing(handle, folder):
    handle["ids"] = h5py.Empty("f4")


def compact(handle, folder):
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((3,))
    h5py.h5d.create(handle.id, b"ids", h5py.h5t.NATIVE_UINT8, space, plan)


POINTERS = [external_storage, external_link, soft_link, soft_link_to_itself, virtual_dataset]
TRAPS = [
    group_in_itself,
    groups_of_groups,
    one_dataset_often,
    named_type,
    huge_and_absent,
    huge_and_compressed,
    huge_chunk,
    compressed_twice,
    packed_otherwise,
    lists_of_numbers,
    references,
    records,
    complex_numbers,
    nothing,
    compact,
]


@pytest.mark.parametrize("point", POINTERS, ids=lambda point: point.__name__)
@pytest.mark.parametrize("inside", ["/", "group/of/groups"])
def test_a_file_that_points_elsewhere_is_refused(path, tmp_path, point, inside):
    with crafted(path) as handle:
        point(handle.require_group(inside), tmp_path)
    refuse(path, "does not fit .*ids: (a link to another place|data from another place)")


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.__name__)
@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_a_file_made_to_harm_its_reader_is_refused(path, tmp_path, trap, version):
    with crafted(path, libver=version) as handle:
        trap(handle, tmp_path)
    refuse(path)


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_arrays_that_compress_well_are_read(path, share):
    """Most rows of a store are zero: gzip packs them as tightly as it can."""
    array = np.zeros((3000, 768), np.float32)
    array[: int(share * len(array))] = np.random.default_rng(0).normal(size=768)

    def fill(handle):
        hdf5.add_array(handle, "embedding", array, compressed=True)
        hdf5.add_array(handle, "numbers", np.zeros(10**6, np.uint8), compressed=True)

    hdf5.write(path, KIND, 1, {}, fill)
    assert np.array_equal(read(path)["embedding"], array)


@pytest.mark.parametrize(
    "failure",
    [
        KeyError("x"),
        MemoryError(),
        RecursionError("deep"),
        TypeError("a\nb"),
        OverflowError("\x1b"),
    ],
)
def test_what_a_reader_cannot_use_becomes_one_line(written, failure):
    with (
        pytest.raises(StoreError, match="x.h5: found a part that does not fit") as caught,
        hdf5.reading(written, (KIND,), 1, StoreError),
    ):
        raise failure
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("room", [0, 3000, 100_000])
def test_a_full_disk_is_named_and_leaves_nothing(path, room, capfd):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0).normal(size=10**5)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        with pytest.raises(InputError, match="cannot be written: File too large"):
            hdf5.write(path, KIND, 1, {}, lambda file: hdf5.add_array(file, "noise", noise))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(path.parent.iterdir())
    assert "Traceback" not in capfd.readouterr().err
