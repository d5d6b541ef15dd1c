"""Paths, '-', gzip, and files that appear whole or not at all."""

import contextlib
import gzip
import io
import lzma
import os
import pathlib
import shutil
import sys
import tempfile

from ..errors import InputError

COMPRESSED = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": lzma.open}  # by how they begin
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@contextlib.contextmanager
def open_bytes(source):
    """Open a path, or standard input for '-', for reading bytes; gzip and xz are unpacked.

    The stream has ``peek``, so that a format can be told without seeking.

    Raises:
        InputError: If the file cannot be opened.
    """
    with contextlib.ExitStack() as stack:
        if source == "-":
            raw = sys.stdin.buffer
        else:
            try:
                raw = stack.enter_context(open(source, "rb"))
            except OSError as error:
                raise InputError(f"{source}: {error.strerror or error}") from None
        stream = raw if hasattr(raw, "peek") else io.BufferedReader(raw)
        begin = stream.peek(max(map(len, COMPRESSED)))
        opener = next(
            (function for magic, function in COMPRESSED.items() if begin.startswith(magic)), None
        )
        yield io.BufferedReader(opener(stream)) if opener else stream


def is_hdf5(source):
    """Whether a path, or standard input for '-', begins as HDF5 does; False if it cannot be read."""
    with contextlib.suppress(OSError):
        if source == "-":
            return sys.stdin.buffer.peek(len(HDF5_MAGIC)).startswith(HDF5_MAGIC)
        with open(source, "rb") as stream:
            return stream.read(len(HDF5_MAGIC)) == HDF5_MAGIC
    return False


def lines(stream, source):
    """Yield (number, text without line end) of a byte stream; CRLF and CR-less alike.

    Raises:
        InputError: For bytes that are not UTF-8 text and for a gzip file that is cut short.
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
def atomic_path(target):
    """Give a temporary path beside the target and rename it when the block succeeds.

    Target '-' is copied to standard output in the end, for formats that need to seek.

    Raises:
        InputError: If the target cannot be written.
    """
    folder = None if target == "-" else pathlib.Path(target).resolve().parent
    try:
        handle, name = tempfile.mkstemp(prefix=".tpspred-", dir=folder)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
    os.close(handle)
    try:
        yield pathlib.Path(name)
        if target == "-":
            with open(name, "rb") as done:
                shutil.copyfileobj(done, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(name, 0o666 & ~mask)
            os.replace(name, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def make_folder(path):
    """Make a folder, unless it is there.

    Raises:
        InputError: If that is not possible.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made: {error.strerror}") from None


@contextlib.contextmanager
def open_text_output(target):
    """A text stream to '-' (standard output, as it comes) or to a file that appears whole."""
    if target == "-":
        sys.stdout.reconfigure(newline="\n")
        yield sys.stdout
        sys.stdout.flush()
    else:
        with atomic_path(target) as path, open(path, "w", newline="\n", encoding="utf-8") as handle:
            yield handle


@contextlib.contextmanager
def seekable(source):
    """A path with the bytes of source: itself, or a temporary copy of standard input."""
    if source != "-":
        yield source
        return
    with tempfile.NamedTemporaryFile(prefix="tpspred-") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield copy.name
