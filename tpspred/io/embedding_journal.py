"""Keep vectors on disk as they are computed, so that a run can be killed at any moment.

A journal lies beside its store as ``STORE.partial``. Its first line is JSON and says what makes the
vectors. Entries of one size follow: the digest of a sequence, its vector, and a checksum of both.
An entry that was cut off is dropped, and its vector is computed again.
"""

import contextlib
import fcntl
import io
import json
import os
import zlib
from collections.abc import Container, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ..console import detail, notify
from ..errors import StoreError
from .fasta import sequence_digest
from .files import Path

FORMAT = "tpspred-journal"
FORMAT_VERSION = 1


class Journal(Container[str]):
    """An open journal: it gives the vectors of an earlier run and stores those of this one.

    Args:
        handle: Journal file, open for reading and writing after its first line.
        dimension: Numbers per vector.

    Attributes:
        recovered: Number of vectors that an earlier run left.
        added: Number of vectors that this run has appended.
    """

    def __init__(self, handle: io.BufferedRandom, dimension: int) -> None:
        self._handle = handle
        self._entry_type = np.dtype(
            [("sequence", "V32"), ("vector", "<f4", (dimension,)), ("checksum", "<u4")]
        )
        self._vectors = self._recover()
        self.recovered = len(self._vectors)
        self.added = 0

    def __contains__(self, sequence: object) -> bool:
        return isinstance(sequence, str) and sequence_digest(sequence) in self._vectors

    def __getitem__(self, sequence: str) -> NDArray[np.float32]:
        """Return the vector that an earlier run computed for a sequence, (dimension,)."""
        return self._vectors[sequence_digest(sequence)]

    def add(self, sequence: str, vector: NDArray[np.float32]) -> None:
        """Append the vector of a sequence, (dimension,)."""
        entry = np.zeros((), self._entry_type)
        entry["sequence"] = sequence_digest(sequence)
        entry["vector"] = vector
        entry["checksum"] = _checksum(entry)
        self._handle.write(entry.tobytes())
        self._handle.flush()
        self.added += 1

    def _recover(self) -> dict[bytes, NDArray[np.float32]]:
        """Read all entries before the first damaged one, and cut the file off after them.

        Returns:
            {digest of the sequence: (dimension,) vector}.
        """
        begin = self._handle.tell()
        data = self._handle.read()
        entry_bytes = self._entry_type.itemsize
        entries = np.frombuffer(data, self._entry_type, len(data) // entry_bytes)
        damaged = (i for i, entry in enumerate(entries) if _checksum(entry) != entry["checksum"])
        intact = next(damaged, len(entries))
        self._handle.seek(begin + intact * entry_bytes)
        self._handle.truncate()
        return {entry["sequence"].tobytes(): entry["vector"] for entry in entries[:intact]}


@contextlib.contextmanager
def open_journal(
    target: Path, made_by: Mapping[str, str], dimension: int
) -> Iterator[Journal | None]:
    """Open the journal of a store, and remove it when the block succeeds.

    The block has to write the store before it ends. If the block fails, the journal stays for the
    next run, unless it is empty.

    Args:
        target: Path of the store. Standard output ('-') has no journal.
        made_by: What makes the vectors, such as ``{"encoder": "profile"}``.
        dimension: Numbers per vector.

    Yields:
        The journal, or None for '-'.

    Raises:
        StoreError: If the journal cannot be written, another run is writing it, or another encoder
            began it.
    """
    if target == "-":
        yield None
        return
    path = f"{target}.partial"
    try:
        handle = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    with handle:
        _lock(handle, path)
        header = {"format": FORMAT, "format_version": FORMAT_VERSION, "dimension": dimension}
        _check_header(handle, path, {**header, **made_by})
        opened = Journal(handle, dimension)
        try:
            yield opened
        except BaseException:
            kept = opened.recovered + opened.added
            if kept:
                notify("%s keeps %d vectors; the same command goes on from there", path, kept)
            else:
                os.unlink(path)
            raise
        os.unlink(path)


def _lock(handle: io.BufferedRandom, path: str) -> None:
    """Lock a journal until it is closed, so that no second run can write it.

    Raises:
        StoreError: If another run is writing it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError.at(path, "another run that is writing it", "one run at a time") from None
    except OSError as error:  # some cluster file systems have no locks
        detail(
            "%s: not locked (%s); do not start a second run that writes it", path, error.strerror
        )


def _check_header(handle: io.BufferedRandom, path: str, wanted: Mapping[str, object]) -> None:
    """Check the first line of a journal, or write it if it is absent or was cut off.

    Raises:
        StoreError: If the file is no journal, or its vectors were made in another way.
    """
    line = handle.readline()
    if not line.endswith(b"\n"):
        handle.seek(0)
        handle.truncate()
        handle.write(json.dumps(wanted, sort_keys=True).encode() + b"\n")
        handle.flush()
        return
    try:
        header = json.loads(line)
    except ValueError:
        header = None
    if not isinstance(header, dict):
        raise StoreError.at(path, "no journal of tpspred embed", "a file that embed wrote, or none")
    for key, value in wanted.items():
        if header.get(key) != value:
            raise StoreError.at(
                path,
                f"vectors with {key} {header.get(key)}",
                f"{value} (or delete the file to begin again)",
            )


def _checksum(entry: NDArray[np.void] | np.void) -> int:
    return zlib.crc32(entry["sequence"].tobytes() + entry["vector"].tobytes())
