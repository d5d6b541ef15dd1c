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

MIN_COVERAGE = 0.5  # of the shorter sequence, below which an identity counts as 0


@dataclasses.dataclass(frozen=True)
class Alignment:
    """A protein's best local alignment with another.

    Attributes:
        identity: Identical residues over aligned ones, 0–1.
        coverage: Share of the protein's residues that are aligned, 0–1.
        e_value: Expected number of such hits in a database of 10,000 proteins.
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
        (n, columns) ASCII letters, '-' for gaps, rows in the given order.
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
    columns = align(sequences, threads)
    same = np.zeros((len(columns), len(columns)), np.float32)
    for residue in AMINO_ACIDS:
        has = (columns == ord(residue)).astype(np.float32)  # (n, columns)
        same += has @ has.T
    present = (columns != ord("-")).astype(np.float32)
    both = present @ present.T
    lengths = present.sum(1)
    covered = both >= MIN_COVERAGE * np.minimum(lengths[:, None], lengths[None])
    return np.where(covered, same / np.maximum(both, 1), 0).astype(np.float32)


def align_each(
    queries: Sequence[str], references: Sequence[str], threads: int = 1
) -> list[list[tuple[float, int]]]:
    """Search every query in the references with phmmer.

    Returns:
        A list per query of (bits, index of the reference).
    """
    return [
        [(float(hit.score), int(hit.name)) for hit in top.reported]
        for top in _phmmer(queries, references, threads)
    ]


def align_pairs(query: str, others: Sequence[str]) -> dict[int, Alignment]:
    """Align a protein with a few others.

    Returns:
        The alignment with each of the others that it aligns to (E-value below 1e-3), by index.
    """
    return {
        int(hit.name): _best_alignment(query, hit)
        for top in _phmmer([query], others, 1)
        for hit in top.reported
    }


def _phmmer(
    queries: Sequence[str], references: Sequence[str], threads: int
) -> Iterable[plan7.TopHits]:
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
    """Return sequences as HMMER wants them, named by their index."""
    return [
        easel.TextSequence(name=str(i).encode(), sequence=sequence).digitize(ALPHABET)
        for i, sequence in enumerate(sequences)
    ]


def _best_alignment(query: str, hit: plan7.Hit) -> Alignment:
    alignment = hit.best_domain.alignment
    first = np.frombuffer(alignment.hmm_sequence.upper().encode(), np.uint8)
    second = np.frombuffer(alignment.target_sequence.upper().encode(), np.uint8)
    both = (first != ord(".")) & (second != ord("-"))
    identity = float((first == second)[both].mean())
    return Alignment(identity, float(both.sum() / len(query)), float(hit.evalue))
