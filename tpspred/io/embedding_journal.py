"""Keep vectors on disk as they are computed, so that a run can be killed at any moment.

A journal lies beside its store as ``STORE.partial``. Its first line is JSON and says what makes the
vectors. Entries of one size follow: the digest of a sequence, its vector, and a checksum of both.
An entry that was cut off is dropped, and its vector is computed again.
"""

import contextlib
import errno
import fcntl
import io
import json
import os
import stat
import zlib
from collections.abc import Container, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ..console import detail, notify
from ..errors import StoreError
from .fasta import sequence_digest
from .paths import Path, output_descriptor

FORMAT = "tpspred-journal"
FORMAT_VERSION = 1
MAX_HEADER_BYTES = 10_000
JOURNAL = "a journal that tpspred embed wrote, or no file"


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
        damaged = (i for i, entry in enumerate(entries) if not _is_intact(entry))
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
        target: Path of the store. Standard output ('-'), a pipe or a device has no journal.
        made_by: What makes the vectors, such as ``{"encoder": "profile"}``.
        dimension: Numbers per vector.

    Yields:
        The journal, or None if there is none.

    Raises:
        StoreError: If the journal cannot be written, another run is writing it, or another encoder
            began it.
    """
    is_stream = os.path.exists(target) and not os.path.isfile(target)
    if is_stream or output_descriptor(target) is not None:
        yield None
        return
    path = f"{target}.partial"
    handle = _open(path)
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


def _open(path: str) -> io.BufferedRandom:
    """Open a journal, or make it.

    Raises:
        StoreError: If the path cannot be written, or is a link, a pipe or anything else that is no
            file. What lies behind it could otherwise be overwritten.
    """
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError.at(path, "a symbolic link", JOURNAL) from None
        raise StoreError(f"{path}: cannot be written: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StoreError.at(path, "something that is no file", JOURNAL)
    return os.fdopen(descriptor, "r+b")


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
    try:
        is_there = os.path.samestat(os.fstat(handle.fileno()), os.lstat(path))
    except FileNotFoundError:
        is_there = False
    if not is_there:  # the run that had locked it has ended and removed it
        raise StoreError.at(path, "another run that has just ended", "one run at a time")


def _check_header(handle: io.BufferedRandom, path: str, wanted: Mapping[str, object]) -> None:
    """Check the first line of a journal, or write it if it is absent or was cut off.

    Raises:
        StoreError: If the file is no journal, or its vectors were made in another way.
    """
    wanted_line = json.dumps(wanted, sort_keys=True).encode() + b"\n"
    line = handle.readline(MAX_HEADER_BYTES)
    if line != wanted_line and wanted_line.startswith(line):  # nothing yet, or cut off
        handle.seek(0)
        handle.truncate()
        handle.write(wanted_line)
        handle.flush()
        return
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise StoreError.at(path, "no journal of tpspred embed", JOURNAL)
    for key, value in wanted.items():
        if header.get(key) != value:
            raise StoreError.at(
                path,
                f"vectors with {key} {json.dumps(header.get(key)):.80}",
                f"{value} (or delete the file to begin again)",
            )


def _is_intact(entry: np.void) -> bool:
    """Return whether an entry has its checksum, and a vector of finite numbers."""
    return _checksum(entry) == entry["checksum"] and bool(np.isfinite(entry["vector"]).all())


def _checksum(entry: NDArray[np.void] | np.void) -> int:
    return zlib.crc32(entry["sequence"].tobytes() + entry["vector"].tobytes())
