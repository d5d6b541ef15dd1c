"""Sequences to train a language model on: which ones are left out, and what a step is given."""

import dataclasses
import hashlib

import numpy as np
import torch
from torch.nn import functional

from ..errors import InputError
from ..io import fasta, files

LETTERS, WORD = 21, 5
POWERS = LETTERS ** np.arange(WORD)
# Of their words of five residues 99.9 % of the pairs of terpene synthases at 50 to 55 % identity share 2 % or more; fewer than
# three may be chance.
SHARED, LEAST_SHARED = 0.02, 3
MOST_RELATIVES = 40  # of a protein that is left out, lest half the family go with it


def read_sequences(source):
    """Proteins of a file with one per line, plain, gzip or xz.

    Raises:
        InputError: Naming the line that is no protein.
    """
    with files.open_bytes(source) as stream:
        found = [
            fasta.protein_record(f"line {number}", line, place=f"{source}, line {number}")
            for number, line in files.lines(stream, source)
        ]
    wrong = [record for record in found if record.problem]
    if wrong:
        raise InputError.at(f"{source}, {wrong[0].id}", wrong[0].problem, "one protein per line")
    return [record.sequence for record in found]


class Proteins:
    """Many sequences in one array of residues.

    Attributes:
        residues: (residues,) uint8 index into the amino acids, X the last.
        starts, lengths: (n,) int.
    """

    def __init__(self, sequences):
        code = np.full(256, len(fasta.AMINO_ACIDS), np.uint8)
        code[np.frombuffer(fasta.AMINO_ACIDS.encode(), np.uint8)] = np.arange(
            len(fasta.AMINO_ACIDS)
        )
        self.residues = code[np.frombuffer("".join(sequences).encode(), np.uint8)]
        self.lengths = np.array([len(sequence) for sequence in sequences], int)
        self.starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self):
        return len(self.lengths)

    def piece(self, i, crop, rng):
        """Residues of protein i, a random piece if it is longer than ``crop``."""
        begin = self.starts[i] + (
            rng.integers(self.lengths[i] - crop + 1) if self.lengths[i] > crop else 0
        )
        return self.residues[begin : begin + min(self.lengths[i], crop)]

    def words(self, rows):
        """Words of five residues in proteins, one protein after the other.

        Returns:
            (codes, counts): (words,) int and (rows,) int.
        """
        own = [self.residues[self.starts[i] : self.starts[i] + self.lengths[i]] for i in rows]
        coded = [
            np.convolve(part, POWERS, "valid") if len(part) >= WORD else part[:0] for part in own
        ]
        return np.concatenate(coded), np.array([len(part) for part in coded])


@dataclasses.dataclass(frozen=True)
class Corpus:
    """What is trained on and what is left out.

    Attributes:
        proteins: Proteins.
        train, held_out: {"pool": (n,) int, "family": (m,) int} rows of ``proteins``.
        checksum: SHA-256 of the sequences.
    """

    proteins: Proteins
    train: dict
    held_out: dict
    checksum: str

    @classmethod
    def of(cls, pool, family, held_out, seed):
        """Leave out some proteins of each, and from training all that are like them.

        Args:
            pool, family: Lists of sequences; the family may be empty.
            held_out: Proteins to leave out of each.

        Raises:
            InputError: If there are too few proteins.
        """
        family = list(dict.fromkeys(family))
        known = set(family)
        pool = [sequence for sequence in dict.fromkeys(pool) if sequence not in known]
        proteins = Proteins([*pool, *family])
        parts = {"pool": np.arange(len(pool))} | (
            {"family": len(pool) + np.arange(len(family))} if family else {}
        )
        rng = np.random.default_rng(seed)
        without, near = {}, np.zeros(len(proteins), bool)
        for name, rows in parts.items():
            asked = rng.permutation(rows)[: 5 * held_out]
            alike = related(proteins, asked)
            few = np.flatnonzero(alike.sum(0) <= 1 + MOST_RELATIVES)[:held_out]
            without[name] = asked[few]
            near |= alike[:, few].any(1)
        train = {name: rows[~near[rows]] for name, rows in parts.items()}
        for name, rows in parts.items():
            if not (len(train[name]) and len(without[name])):
                raise InputError.at(
                    name,
                    f"{len(rows)} proteins that are all alike",
                    "many more than are held out (--held-out)",
                )
        digest = hashlib.sha256("\n".join([*pool, "", *family]).encode()).hexdigest()
        return cls(proteins, train, without, digest)

    def batch(self, step, plan):
        """Pieces of random proteins, of so many residues together.

        Args:
            plan: pretraining.Plan.

        Returns:
            (list of (residues,) arrays, numpy Generator to mask them with).
        """
        rng = np.random.default_rng([plan.seed, step])
        pieces, left = [], plan.batch_residues
        while left > 0:
            name = (
                "family"
                if "family" in self.train and rng.random() < plan.share_of_family(step)
                else "pool"
            )
            piece = self.proteins.piece(rng.choice(self.train[name]), plan.crop, rng)[:left]
            pieces.append(piece)
            left -= len(piece)
        return pieces, rng


def related(proteins, rows):
    """Which proteins share many words of five residues with some of them.

    Args:
        rows: (m,) int.

    Returns:
        (proteins, m) bool; a protein is related to itself.
    """
    codes, own = proteins.words(rows)
    place = np.zeros(
        LETTERS**WORD, np.int32
    )  # of a word among those of the rows; 0 if it is in none
    words = np.unique(codes)
    place[words] = 1 + np.arange(len(words))
    table = torch.zeros(1 + len(words), len(rows))
    table[place[codes], np.repeat(np.arange(len(rows)), own)] = 1
    found = []
    for part in np.array_split(np.arange(len(proteins)), 1 + len(proteins) // 1000):
        codes, counts = proteins.words(part)
        known = place[codes]
        ends = np.r_[0, np.cumsum(known > 0)][np.cumsum(counts)]
        begins = torch.from_numpy(np.r_[0, ends[:-1]])
        shared = functional.embedding_bag(
            torch.from_numpy(known[known > 0]).long(), table, begins, mode="sum"
        ).numpy()
        found.append(shared >= np.maximum(SHARED * np.minimum(counts[:, None], own), LEAST_SHARED))
    found = np.concatenate(found)
    found[rows, np.arange(len(rows))] = True
    return found
