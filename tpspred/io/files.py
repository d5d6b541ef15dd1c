"""Open inputs once, plain or compressed, and read them as text line by line.

The path '-' means standard input.
"""

from __future__ import annotations

import codecs
import contextlib
import dataclasses
import errno
import gzip
import io
import lzma
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import InputError
from .paths import Path

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
# How files begin that are given by mistake.
KINDS = {
    HDF5_MAGIC: "an HDF5 file",
    b"LOCUS ": "a GenBank file",
    b"ID   ": "a flat file of UniProt or EMBL",
    b"##gff-version": "a GFF3 file",
    b"# STOCKHOLM": "a Stockholm alignment",
    b"CLUSTAL": "a Clustal alignment",
    b"#NEXUS": "a NEXUS file",
    b"HMMER3": "a profile HMM",
    b"HEADER ": "a PDB file",
    b"data_": "a CIF file",
    b"@HD\t": "a SAM file",
    b"@": "a FASTQ file",
    b"%PDF": "a PDF file",
    b"PK\x03\x04": "a ZIP archive or an office document",
    b"BZh": "data compressed with bzip2",
    b"\x28\xb5\x2f\xfd": "data compressed with Zstandard",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"SQLite format 3": "an SQLite database",
    b"\x7fELF": "a program",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    b"{": "JSON",
    b"<": "HTML or XML",
}
UNKNOWN_KIND = "a file of another kind"  # for messages, where none of these is recognised
# How data of compressions that are not read begin → the program that unpacks them.
UNPACKERS = {
    b"BZh": "bunzip2",
    b"\x28\xb5\x2f\xfd": "unzstd",
    b"PK\x03\x04": "unzip",
    b"7z\xbc\xaf\x27\x1c": "7z x",
}
BYTE_ORDER_MARK = codecs.BOM_UTF8
BEGIN = max(map(len, KINDS))  # bytes that are looked at
BLOCK = 1 << 16  # bytes that are read at a time
# What unpacking raises for compressed data that are damaged.
DAMAGED = (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error)
MAX_LINE_BYTES = 1 << 25  # of a table


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


def check_input(source: Path) -> None:
    """Refuse an input that certainly cannot be read, before the work on others begins.

    Raises:
        InputError: If it does not exist, is a folder, or must not be read.
    """
    if source == "-":
        return
    try:
        if os.path.isdir(source):
            raise InputError.at(source, "a folder", "a file")
        os.stat(source)
        if not os.access(source, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}") from None


def check_compression(source: Path) -> None:
    """Refuse a file that is compressed in a way that is not read here, as :func:`open_input` does.

    A pipe is not looked at, because what is read from it is gone.
    """
    if os.path.isfile(source):
        with open_input(source):
            pass


@contextlib.contextmanager
def open_input(source: Source) -> Iterator[OpenInput]:
    """Open a file, a pipe, or standard input for '-', and look at its first bytes.

    An input is opened here and never again, so that a pipe with a name (``/dev/stdin``, a FIFO,
    the process substitution of a shell) gives what a file gives. An input that is open already is
    passed on, and stays open.

    Raises:
        InputError: If the input cannot be opened or read, or is compressed, but not with gzip or
            xz.
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
        for magic, program in UNPACKERS.items():
            if begin.startswith(magic):
                wanted = f"a file that is plain, gzip or xz: unpack it with {program}"
                raise InputError.at(source, KINDS[magic], wanted)
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


class _Xz(io.RawIOBase):
    """What is packed in a file of one or more xz streams.

    ``lzma.open`` takes a damaged second stream for the end of the file, and would lose records.
    """

    def __init__(self, packed: io.BufferedReader) -> None:
        self._packed = packed
        self._rest = b""  # what was read behind the end of a stream
        self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while True:
            data = b""
            if self._stream.eof or self._stream.needs_input:
                data = self._rest or self._packed.read1(BLOCK)
                self._rest = b""
                if not data and not self._stream.eof:
                    raise EOFError("the end is missing")
                if not data:
                    return 0
            if self._stream.eof:
                data = data.lstrip(b"\0")  # there may be padding between streams
                if not data:
                    continue
                self._stream = lzma.LZMADecompressor(lzma.FORMAT_XZ)
            unpacked = self._stream.decompress(data, len(view))
            self._rest = self._stream.unused_data  # empty before the end of the stream
            if unpacked:
                view[: len(unpacked)] = unpacked
                return len(unpacked)


# How compressed files begin, and what unpacks them: the name of a file does not matter.
UNPACK: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\x00": _Xz}


def _standard_input() -> io.BufferedReader:
    """Return standard input with ``readinto1``, which it lacks where a program has replaced it.

    Raises:
        InputError: If it is closed.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed")
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


def read_bytes(source: Source) -> bytes:
    """Read a whole input as it is, but for gzip and xz, which are unpacked.

    Raises:
        InputError: If it cannot be read, or if compressed data are damaged.
    """
    name = name_of(source)
    try:
        with open_bytes(source) as stream:
            return stream.read()
    except DAMAGED as error:
        raise InputError.at(name, f"damaged compressed data ({error})", "a whole file") from None
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from None


def in_memory(content: bytes, name: str) -> OpenInput:
    """Return bytes that were read already as an input that can be read once more.

    Args:
        content: What is in the file, not compressed.
        name: Name of the file, for error messages.
    """
    # The stubs want the stream of a file.
    stream: Any = io.BufferedReader(io.BytesIO(content))
    return OpenInput(name, stream, is_hdf5=content.startswith(HDF5_MAGIC), can_seek=True)


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


def text_blocks(stream: io.BufferedReader, source: Path) -> Iterator[bytes]:
    """Yield the blocks of a text stream, with LF at the end of every line.

    A line ends with LF, CR LF or CR in the stream. A UTF-8 byte-order mark at the beginning is left
    out.

    Args:
        stream: Bytes, such as those of a file opened by :func:`open_bytes`.
        source: Name of the file, for error messages.

    Raises:
        InputError: If the bytes are binary or cannot be read, or if compressed data are damaged.
    """
    ended = 0  # lines
    begin = b""
    try:
        for block in _blocks(stream):
            begin = begin or block
            if b"\0" in block:
                line = ended + 1 + block[: block.index(b"\0")].count(b"\n")
                kind = kind_of(begin) if line == 1 else ""
                raise InputError.at(f"{source}, line {line}", kind or "binary data", "text")
            yield block
            ended += block.count(b"\n")
    except DAMAGED as error:
        raise InputError.at(
            f"{source}, after line {ended}", f"damaged compressed data ({error})", "a whole file"
        ) from None
    except OSError as error:
        raise InputError(f"{source}, after line {ended}: {error.strerror}") from None


def _blocks(stream: io.BufferedReader) -> Iterator[bytes]:
    """Yield blocks of bytes without a byte-order mark, in which every line ends with LF."""
    ends_with_cr = False
    # A slow pipe may give less than a whole mark at a time, so this waits for enough bytes.
    begin = stream.read(BEGIN).removeprefix(BYTE_ORDER_MARK)
    block = begin or stream.read1(BLOCK)
    while block:
        if ends_with_cr:
            block = block.removeprefix(b"\n")
            ends_with_cr = False
        if b"\r" in block:
            ends_with_cr = block.endswith(b"\r")
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
        block = stream.read1(BLOCK)


def lines(stream: io.BufferedReader, source: Path) -> Iterator[tuple[int, str]]:
    """Yield (number, text) for every line of a text file, without its end.

    Args:
        stream: Bytes, such as those of a file opened by :func:`open_bytes`.
        source: Name of the file, for error messages.

    Raises:
        InputError: As :func:`text_blocks`, and if a line is endless or no UTF-8.
    """
    number = 1
    line = b""
    for block in text_blocks(stream, source):
        *ended, rest = block.split(b"\n")
        for piece in ended:
            yield number, _decode(line + piece, f"{source}, line {number}")
            number += 1
            line = b""
        line += rest
        if len(line) > MAX_LINE_BYTES:
            raise InputError.at(
                f"{source}, line {number}",
                f"more than {MAX_LINE_BYTES} bytes in one line",
                "a table with shorter lines",
            )
    if line:
        yield number, _decode(line, f"{source}, line {number}")


def _decode(line: bytes, place: str) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise InputError.at(place, "bytes that are not UTF-8", "text") from None


def kind_of(begin: bytes) -> str:
    """Return what a file looks like from its first bytes, or '' if nothing is recognised.

    >>> kind_of(b"LOCUS       NC_000913")
    'a GenBank file'
    """
    return next((kind for magic, kind in KINDS.items() if begin.startswith(magic)), "")


def described(begin: bytes, otherwise: str) -> str:
    """Return the kind of a file that is not of the wanted kind, for a message.

    Args:
        begin: First bytes of the file.
        otherwise: What to return if they tell no kind.

    >>> described(b">protein 1", "no table")
    'a FASTA file'
    """
    return "a FASTA file" if begin.startswith(b">") else kind_of(begin) or otherwise
