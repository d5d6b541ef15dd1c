"""Open inputs once, plain or compressed, and write outputs that appear whole or not at all.

In this room, the path '-' means standard input or standard output.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import lzma
import os
import pathlib
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from ..errors import InputError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Path = str | os.PathLike[str]

# How compressed files begin, and what unpacks them: the name of a file does not matter.
UNPACK: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open}
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclasses.dataclass(frozen=True)
class OpenInput:
    """An input that was opened once and whose first bytes were looked at without losing them.

    Attributes:
        name: Path, or '-', for error messages.
        stream: Bytes from the beginning on, unpacked if they were compressed.
        is_hdf5: Whether the input begins as HDF5 does.
        can_seek: Whether the stream is a plain file, which can be read in any order.
    """

    name: str
    stream: io.BufferedReader
    is_hdf5: bool
    can_seek: bool


Source = Path | OpenInput


def name_of(source: Source) -> str:
    """Return the name of an input for messages.

    >>> name_of("proteins.faa")
    'proteins.faa'
    """
    return source.name if isinstance(source, OpenInput) else str(source)


@contextlib.contextmanager
def open_input(source: Source) -> Iterator[OpenInput]:
    """Open a file, a pipe, or standard input for '-', and look at its first bytes.

    An input is opened here and never again, so that a pipe with a name (``/dev/stdin``, a FIFO,
    the process substitution of a shell) gives what a file gives. An input that is open already is
    passed on, and stays open.

    Raises:
        InputError: If the input cannot be opened or read.
    """
    if isinstance(source, OpenInput):
        yield source
        return
    with contextlib.ExitStack() as stack:
        try:
            raw = _standard_input() if source == "-" else stack.enter_context(open(source, "rb"))
            begin = raw.read(len(HDF5_MAGIC))  # waits until a slow pipe has sent them
        except OSError as error:
            raise InputError(f"{source}: {error.strerror or error}") from None
        can_seek = source != "-" and raw.seekable()
        if can_seek:
            raw.seek(0)
            stream = raw
        else:
            stream = io.BufferedReader(_Rejoined(begin, raw))
        opener = next((opens for magic, opens in UNPACK.items() if begin.startswith(magic)), None)
        if opener is not None:
            stream = io.BufferedReader(opener(stream))
        is_hdf5 = begin.startswith(HDF5_MAGIC)
        yield OpenInput(str(source), stream, is_hdf5, can_seek and opener is None)


class _Rejoined(io.RawIOBase):
    """A stream whose first bytes were read already, and are given once more."""

    def __init__(self, begin: bytes, rest: io.BufferedReader) -> None:
        self._begin = begin
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._begin:
            return self._rest.readinto1(buffer)  # what is there, without waiting for more
        view = memoryview(buffer)
        count = min(len(view), len(self._begin))
        view[:count] = self._begin[:count]
        self._begin = self._begin[count:]
        return count


def _standard_input() -> io.BufferedReader:
    """Return standard input with ``readinto1``, which it lacks where a program has replaced it."""
    stream = sys.stdin.buffer
    if isinstance(stream, io.BufferedReader):
        return stream
    # The stubs declare sys.stdin.buffer without the method readinto, which it has.
    return io.BufferedReader(stream)  # type: ignore[arg-type]


@contextlib.contextmanager
def open_bytes(source: Source) -> Iterator[io.BufferedReader]:
    """Open a file, a pipe, or standard input for '-', for reading bytes; unpack gzip and xz.

    Raises:
        InputError: If the input cannot be opened or read.
    """
    with open_input(source) as opened:
        yield opened.stream


@contextlib.contextmanager
def seekable(opened: OpenInput) -> Iterator[BinaryIO]:
    """Give a stream that can be read in any order: that of a file, or a copy of a pipe."""
    if opened.can_seek:
        yield opened.stream
        return
    with tempfile.TemporaryFile(prefix="tpspred-") as copy:
        shutil.copyfileobj(opened.stream, copy)
        copy.seek(0)
        yield copy


def lines(stream: Iterable[bytes], source: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) for every line of a byte stream, without the LF or CR LF at its end.

    Args:
        stream: Lines as bytes, such as a file opened by :func:`open_bytes`.
        source: Name of the file, for error messages.

    Raises:
        InputError: If the bytes are not UTF-8 text, or the compressed data are cut short.
    """
    number = 0
    try:
        for number, line in enumerate(stream, 1):
            if b"\0" in line:
                raise InputError.at(f"{source}, line {number}", "binary data", "text")
            yield number, line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InputError.at(
            f"{source}, line {number}", "bytes that are not UTF-8", "text"
        ) from None
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
        raise InputError.at(
            f"{source}, after line {number}", f"damaged compressed data ({error})", "a whole file"
        ) from None


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[pathlib.Path]:
    """Give a temporary path to write to, and rename it to the target when the block succeeds.

    The temporary file lies in the folder of the target and is removed if the block fails, so a
    target that existed before is replaced as a whole or not touched. For '-', the file is copied to
    standard output when the block succeeds; this serves formats that need to seek.

    Raises:
        InputError: If the target cannot be written.
    """
    folder = None if target == "-" else pathlib.Path(target).resolve().parent
    try:
        descriptor, name = tempfile.mkstemp(prefix=".tpspred-", dir=folder)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
    os.close(descriptor)
    try:
        yield pathlib.Path(name)
        if target == "-":
            with open(name, "rb") as written:
                shutil.copyfileobj(written, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            # mkstemp lets only the owner read; the output gets the permissions of any new file.
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(name, 0o666 & ~mask)
            os.replace(name, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def make_folder(path: Path) -> None:
    """Make a folder and its parents; do nothing if it exists.

    Raises:
        InputError: If the folder cannot be made.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made: {error.strerror}") from None


@contextlib.contextmanager
def open_text_output(target: Path) -> Iterator[TextIO]:
    """Open a text stream whose lines end in LF.

    Standard output ('-') gets the text at once; a file appears whole when the block succeeds.

    Raises:
        InputError: If the target cannot be written.
    """
    if target == "-":
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(newline="\n")
        yield sys.stdout
        sys.stdout.flush()
    else:
        with atomic_path(target) as path, open(path, "w", newline="\n", encoding="utf-8") as handle:
            yield handle
