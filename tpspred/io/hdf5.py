"""HDF5 files of this package: sealed when they are written, and checked before they are read.

The seal (see ``sealed``) stands behind the HDF5 data, where HDF5 does not look. It is compared
before HDF5 looks at anything, because a damaged file makes HDF5 hang or read something else. It
does not prove who wrote the file. Therefore the content is checked too: it must lie in the file
itself, be of a plain type, and be no larger than the file can hold.

HDF5 hangs on strings of variable length whose addresses are wrong. Texts are therefore stored
twice: as such strings, for other programs, and as plain bytes, which this package reads.
"""

import contextlib
import dataclasses
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import TpspredError
from . import sealed
from .files import Source
from .outputs import atomic_path
from .paths import Path

STRING = h5py.string_dtype()
LINES = "lines/"  # group of the texts that this package reads
ABOUT = "about"  # attribute with the texts about the whole file that this package reads
SMALL = 64  # an array of fewer numbers takes less space if it is not compressed
NUMBERS_AND_BYTES = "iufS"  # numpy's letters of integers, unsigned integers, floats and bytes
FILTERS = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]
GZIP_RATIO = 1032  # gzip packs no more bytes into one (zlib.net/zlib_tech.html)


def write(
    target: Path,
    kind: str,
    version: int,
    attributes: Mapping[str, str],
    fill: Callable[[h5py.File], None],
    more: Callable[[h5py.File], bytes] = lambda handle: b"",
) -> str:
    """Write a sealed HDF5 file that appears whole or not at all.

    Args:
        target: File to write; '-' is standard output.
        kind: Name of the format.
        version: Version of the format.
        attributes: Texts about the whole file.
        fill: Function that adds the content to the open file.
        more: Function of the filled file that returns what stands between HDF5 data and seal.

    Returns:
        SHA-256 of the file without its seal, in hexadecimal digits.

    Raises:
        InputError: If the target cannot be written.
    """
    # HDF5 writes into memory, because it prints tracebacks of its own where a disk is full.
    image = io.BytesIO()
    with atomic_path(target) as path:
        with h5py.File(image, "w") as handle:
            handle.attrs["format_version"] = version
            texts = {"format": kind, **attributes}
            handle.attrs.update(texts)
            handle.attrs[ABOUT] = np.bytes_(json.dumps(texts).encode())
            fill(handle)
            rest = more(handle)
        image.seek(0, io.SEEK_END)
        image.write(rest)
        path.write_bytes(image.getbuffer())
        return sealed.seal(path)


def add_array(handle: h5py.File, name: str, array: NDArray[Any], compressed: bool = False) -> None:
    """Add an array to a file.

    Args:
        handle: Open file.
        name: Path inside the file.
        array: Numbers or bytes.
        compressed: Whether a large array is compressed. It then takes longer to read.
    """
    large = array.size > SMALL
    packed = {"compression": "gzip", "shuffle": True} if compressed and large else {}
    handle.create_dataset(name, data=array, track_times=False, **packed)


def add_text(handle: h5py.File, name: str, text: str) -> None:
    """Add one text to a file."""
    handle.create_dataset(name, data=np.bytes_(text.encode()), track_times=False)


def add_lines(handle: h5py.File, name: str, lines: Iterable[str]) -> None:
    """Add texts without line breaks to a file, as strings and as the bytes of lines.

    They are not compressed, so that a file cannot contain more of them than it has bytes.
    """
    strings = np.array(list(lines), object)
    handle.create_dataset(name, data=strings, dtype=STRING, track_times=False)
    data = "".join(f"{line}\n" for line in strings).encode()
    handle.create_dataset(LINES + name, data=np.frombuffer(data, np.uint8), track_times=False)


@dataclasses.dataclass(frozen=True)
class Content:
    """A checked HDF5 file, open for reading.

    Attributes:
        name: Name of the file, for messages.
        handle: The open file.
        attributes: Texts about the whole file.
        datasets: Path inside the file → dataset, without the strings for other programs.
    """

    name: str
    handle: h5py.File
    attributes: Mapping[str, str]
    datasets: dict[str, h5py.Dataset]

    def lines(self, name: str, count: int) -> list[str]:
        """Return the texts of a dataset that :func:`add_lines` wrote.

        Raises:
            ValueError: If their number is another one.
        """
        data = self.datasets[LINES + name][()].tobytes()
        ended = data.count(b"\n")
        if ended != count or (data and not data.endswith(b"\n")):
            raise ValueError(f"{name}: {ended} lines instead of {count}")
        return data.decode().split("\n")[:-1]


@contextlib.contextmanager
def reading(
    source: Source, kinds: Sequence[str], version: int, error: type[TpspredError]
) -> Iterator[Content]:
    """Open an HDF5 file that :func:`write` wrote, and check it.

    Args:
        source: HDF5 file or pipe, '-' for standard input, or an open input.
        kinds: Accepted formats.
        version: Accepted version of the format.
        error: Class of the errors.

    Yields:
        The content. What the block raises because the content does not fit becomes an error too.

    Raises:
        InputError: If the file cannot be opened.
        TpspredError: Of the given class, if the file is cut short, was altered, is of another
            format or version, points to other files, or contains something unusable.
    """
    wanted = sealed.name_of_formats(kinds)
    with (
        sealed.opened(source, wanted, error) as file,
        # Every dataset is read once and whole, so caches would only take memory.
        h5py.File(file.stream, "r", rdcc_nbytes=0) as handle,
    ):
        texts = json.loads(_attribute(handle, ABOUT, bytes))
        if not all(isinstance(text, str) for text in texts.values()):
            raise TypeError(f"attribute {ABOUT}")
        if texts["format"] not in kinds:
            found = f"format {sealed.shown(texts['format'])}"
            raise error.at(file.name, found, " or ".join(kinds))
        found_version = int(_attribute(handle, "format_version", np.integer))
        if found_version != version:
            raise error.at(file.name, f"format version {found_version}", str(version))
        yield Content(file.name, handle, texts, _datasets(handle, file.stream))


def _attribute(handle: h5py.File, name: str, kind: type) -> Any:
    """Return an attribute of a file.

    Raises:
        KeyError: If there is no such attribute.
        TypeError: If it is of another kind, or several values.
    """
    stored = handle.attrs.get_id(name)
    is_plain = stored.shape == () and stored.dtype.kind in NUMBERS_AND_BYTES
    value = handle.attrs[name] if is_plain else None
    if not isinstance(value, kind):
        raise TypeError(f"attribute {name}")
    return value


def _datasets(handle: h5py.File, stream: BinaryIO) -> dict[str, h5py.Dataset]:
    """Return the datasets of a file by their path, all of them checked, and none of them read.

    Strings for other programs are left out.

    A file of a stranger could show the content of any file that its reader may open, with links,
    external storage or virtual datasets. It could fill the memory, with a large declared shape. It
    could keep its reader busy for ever, with groups that contain each other.

    Raises:
        ValueError: If the file does such a thing.
    """
    datasets = {}
    addresses = set()
    file_bytes = stream.seek(0, io.SEEK_END)
    stored = 0
    groups = [("", handle.id)]
    while groups:
        prefix, group = groups.pop()
        for name in group:
            path = prefix + name.decode(errors="backslashreplace")
            if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
                raise ValueError(f"{path}: a link to another place")
            item = h5py.h5o.open(group, name)
            address = h5py.h5o.get_info(item).addr
            if address in addresses:
                raise ValueError(f"{path}: the same data under another name")
            addresses.add(address)
            if isinstance(item, h5py.h5g.GroupID):
                groups.append((f"{path}/", item))
            elif isinstance(item, h5py.h5d.DatasetID):
                dataset = h5py.Dataset(item, readonly=True)
                stored += _stored_bytes(dataset)
                if not _is_for_others(dataset):
                    datasets[path] = dataset
            else:
                raise ValueError(f"{path}: neither a group nor a dataset")
    if stored > file_bytes:
        raise ValueError("more data than the file has bytes")
    return datasets


def _stored_bytes(dataset: h5py.Dataset) -> int:
    """Return how many bytes of the file a dataset takes.

    Raises:
        ValueError: If its type or layout is one that this package does not write, or if it cannot
            be as large as it says.
    """
    plan = dataset.id.get_create_plist()
    layout = plan.get_layout()
    if layout == h5py.h5d.VIRTUAL or plan.get_external_count():
        raise ValueError(f"{dataset.name}: data from another place")
    for_others = _is_for_others(dataset)
    is_plain = for_others or dataset.dtype.kind in NUMBERS_AND_BYTES
    if not is_plain or dataset.shape is None:
        raise ValueError(f"{dataset.name}: type {dataset.dtype}, shape {dataset.shape}")
    stored: int = dataset.id.get_storage_size()
    if for_others:
        return stored
    if layout == h5py.h5d.CHUNKED:
        _check_chunks(dataset, plan, stored)
    elif layout != h5py.h5d.CONTIGUOUS or stored != dataset.nbytes:
        raise ValueError(f"{dataset.name}: {dataset.nbytes} bytes in {stored}")
    return stored


def _is_for_others(dataset: h5py.Dataset) -> bool:
    """Return whether a dataset contains strings of variable length, which are never read here."""
    return dataset.dtype.kind == "O" and h5py.check_string_dtype(dataset.dtype) is not None


def _check_chunks(dataset: h5py.Dataset, plan: h5py.h5p.PropDCID, stored: int) -> None:
    """Refuse a dataset in pieces of which some are absent or cannot be as large as they say.

    Args:
        dataset: Dataset in pieces.
        plan: How it was created.
        stored: Bytes that the pieces take in the file.

    Raises:
        ValueError: If it is to be refused.
    """
    filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if filters not in ([], FILTERS):
        raise ValueError(f"{dataset.name}: filters {filters}")
    shape, chunk = dataset.shape, plan.get_chunk()
    pieces = math.prod(-(-n // width) for n, width in zip(shape, chunk))
    size = pieces * math.prod(chunk) * dataset.dtype.itemsize
    is_whole = dataset.id.get_num_chunks() == pieces
    is_wide = any(width > n for n, width in zip(shape, chunk))
    if is_wide or not is_whole or size > stored * (GZIP_RATIO if filters else 1):
        raise ValueError(f"{dataset.name}: {size} bytes in {stored}")
