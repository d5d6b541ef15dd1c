"""Trees of arrays and JSON values, each in a sealed HDF5 file (see ``hdf5``).

A dictionary that contains an array is a group of the file; any other value is an array or a JSON
text. Shapes and types can be checked when a file is opened. The content of a part is read when it
is asked for.
"""

import contextlib
import json
import operator
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from ..errors import TpspredError
from . import hdf5
from .paths import Path

Tree = Mapping[str, Any]  # nested mappings of arrays and JSON values
Part = TypeVar("Part")
FIT = "a file whose parts fit together"
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

    def fill(handle: h5py.File) -> None:
        for name, value in sorted(flatten(tree), key=operator.itemgetter(0)):
            if isinstance(value, np.ndarray):
                hdf5.add_array(handle, name, value)
            else:
                hdf5.add_text(handle, name, json.dumps(value, sort_keys=True))

    return hdf5.write(path, kind, version, {}, fill)


class StoredTree(Mapping[str, Any]):
    """A tree in an open file. A part is read, and its content checked, when it is asked for.

    Args:
        content: The open file.
        error: Class of the errors.
        group: Path of the tree inside the file, with a slash at its end; '' for the whole file.
    """

    def __init__(self, content: hdf5.Content, error: type[TpspredError], group: str = "") -> None:
        self._content = content
        self._error = error
        self._group = group
        own = (path.removeprefix(group) for path in content.datasets if path.startswith(group))
        self._names = dict.fromkeys(path.partition("/")[0] for path in own)

    @property
    def sha256(self) -> str:
        """SHA-256 of the file without its seal."""
        return self._content.sha256

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
        if path not in self._content.datasets:
            return StoredTree(self._content, self._error, f"{path}/")
        with self._refusing_damage():
            value = self._content.datasets[path][()]
            if isinstance(value, bytes):
                value = json.loads(value)
            elif value.dtype.kind == "f" and not _are_numbers(value):
                raise ValueError(f"{path}: what is no number")
            odd = next((text for text in _texts(value) if not ONE_LINE.fullmatch(text)), None)
            if odd is not None:
                raise ValueError(f"{path}: the name '{hdf5.shown(odd)}'")
            return value

    def shape_and_kind(self, path: str) -> tuple[tuple[int, ...], str]:
        """Return the shape of an array and numpy's letter of its type, without reading it."""
        dataset = self._content.datasets[self._group + path]
        return dataset.shape, dataset.dtype.kind

    def later(self, read: Callable[["StoredTree"], Part]) -> Callable[[], Part]:
        """Return a function that makes something of this tree when it is called.

        What ``read`` raises because a part does not fit becomes an error of the given class.
        """

        def read_now() -> Part:
            with self._refusing_damage():
                return read(self)

        return read_now

    def _refusing_damage(self) -> contextlib.AbstractContextManager[None]:
        return hdf5.refusing_damage(self._content.name, FIT, self._error)


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
    with contextlib.ExitStack() as stack:
        content = stack.enter_context(hdf5.reading(path, kinds, version, error))
        missing = [name for name in required if name not in content.handle]
        if missing:
            raise error.at(path, f"no part {', '.join(missing)}", "a whole file")
        with hdf5.refusing_damage(str(path), FIT, error):
            yield StoredTree(content, error)
        weakref.finalize(content, stack.pop_all().close)


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
