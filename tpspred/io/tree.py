"""Trees of arrays and JSON values, each in a sealed HDF5 file.

A dictionary that contains an array is a group of the file; any other value is an array or a JSON
text. An index stands behind the HDF5 data, where HDF5 does not look: format, version, and the type,
shape and place of every array and text. This package reads these through the index, because that is
simpler than HDF5, and sooner done than importing h5py. Other programs read the same bytes as HDF5.

Types and shapes are known when a file is opened. The content of a part is read when it is asked
for.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import operator
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import TpspredError
from . import sealed
from .paths import Path
from .sealed import Sealed

if TYPE_CHECKING:
    import h5py

Tree = Mapping[str, Any]  # nested mappings of arrays and JSON values
Part = TypeVar("Part")
FIT = "a file whose parts fit together"
INDEX = b"\ntpspred-index:"
LENGTH_DIGITS = 12  # of the length of the index, which stands behind it
TYPES = re.compile("[<|][iuf][1248]|[|]S[1-9][0-9]{0,8}")  # of arrays; a text is one |S
FLOAT16_EXPONENT = np.uint16(0x7C00)
ONE_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")


def write(tree: Tree, path: Path, kind: str, version: int) -> str:
    """Write a tree into an HDF5 file.

    Args:
        tree: Nested dictionaries of arrays and JSON values.
        path: File to write; '-' is standard output.
        kind: Name of the format.
        version: Version of the format.

    Returns:
        SHA-256 of the file without its seal.
    """
    import h5py  # takes longer to import than a tree to read

    from . import hdf5

    def fill(handle: h5py.File) -> None:
        for name, value in sorted(flatten(tree), key=operator.itemgetter(0)):
            if isinstance(value, np.ndarray):
                hdf5.add_array(handle, name, value)
            else:
                hdf5.add_text(handle, name, json.dumps(value, sort_keys=True))

    def index(handle: h5py.File) -> bytes:
        places: dict[str, tuple[str, tuple[int, ...], int]] = {}

        def add(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                places[name] = item.dtype.str, item.shape, item.id.get_offset() or 0

        handle.visititems(add)
        content = {"format": kind, "version": version, "places": places}
        data = INDEX + json.dumps(content).encode()
        return data + b"%0*d" % (LENGTH_DIGITS, len(data))

    return hdf5.write(path, kind, version, {}, fill, index)


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where an array or text lies in a file.

    Attributes:
        dtype: Type of the numbers or bytes.
        shape: Shape of the array; () for a text.
        offset: First byte.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int


@dataclasses.dataclass(frozen=True)
class _Content:
    """A verified file, open for reading.

    Attributes:
        file: The file.
        places: Path of each array and text.
    """

    file: Sealed
    places: Mapping[str, _Place]

    def read(self, path: str) -> NDArray[Any] | str:
        """Return an array or a text.

        Raises:
            ValueError: If a text is not UTF-8, or if the file was altered after it was verified.
        """
        place = self.places[path]
        array = np.empty(place.shape, place.dtype)
        stream = self.file.stream
        stream.seek(place.offset)
        stream.readinto(array.reshape(-1).view(np.uint8))  # type: ignore[attr-defined]
        if sealed.state_of(stream) != self.file.state:
            raise ValueError(f"{path}: the file has changed")
        is_text = place.dtype.kind == "S" and not place.shape
        return array.tobytes().decode() if is_text else array


class StoredTree(Mapping[str, Any]):
    """A tree in an open file. A part is read, and its content checked, when it is asked for.

    Args:
        content: The open file.
        error: Class of the errors.
        group: Path of the tree inside the file, with a slash at its end; '' for the whole file.
    """

    def __init__(self, content: _Content, error: type[TpspredError], group: str = "") -> None:
        self._content = content
        self._error = error
        self._group = group
        own = (path.removeprefix(group) for path in content.places if path.startswith(group))
        self._names = dict.fromkeys(path.partition("/")[0] for path in own)

    @property
    def sha256(self) -> str:
        """SHA-256 of the file without its seal."""
        return self._content.file.sha256

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> Any:
        """Return a subtree, an array or a JSON value.

        Raises:
            KeyError: If there is no such part.
            TpspredError: Of the given class, if an array contains what is no number, or a JSON
                value a text with control characters.
        """
        if name not in self._names:
            raise KeyError(self._group + name)
        path = self._group + name
        if path not in self._content.places:
            return StoredTree(self._content, self._error, f"{path}/")
        with self._refusing_damage():
            value: Any = self._content.read(path)
            if isinstance(value, str):
                value = json.loads(value)
            elif value.dtype.kind == "f" and not _are_numbers(value):
                raise ValueError(f"{path}: what is no number")
            odd = next((text for text in _texts(value) if not ONE_LINE.fullmatch(text)), None)
            if odd is not None:
                raise ValueError(f"{path}: the name '{sealed.shown(odd)}'")
            return value

    def shape_and_kind(self, path: str) -> tuple[tuple[int, ...], str]:
        """Return the shape of an array and numpy's letter of its type, without reading it."""
        place = self._content.places[self._group + path]
        return place.shape, place.dtype.kind

    def later(self, read: Callable[[StoredTree], Part]) -> Callable[[], Part]:
        """Return a function that makes something of this tree when it is called.

        What ``read`` raises because a part does not fit becomes an error of the given class.
        """

        def read_now() -> Part:
            with self._refusing_damage():
                return read(self)

        return read_now

    def _refusing_damage(self) -> contextlib.AbstractContextManager[None]:
        return sealed.refusing_damage(self._content.file.name, FIT, self._error)


@contextlib.contextmanager
def opened(
    path: Path,
    kinds: Sequence[str],
    version: int,
    required: Sequence[str],
    error: type[TpspredError],
) -> Iterator[StoredTree]:
    """Open and verify a file. It stays open as long as its tree or a part of it is used.

    Args:
        path: HDF5 file.
        kinds: Accepted formats.
        version: Accepted version of the format.
        required: Parts that the file must contain, as paths inside it.
        error: Class of the errors.

    Yields:
        The tree. What the block raises because a part does not fit becomes an error too.

    Raises:
        InputError: If the file cannot be opened.
        TpspredError: Of the given class, if the file is cut short, was altered, is of another
            format or version, or lacks a part.
    """
    wanted = sealed.name_of_formats(kinds)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(sealed.opened(path, wanted, error))
        with sealed.refusing_damage(file.name, FIT, error):
            index, places = _read_index(file.stream)
            if index["format"] not in kinds:
                raise error.at(
                    file.name, f"format {sealed.shown(index['format'])}", " or ".join(kinds)
                )
            if index["version"] != version:
                raise error.at(file.name, f"format version {index['version']:d}", str(version))
            missing = [
                name
                for name in required
                if name not in places and not any(path.startswith(f"{name}/") for path in places)
            ]
            if missing:
                raise error.at(file.name, f"no part {', '.join(missing)}", "a whole file")
            content = _Content(file, places)
            yield StoredTree(content, error)
        weakref.finalize(content, stack.pop_all().close)


def _read_index(stream: BinaryIO) -> tuple[dict[str, Any], dict[str, _Place]]:
    """Read the index of a verified file, and check that everything lies inside the file.

    Returns:
        (format and version; path of each array and text → its place).

    Raises:
        ValueError, TypeError, LookupError: If the index does not fit.
    """
    end = stream.seek(-sealed.SEAL_BYTES - LENGTH_DIGITS, io.SEEK_END)
    length = int(stream.read(LENGTH_DIGITS))
    begin = stream.seek(end - length)
    data = stream.read(length)
    if not data.startswith(INDEX):
        raise ValueError("no index")
    index = json.loads(data.removeprefix(INDEX))
    places = {}
    for path, (letters, shape, offset) in index["places"].items():
        if not TYPES.fullmatch(letters) or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"{path}: type {letters}, shape {shape}")
        place = _Place(np.dtype(letters), tuple(shape), offset)
        size = math.prod(shape) * place.dtype.itemsize
        if type(offset) is not int or not 0 <= offset <= offset + size <= begin:
            raise ValueError(f"{path}: {size} bytes at {offset}")
        places[path] = place
    return index, places


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a tree."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "S":
        for item in value.ravel().tolist():
            yield item.decode()


def flatten(tree: Tree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (path, array or JSON value) of a tree.

    A dictionary that contains an array at any depth becomes an HDF5 group. Any other dictionary
    becomes one JSON text.
    """
    for name, value in tree.items():
        if isinstance(value, dict) and _contains_array(value):
            yield from flatten(value, f"{prefix}{name}/")
        else:
            yield prefix + name, value


def _contains_array(value: object) -> bool:
    """Return whether a value is an array, or a dictionary that contains one at any depth."""
    if isinstance(value, dict):
        return any(map(_contains_array, value.values()))
    return isinstance(value, np.ndarray)


def _are_numbers(array: NDArray[np.floating]) -> bool:
    """Return whether all numbers of an array are finite.

    >>> _are_numbers(np.ones(3, np.float16)), _are_numbers(np.array(np.nan, np.float16))
    (True, False)
    """
    if array.dtype != np.float16:
        return bool(np.isfinite(array).all())
    # All bits of the exponent are set in what is not finite. This is ten times faster than numpy.
    exponents = array.view(np.uint16) & FLOAT16_EXPONENT
    return bool((exponents != FLOAT16_EXPONENT).all())
