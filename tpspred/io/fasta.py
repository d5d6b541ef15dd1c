"""FASTA to ProteinRecord; the one place that normalises residues.

The model knows the 20 amino acids and X, a residue that is not known. Selenocysteine (U) is read as
cysteine and pyrrolysine (O) as lysine, the residues that they replace; B, Z and J stand for either of two
residues and are read as X. Lower case is read as upper case and one stop ``*`` at the end is dropped.
"""

import dataclasses
import hashlib
import re

from ..errors import InputError
from . import files

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
SUBSTITUTES = str.maketrans("UOBZJ", "CKXXX")
MAX_LENGTH_AA = 100_000
DUPLICATES = ("error", "keep", "suffix")
NUCLEOTIDES = frozenset("ACGTUN")
SHORTEST_NUCLEOTIDE = 50


@dataclasses.dataclass(frozen=True)
class ProteinRecord:
    """One protein: id, description, normalised sequence, and why it cannot be scored, if so."""

    id: str
    description: str
    sequence: str
    problem: str = ""

    @property
    def length_aa(self):
        """Number of residues."""
        return len(self.sequence)


def read_fasta(source, duplicates="error"):
    """Iterate over the proteins of a FASTA file, plain, gzip or xz, '-' for standard input.

    A record that cannot be scored keeps its place with a ``problem``: ``empty``, ``internal_stop``, ``too_long`` (over
    100,000 residues) or ``no_known_residue``. What means a wrong file raises.

    Args:
        source: Path or '-'.
        duplicates: What to do with an id that was seen before: 'error', 'keep', or 'suffix' (append _2, _3 …).

    Raises:
        InputError: Text before the first header, a header without an id, a character that is no residue, nucleotides,
            binary data, or a repeated id.
    """
    seen = {}
    with files.open_bytes(source) as stream:
        for line, header, sequence in _split(files.lines(stream, source), source):
            name, _, description = header.partition(" ")
            place = f"{source}, line {line}, record {name}"
            if name in seen and duplicates == "error":
                raise InputError.at(
                    place,
                    f"an id already used at line {seen[name]}",
                    "unique ids (or --duplicates keep|suffix)",
                )
            if name in seen and duplicates == "suffix":
                name = _unused(name, seen)
            seen.setdefault(name, line)
            yield protein_record(name, sequence, description.strip(), place)


def protein_record(name, sequence, description="", place=None):
    """Make a record from a raw sequence: normalise the residues, note what prevents scoring.

    Raises:
        InputError: If the sequence holds characters that are no residues, or is nucleotides.

    >>> protein_record("p", "mkuj*").sequence
    'MKCX'
    >>> protein_record("p", "MK*L").problem
    'internal_stop'
    """
    place = place or f"record {name}"
    sequence = sequence.upper()
    sequence = sequence.removesuffix("*")
    wrong = re.search(r"[^A-Z*]", sequence)
    if wrong:
        raise InputError.at(
            place, f"{wrong[0]!r} at residue {wrong.start() + 1}", "amino acids in one-letter code"
        )
    if len(sequence) >= SHORTEST_NUCLEOTIDE and NUCLEOTIDES.issuperset(sequence):
        raise InputError.at(place, "a nucleotide sequence", "proteins (translate it first)")
    residues = sequence.translate(SUBSTITUTES)
    problem = (
        "empty"
        if not residues
        else "internal_stop"
        if "*" in residues
        else "too_long"
        if len(residues) > MAX_LENGTH_AA
        else ""
        if residues.strip("X")
        else "no_known_residue"
    )
    return ProteinRecord(name, description, residues, problem)


def sequence_digest(sequence):
    """32 bytes by which a sequence is known without being kept."""
    return hashlib.sha256(sequence.encode()).digest()


def _split(numbered_lines, source):
    """Yield (line number of the header, header without '>', raw sequence)."""
    header, start, parts = None, 0, []
    for number, text in numbered_lines:
        if text.startswith(">"):
            if header is not None:
                yield start, header, "".join(parts)
            header, start, parts = text[1:].replace("\t", " ").strip(), number, []
            if not header:
                raise InputError.at(
                    f"{source}, line {number}", "a header without an id", "'>id description'"
                )
        elif text.strip():
            if header is None:
                raise InputError.at(
                    f"{source}, line {number}",
                    f"{text[:20]!r} before any header",
                    "FASTA: a line that begins with '>'",
                )
            parts.append("".join(text.split()))
    if header is not None:
        yield start, header, "".join(parts)


def _unused(name, seen):
    number = 2
    while f"{name}_{number}" in seen:
        number += 1
    return f"{name}_{number}"
