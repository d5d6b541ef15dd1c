"""Sequences that a language model is trained on and measured on, and the batch of every step."""

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from ..errors import InputError
from ..io import fasta, files
from ..io.paths import Path

if TYPE_CHECKING:
    from .masked_training import Plan

LETTERS = 21  # the amino acids and X
WORD = 5  # residues
POWERS = LETTERS ** np.arange(WORD)
# Two proteins are relatives if they share this part of the words of the shorter one: 99.9 % of the
# pairs of terpene synthases with 50 to 55 % identity do. Fewer than three words may be chance.
SHARED = 0.02
LEAST_SHARED = 3
# A protein with more relatives is never held out, because all of them would be lost to training.
MOST_RELATIVES = 40


def read_sequences(source: Path) -> list[str]:
    """Read a text file with one protein sequence per line: plain, gzip or xz.

    Returns:
        Normalised sequences in the order of the file.

    Raises:
        InputError: If a line is no protein. The message names the line.
    """
    with files.open_bytes(source) as stream:
        return [
            fasta.protein_sequence(line, f"{source}, line {number}")
            for number, line in files.lines(stream, source)
        ]


class Proteins:
    """Many protein sequences, one behind the other in one array of residues.

    Args:
        sequences: Sequences of the 20 amino acids and X.

    Attributes:
        residues: (residues,) uint8 index of every residue in ``AMINO_ACIDS``, and 20 for X.
        starts: (proteins,) int index of the first residue of each protein.
        lengths: (proteins,) int residues of each protein.

    >>> proteins = Proteins(["MKX", "AC"])
    >>> proteins.residues, proteins.starts
    (array([10,  8, 20,  0,  1], dtype=uint8), array([0, 3]))
    """

    def __init__(self, sequences: Sequence[str]) -> None:
        index_of = np.full(256, len(fasta.AMINO_ACIDS), np.uint8)  # by ASCII code
        letters = np.frombuffer(fasta.AMINO_ACIDS.encode(), np.uint8)
        index_of[letters] = np.arange(len(letters))
        self.residues = index_of[np.frombuffer("".join(sequences).encode(), np.uint8)]
        self.lengths = np.array([len(sequence) for sequence in sequences], int)
        self.starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def piece(self, i: int, crop: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return the residues of protein i, or a random piece if it is longer than ``crop``."""
        start = self.starts[i]
        if self.lengths[i] > crop:
            start = start + rng.integers(self.lengths[i] - crop + 1)
        return self.residues[start : start + min(self.lengths[i], crop)]

    def words(self, rows: Iterable[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the overlapping words of five residues in some proteins.

        Args:
            rows: Indices of the proteins.

        Returns:
            (codes, counts): (words,) int, a number for each word, one protein after the other, and
            (rows,) int words of each protein. A protein shorter than a word has none.
        """
        codes = []
        for i in rows:
            residues = self.residues[self.starts[i] : self.starts[i] + self.lengths[i]]
            is_short = len(residues) < WORD
            codes.append(residues[:0] if is_short else np.convolve(residues, POWERS, "valid"))
        return np.concatenate(codes), np.array([len(part) for part in codes])


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Sequences of a pool and of a family: some to train on, others to measure perplexity on.

    Attributes:
        proteins: All sequences.
        train: 'pool' or 'family' → (n,) int rows of ``proteins`` to train on.
        held_out: 'pool' or 'family' → (m,) int rows of ``proteins`` to measure perplexity on.
        checksum: SHA-256 of the sequences.
    """

    proteins: Proteins
    train: dict[str, NDArray[np.int64]]
    held_out: dict[str, NDArray[np.int64]]
    checksum: str

    @classmethod
    def of(cls, pool: Iterable[str], family: Iterable[str], held_out: int, seed: int) -> "Corpus":
        """Hold some proteins out, and keep their relatives out of training too.

        A sequence that is repeated counts once; one in both lists belongs to the family.

        Args:
            pool: Sequences of any proteins.
            family: Sequences of the protein family, which may be none.
            held_out: Number of proteins to hold out of the pool, and of the family.
            seed: Seed of the choice.

        Raises:
            InputError: If no protein is left to train on, or none can be held out.
        """
        family = list(dict.fromkeys(family))
        in_family = set(family)
        pool = [sequence for sequence in dict.fromkeys(pool) if sequence not in in_family]
        proteins = Proteins([*pool, *family])
        rows_of = {"pool": np.arange(len(pool))}
        if family:
            rows_of["family"] = len(pool) + np.arange(len(family))

        # Hold out proteins with few relatives, and mark all that are related to them.
        rng = np.random.default_rng(seed)
        held_out_rows = {}
        is_near = np.zeros(len(proteins), bool)
        for name, rows in rows_of.items():
            candidates = rng.permutation(rows)[: 5 * held_out]
            is_related = related(proteins, candidates)  # (proteins, candidates)
            relatives = is_related.sum(0)  # number for each candidate, itself included
            chosen = np.flatnonzero(relatives <= 1 + MOST_RELATIVES)[:held_out]
            held_out_rows[name] = candidates[chosen]
            is_near |= is_related[:, chosen].any(1)

        # Train on the proteins that are related to no held-out protein.
        train = {name: rows[~is_near[rows]] for name, rows in rows_of.items()}
        for name, rows in rows_of.items():
            if not len(train[name]) or not len(held_out_rows[name]):
                raise InputError.at(
                    name,
                    f"{len(rows)} proteins that are all alike",
                    "many more than are held out (--held-out)",
                )
        digest = hashlib.sha256("\n".join([*pool, "", *family]).encode()).hexdigest()
        return cls(proteins, train, held_out_rows, digest)

    def batch(self, step: int, plan: "Plan") -> tuple[list[NDArray[np.uint8]], np.random.Generator]:
        """Draw the proteins of a training step.

        The step number and the seed alone decide what is drawn.

        Args:
            step: Number of the step, from 0.
            plan: Plan of the training: seed, residues per step, longest piece, share of the family.

        Returns:
            (pieces, rng): (residues,) arrays of ``plan.batch_residues`` residues together, and the
            generator with which to mask them.
        """
        rng = np.random.default_rng([plan.seed, step])
        pieces = []
        missing = plan.batch_residues
        while missing > 0:
            from_family = "family" in self.train and rng.random() < plan.share_of_family(step)
            rows = self.train["family" if from_family else "pool"]
            piece = self.proteins.piece(rng.choice(rows), plan.crop, rng)[:missing]
            pieces.append(piece)
            missing -= len(piece)
        return pieces, rng


def related(proteins: Proteins, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
    """Find the relatives of some proteins: those that share many words of five residues.

    Args:
        proteins: Proteins to look for relatives in.
        rows: (m,) int indices of the proteins whose relatives to find.

    Returns:
        (proteins, m) bool; a protein is related to itself.
    """
    # Which of the m proteins has which word. The first row is for words that none of them has.
    codes, word_counts = proteins.words(rows)
    words = np.unique(codes)
    number_of = np.zeros(LETTERS**WORD, np.int32)  # word → row of the table
    number_of[words] = 1 + np.arange(len(words))
    table = torch.zeros(1 + len(words), len(rows))  # (1 + words, m)
    table[number_of[codes], np.repeat(np.arange(len(rows)), word_counts)] = 1

    # Add up the rows of the words of each protein, a thousand proteins at a time.
    parts = []
    for part in np.array_split(np.arange(len(proteins)), 1 + len(proteins) // 1000):
        codes, counts = proteins.words(part)
        numbers = number_of[codes]
        ends = np.r_[0, np.cumsum(numbers > 0)][np.cumsum(counts)]
        begins = torch.from_numpy(np.r_[0, ends[:-1]])
        shared = functional.embedding_bag(
            torch.from_numpy(numbers[numbers > 0]).long(), table, begins, mode="sum"
        ).numpy()  # (part, m) words in common
        wanted = SHARED * np.minimum(counts[:, None], word_counts)
        parts.append(shared >= np.maximum(wanted, LEAST_SHARED))
    is_related = np.concatenate(parts)
    is_related[rows, np.arange(len(rows))] = True
    return is_related
