"""Fingerprints of sequences: a protein is known again although a few of its residues differ.

A sequence is cut into blocks of 12 residues, and a fingerprint has the CRC-32 of each block. One
substitution, insertion or deletion changes one block at most, wherever it is, because the blocks of
the fingerprint are looked for at every position of the other sequence. No sequence can be read from
a fingerprint.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLOCK = 12  # residues
MAX_CHANGES = 3  # blocks that may be lost, and residues by which the lengths may differ


@dataclasses.dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of sequences.

    Attributes:
        blocks: (blocks,) CRC-32 of the blocks, those of one sequence after the other. The last
            block of a sequence may be shorter.
        lengths: (sequences,) residues.
    """

    blocks: NDArray[np.uint32]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, sequences: Sequence[str]) -> Fingerprints:
        """Make the fingerprints of sequences.

        >>> Fingerprints.of(["MSLEVDKRRFKTAKH"]).blocks.shape
        (2,)
        """
        hashes = [
            zlib.crc32(sequence[start : start + BLOCK].encode())
            for sequence in sequences
            for start in range(0, len(sequence), BLOCK)
        ]
        lengths = [len(sequence) for sequence in sequences]
        return cls(np.array(hashes, np.uint32), np.array(lengths, np.int32))

    @property
    def counts(self) -> NDArray[np.int32]:
        """(sequences,) number of blocks of each sequence."""
        return -(-self.lengths // BLOCK)

    def find(self, sequence: str) -> int | None:
        """Return the index of the sequence that a protein is, or None if it is none of them.

        A sequence is found if the protein differs from it by three substitutions, insertions or
        deletions at most. More are forgiven if they are close together: what counts is that three
        blocks at most are lost, and that the lengths differ by three residues at most. At least
        half of the blocks must be left. Of several sequences the one with the fewest lost blocks is
        chosen, then the one whose length is nearest, then the first.

        Args:
            sequence: Residues of the protein.
        """
        text = sequence.encode()
        windows = {text[start : start + BLOCK] for start in range(len(text) - BLOCK + 1)}
        ends = {text[-size:] for size in range(1, BLOCK)}
        hashes = {zlib.crc32(part) for part in windows | ends}

        difference = np.abs(self.lengths - len(text))
        candidates = np.flatnonzero(difference <= MAX_CHANGES)
        counts, first = self.counts, np.cumsum(self.counts) - self.counts
        scores = []
        for i in candidates.tolist():
            blocks = self.blocks[first[i] : first[i] + counts[i]].tolist()
            lost = sum(block not in hashes for block in blocks)
            if lost <= min(MAX_CHANGES, counts[i] // 2):
                scores.append((lost, int(difference[i]), i))
        return min(scores)[2] if scores else None
