"""Files that end with a seal, and content that does not fit.

The seal is a line: the SHA-256 of all bytes before it. It is compared before anything else looks at
the file, so that one that was cut short or altered is refused. It does not prove who wrote the
file.
"""

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from ..errors import TpspredError
from . import files
from .files import Source
from .paths import Path

SEAL = b"\ntpspred-sha256:"
SEAL_BYTES = len(SEAL) + 2 * hashlib.sha256().digest_size + 1  # with the LF at the end
BLOCK = 1 << 20  # bytes that are hashed at a time
# Format of a file → what messages call it.
NAMES = {
    "tpspred-model": "a model of tpspred train or calibrate",
    "tpspred-encoder": "an encoder of tpspred profiles",
    "tpspred-representations": "a store of tpspred embed",
}
# What h5py, numpy and pyhmmer raise for content that they cannot use.
DAMAGE = (
    OSError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    SystemError,
)


def seal(path: Path) -> str:
    """Append the seal to a file that has none, and return its SHA-256."""
    with open(path, "r+b") as stream:
        sha256 = sha256_of(stream, stream.seek(0, io.SEEK_END))
        stream.write(seal_of(sha256))
    return sha256


def seal_of(sha256: str) -> bytes:
    """Return the seal with a SHA-256 in hexadecimal digits."""
    return SEAL + sha256.encode() + b"\n"


def sha256_of(stream: BinaryIO, size: int) -> str:
    """Return the SHA-256 of the first bytes of a file, and leave the stream behind them."""
    digest = hashlib.sha256()
    stream.seek(0)
    while block := stream.read(min(BLOCK, size - stream.tell())):
        digest.update(block)
    return digest.hexdigest()


class Sealed(NamedTuple):
    """A verified file, open for reading.

    Attributes:
        name: Name of the file, for messages.
        stream: Its bytes, in any order.
        sha256: SHA-256 of the file without its seal, in hexadecimal digits.
        state: Size and time of the file before it was verified.
    """

    name: str
    stream: BinaryIO
    sha256: str
    state: tuple[int, int]


@contextlib.contextmanager
def opened(source: Source, wanted: str, error: type[TpspredError]) -> Iterator[Sealed]:
    """Open an HDF5 file and compare its seal with its bytes.

    What the block raises because the content does not fit becomes an error too.

    Args:
        source: HDF5 file or pipe, '-' for standard input, or an open input.
        wanted: What the file should be.
        error: Class of the errors.

    Raises:
        InputError: If the file cannot be opened.
        TpspredError: Of the given class, if the file is no HDF5 file, is cut short or was altered.
    """
    with files.open_input(source) as opened_input:
        name = opened_input.name
        if not opened_input.is_hdf5:
            begin = b""
            with contextlib.suppress(OSError, *files.DAMAGED):
                begin = opened_input.stream.peek(files.BEGIN)
            raise error.at(name, files.described(begin, "a file that is not HDF5"), wanted)
        with refusing_damage(name, wanted, error), files.seekable(opened_input) as stream:
            state = state_of(stream)
            yield Sealed(name, stream, verified(stream, name, wanted, error), state)


def name_of_formats(kinds: Sequence[str]) -> str:
    """Return what messages call a file of one of some formats.

    >>> name_of_formats(["tpspred-representations"])
    'a store of tpspred embed'
    """
    return " or ".join(NAMES.get(kind, f"a {kind} file") for kind in kinds)


def state_of(stream: BinaryIO) -> tuple[int, int]:
    """Return the size of a file and the time of its last change, ns."""
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def verified(stream: BinaryIO, source: str, wanted: str, error: type[TpspredError]) -> str:
    """Compare the seal of a file with its bytes.

    Returns:
        SHA-256 of the bytes before the seal, in hexadecimal digits.

    Raises:
        TpspredError: Of the given class, if there is no seal, or if it is that of other bytes.
    """
    size = stream.seek(0, io.SEEK_END) - SEAL_BYTES
    stream.seek(max(0, size))
    recorded = stream.read()
    if not (size > 0 and recorded.startswith(SEAL)):
        raise error.at(
            source,
            "no checksum at its end: it is cut short, or not written by this version",
            wanted,
        )
    sha256 = sha256_of(stream, size)
    if recorded != seal_of(sha256):
        raise error.at(source, "altered content, which its checksum does not fit", wanted)
    return sha256


@contextlib.contextmanager
def refusing_damage(source: str, wanted: str, error: type[TpspredError]) -> Iterator[None]:
    """Turn what content that does not fit raises into an error of one line.

    Args:
        source: Name of the file.
        wanted: What the file should be.
        error: Class of the error.
    """
    try:
        yield
    except DAMAGE as failure:
        reason = shown((str(failure).splitlines() or [type(failure).__name__])[0])
        raise error.at(source, f"a part that does not fit ({reason})", wanted) from failure


def shown(text: str, length: int = 200) -> str:
    r"""Return the beginning of a text as a message may show it, without control characters.

    >>> shown("first\nsecond", length=8)
    'first\\nse'
    """
    return repr(text[:length])[1:-1]
