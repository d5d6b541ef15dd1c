"""Vectors on their way into a store: appended as they are computed, so that a run can be killed at any moment.

A journal lies beside its store as ``STORE.partial``: a line of JSON that says what makes the vectors, then records of one
size, each with a checksum. A record that was cut off is computed again.
"""

import contextlib
import fcntl
import json
import os
import zlib

import numpy as np

from ..console import detail, notify
from ..errors import StoreError
from .fasta import sequence_digest

FORMAT = "tpspred-journal"
FORMAT_VERSION = 1


class Journal:
    """An open journal: what an earlier run left, by sequence, and where the vectors of this one go."""

    def __init__(self, handle, dimension):
        self._handle = handle
        self._record = np.dtype(
            [("sequence", "V32"), ("vector", "<f4", (dimension,)), ("checksum", "<u4")]
        )
        self._vectors = self._recover()
        self.recovered, self.added = len(self._vectors), 0

    def __contains__(self, sequence):
        return sequence_digest(sequence) in self._vectors

    def __getitem__(self, sequence):
        """The vector that an earlier run computed, (dimension,) float32."""
        return self._vectors[sequence_digest(sequence)]

    def add(self, sequence, vector):
        """Append the vector of a sequence, (dimension,) float32."""
        row = np.zeros((), self._record)
        row["sequence"], row["vector"] = sequence_digest(sequence), vector
        row["checksum"] = _checksum(row)
        self._handle.write(row.tobytes())
        self._handle.flush()
        self.added += 1

    def _recover(self):
        """Read the whole records and cut off what follows them."""
        begin = self._handle.tell()
        data = self._handle.read()
        rows = np.frombuffer(data, self._record, len(data) // self._record.itemsize)
        whole = next(
            (i for i, row in enumerate(rows) if _checksum(row) != row["checksum"]), len(rows)
        )
        self._handle.seek(begin + whole * self._record.itemsize)
        self._handle.truncate()
        return {row["sequence"].tobytes(): row["vector"] for row in rows[:whole]}


@contextlib.contextmanager
def journal(target, made_by, dimension):
    """Open the journal of a store, and remove it when the block succeeds: the store then holds all of it.

    Args:
        target: Path of the store; '-' has no journal.
        made_by: Dictionary of texts that say what makes the vectors.
        dimension: Numbers per vector.

    Yields:
        Journal, or None for '-'.

    Raises:
        StoreError: If it cannot be written, another run is writing it, or another encoder began it.
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
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError.at(
                path, "another run that is writing it", "one run at a time"
            ) from None
        except OSError as error:  # some cluster file systems have no locks
            detail(
                "%s: not locked (%s); do not start a second run that writes it",
                path,
                error.strerror,
            )
        _begin(
            handle,
            path,
            {"format": FORMAT, "format_version": FORMAT_VERSION, "dimension": dimension} | made_by,
        )
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


def _begin(handle, path, wanted):
    """Check the first line, or write it where a run was killed before it could."""
    line = handle.readline()
    if not line.endswith(b"\n"):
        handle.seek(0)
        handle.truncate()
        handle.write(json.dumps(wanted, sort_keys=True).encode() + b"\n")
        handle.flush()
        return
    try:
        found = json.loads(line)
    except ValueError:
        raise StoreError.at(
            path, "no journal of tpspred embed", "a file that embed wrote, or none"
        ) from None
    for key, value in wanted.items():
        if found.get(key) != value:
            raise StoreError.at(
                path,
                f"vectors with {key} {found.get(key)}",
                f"{value} (or delete the file to begin again)",
            )


def _checksum(row):
    return zlib.crc32(row["sequence"].tobytes() + row["vector"].tobytes())
