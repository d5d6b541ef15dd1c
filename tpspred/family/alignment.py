"""Alignments of proteins with each other: all together, or in pairs."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import pyfamsa
import pyhmmer
from numpy.typing import NDArray
from pyhmmer import easel, plan7

from ..io.fasta import AMINO_ACIDS
from .profiles import ALPHABET, DATABASE_SIZE, E_VALUE, SEED

MIN_COVERAGE = 0.5  # share of the shorter sequence; an identity over less counts as 0


@dataclasses.dataclass(frozen=True)
class Alignment:
    """A protein's best local alignment with another protein.

    Attributes:
        identity: Share of the aligned residues that are identical, 0–1.
        coverage: Share of the protein's residues that are aligned, 0–1.
        e_value: Expected number of hits as good by chance in a database of 10,000 proteins.
    """

    identity: float
    coverage: float
    e_value: float


def align(sequences: Sequence[str], threads: int = 1) -> NDArray[np.uint8]:
    """Align sequences with FAMSA (Deorowicz et al. 2016, 10.1038/srep33964).

    FAMSA's refinement is off, because its result differs in about one of a thousand runs.

    Args:
        sequences: n proteins.
        threads: CPU threads; the result does not depend on them.

    Returns:
        (n, columns) ASCII codes, that of '-' for a gap; rows in the given order.

    >>> [row.tobytes().decode() for row in align(["MKVLAWDDSY", "MKVLWDDSY"])]
    ['MKVLAWDDSY', 'MKVL-WDDSY']
    """
    if len(sequences) == 1:
        return np.frombuffer(sequences[0].encode(), np.uint8)[None]
    named = [
        pyfamsa.Sequence(str(i).encode(), sequence.encode()) for i, sequence in enumerate(sequences)
    ]
    aligner = pyfamsa.Aligner(threads=threads, refine=False)
    rows = sorted(aligner.align(named), key=lambda row: int(row.id))
    return np.stack([np.frombuffer(row.sequence, np.uint8) for row in rows])


def identity_matrix(sequences: Sequence[str], threads: int = 1) -> NDArray[np.float32]:
    """Return pairwise identities from one alignment of all sequences.

    Args:
        sequences: n proteins. An identity depends a little on which others are aligned with the
            pair, so training aligns its own proteins and never those it is tested on.
        threads: CPU threads; the result does not depend on them.

    Returns:
        (n, n) identical residues over the columns where both have a residue, 0–1. It is 0 where
        these columns cover less than half of the shorter sequence.
    """
    if not sequences:
        return np.zeros((0, 0), np.float32)
    aligned = align(sequences, threads)  # (n, columns)
    # Columns where both sequences have the same residue: (n, n).
    identical = np.zeros((len(aligned), len(aligned)), np.float32)
    for residue in AMINO_ACIDS:
        has_residue = (aligned == ord(residue)).astype(np.float32)  # (n, columns)
        identical += has_residue @ has_residue.T
    # Columns where both sequences have any residue: (n, n).
    is_residue = (aligned != ord("-")).astype(np.float32)  # (n, columns)
    overlap = is_residue @ is_residue.T
    lengths = is_residue.sum(1)  # (n,)
    is_covered = overlap >= MIN_COVERAGE * np.minimum(lengths[:, None], lengths[None])
    return np.where(is_covered, identical / np.maximum(overlap, 1), 0).astype(np.float32)


def align_each(
    queries: Sequence[str], references: Sequence[str], threads: int = 1
) -> list[list[tuple[float, int]]]:
    """Search every query in the references with HMMER's phmmer.

    Args:
        queries: Proteins.
        references: Proteins to compare them with.
        threads: CPU threads; the result does not depend on them.

    Returns:
        Per query, (bits, index of the reference) of each hit with an E-value below 1e-3.
    """
    return [
        [(float(hit.score), int(hit.name)) for hit in top.reported]
        for top in _phmmer(queries, references, threads)
    ]


def align_pairs(query: str, others: Sequence[str]) -> dict[int, Alignment]:
    """Align a protein with a few others by HMMER's phmmer.

    Args:
        query: The protein.
        others: Proteins to align it with.

    Returns:
        Alignments by the index of the other protein. One whose E-value is not below 1e-3 has none.
    """
    return {
        int(hit.name): _best_alignment(query, hit)
        for top in _phmmer([query], others, 1)
        for hit in top.reported
    }


def _phmmer(
    queries: Sequence[str], references: Sequence[str], threads: int
) -> Iterable[plan7.TopHits]:
    """Return HMMER's hits of each query; a hit's name is the index of the reference."""
    return pyhmmer.phmmer(
        _digital(queries),
        easel.DigitalSequenceBlock(ALPHABET, _digital(references)),
        cpus=threads,
        E=E_VALUE,
        Z=DATABASE_SIZE,
        domZ=DATABASE_SIZE,
        seed=SEED,
    )


def _digital(sequences: Sequence[str]) -> list[easel.DigitalSequence]:
    """Encode sequences for HMMER, each named by its index."""
    return [
        easel.TextSequence(name=str(i).encode(), sequence=sequence).digitize(ALPHABET)
        for i, sequence in enumerate(sequences)
    ]


def _best_alignment(query: str, hit: plan7.Hit) -> Alignment:
    """Return the alignment of a query with a hit's best domain."""
    alignment = hit.best_domain.alignment
    own = np.frombuffer(alignment.hmm_sequence.upper().encode(), np.uint8)  # (aligned,)
    other = np.frombuffer(alignment.target_sequence.upper().encode(), np.uint8)  # (aligned,)
    both = (own != ord(".")) & (other != ord("-"))
    identity = float((own == other)[both].mean())
    coverage = float(both.sum() / len(query))
    return Alignment(identity, coverage, float(hit.evalue))
