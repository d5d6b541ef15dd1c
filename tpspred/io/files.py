"""Open inputs, plain or compressed, and write outputs that appear whole or not at all.

In this room, the path '-' means standard input or standard output.
"""

import contextlib
import gzip
import io
import lzma
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, TextIO

from ..errors import InputError

Path = str | os.PathLike[str]

GZIP_MAGIC = b"\x1f\x8b"
XZ_MAGIC = b"\xfd7zXZ\x00"
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@contextlib.contextmanager
def open_bytes(source: Path) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input for '-', for reading bytes; unpack gzip and xz.

    Raises:
        InputError: If the file cannot be opened.
    """
    with contextlib.ExitStack() as stack:
        stream: BinaryIO
        if source == "-":
            stream = sys.stdin.buffer
        else:
            try:
                stream = stack.enter_context(open(source, "rb"))
            except OSError as error:
                raise InputError(f"{source}: {error.strerror or error}") from None
        yield _unpacked(_peekable(stream))


def _peekable(stream: BinaryIO) -> io.BufferedReader:
    """Return a stream with ``peek``, which standard input lacks where a program has replaced it."""
    if isinstance(stream, io.BufferedReader):
        return stream
    # The stubs declare sys.stdin.buffer without the method readinto, which it has.
    return io.BufferedReader(stream)  # type: ignore[arg-type]


def _unpacked(stream: io.BufferedReader) -> io.BufferedReader:
    """Return a stream of the unpacked bytes. The first bytes tell the format, not the file name."""
    begin = stream.peek(len(XZ_MAGIC))
    if begin.startswith(GZIP_MAGIC):
        return io.BufferedReader(gzip.GzipFile(fileobj=stream))
    if begin.startswith(XZ_MAGIC):
        return io.BufferedReader(lzma.LZMAFile(stream))
    return stream


def is_hdf5(source: Path) -> bool:
    """Return whether a file, or standard input for '-', begins as HDF5 does.

    The answer is False for a file that cannot be read. Standard input keeps its bytes.
    """
    with contextlib.suppress(OSError):
        if source == "-":
            standard_input = sys.stdin.buffer
            if not isinstance(standard_input, io.BufferedReader):
                return False
            return standard_input.peek(len(HDF5_MAGIC)).startswith(HDF5_MAGIC)
        with open(source, "rb") as stream:
            return stream.read(len(HDF5_MAGIC)) == HDF5_MAGIC
    return False


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
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError) as error:
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


@contextlib.contextmanager
def seekable(source: Path) -> Iterator[Path]:
    """Give a path that can be read in any order: the source, or a copy of standard input."""
    if source != "-":
        yield source
        return
    with tempfile.NamedTemporaryFile(prefix="tpspred-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield copy.name
