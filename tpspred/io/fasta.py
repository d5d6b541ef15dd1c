"""Read FASTA into protein records; the one place that normalises residues.

The model knows the 20 amino acids and X, which stands for an unknown residue. Selenocysteine (U) is
read as cysteine and pyrrolysine (O) as lysine, the residues that they replace. B, Z and J each
stand for one of two residues and are read as X. Lower case is read as upper case, and one stop
``*`` at the end of a sequence is dropped.
"""

import dataclasses
import hashlib
import re
from collections.abc import Container, Iterable, Iterator

from ..console import warn
from ..errors import InputError
from . import files
from .files import Source

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
SUBSTITUTES = str.maketrans("UOBZJ", "CKXXX")
MAX_LENGTH_AA = 100_000
DUPLICATES = ("error", "keep", "suffix")
NUCLEOTIDES = frozenset("ACGTUN")
SHORTEST_NUCLEOTIDE = 50  # letters; a shorter sequence of A, C, G and T may well be a peptide


@dataclasses.dataclass(frozen=True)
class ProteinRecord:
    """One protein of a FASTA file.

    Attributes:
        id: First word of the header.
        description: Rest of the header.
        sequence: Residues in one-letter code, normalised.
        problem: Why the protein cannot be scored: ``empty``, ``internal_stop``, ``too_long`` or
            ``no_known_residue``; '' if it can.
    """

    id: str
    description: str
    sequence: str
    problem: str = ""

    @property
    def length_aa(self) -> int:
        """Number of residues."""
        return len(self.sequence)


def read_fasta(source: Source, duplicates: str = "error") -> Iterator[ProteinRecord]:
    """Yield the proteins of a FASTA file, which may be compressed with gzip or xz.

    A record that cannot be scored keeps its place and has a ``problem``. Content that shows that
    this is the wrong file raises an error.

    Args:
        source: Path of a file or pipe, '-' for standard input, or an open input.
        duplicates: What to do with an id that occurred before: 'error' raises, 'keep' keeps it, and
            'suffix' appends _2, _3 and so on.

    Raises:
        InputError: If the file has text before the first header, a header without an id, a
            character that is no residue, nucleotides, binary data, or a repeated id.
    """
    line_of_id: dict[str, int] = {}
    with files.open_input(source) as opened:
        numbered_lines = files.lines(opened.stream, opened.name)
        for line, header, sequence in _split(numbered_lines, opened.name):
            name, _, description = header.partition(" ")
            place = f"{opened.name}, line {line}, record {name}"
            if name in line_of_id and duplicates == "error":
                raise InputError.at(
                    place,
                    f"an id already used at line {line_of_id[name]}",
                    "unique ids (or --duplicates keep|suffix)",
                )
            if name in line_of_id and duplicates == "suffix":
                name = _unused(name, line_of_id)
            line_of_id.setdefault(name, line)
            yield protein_record(name, sequence, description.strip(), place)
        if not line_of_id:
            warn("%s contains no record", opened.name)


def protein_record(
    name: str, sequence: str, description: str = "", place: str | None = None
) -> ProteinRecord:
    """Make a record from a raw sequence: normalise the residues and note what prevents scoring.

    Args:
        name: ID of the record.
        sequence: Raw sequence in one-letter code.
        description: Rest of the FASTA header.
        place: Where the record stands, for error messages; its ID by default.

    Raises:
        InputError: If the sequence has a character that is no residue, or is made of nucleotides.

    >>> protein_record("p", "mkuj*").sequence
    'MKCX'
    >>> protein_record("p", "MK*L").problem
    'internal_stop'
    """
    place = place or f"record {name}"
    sequence = sequence.upper().removesuffix("*")
    wrong = re.search(r"[^A-Z*]", sequence)
    if wrong:
        raise InputError.at(
            place, f"{wrong[0]!r} at residue {wrong.start() + 1}", "amino acids in one-letter code"
        )
    if len(sequence) >= SHORTEST_NUCLEOTIDE and NUCLEOTIDES.issuperset(sequence):
        raise InputError.at(place, "a nucleotide sequence", "proteins (translate it first)")
    residues = sequence.translate(SUBSTITUTES)
    return ProteinRecord(name, description, residues, _problem(residues))


def sequence_digest(sequence: str) -> bytes:
    """Return the SHA-256 digest of a sequence: 32 bytes that identify it without storing it."""
    return hashlib.sha256(sequence.encode()).digest()


def _problem(residues: str) -> str:
    """Return why normalised residues cannot be scored, or '' if they can."""
    if not residues:
        return "empty"
    if "*" in residues:
        return "internal_stop"
    if len(residues) > MAX_LENGTH_AA:
        return "too_long"
    if not residues.strip("X"):
        return "no_known_residue"
    return ""


def _split(
    numbered_lines: Iterable[tuple[int, str]], source: str
) -> Iterator[tuple[int, str, str]]:
    """Yield (line number of the header, header without '>', raw sequence) for every record."""
    header: str | None = None
    header_line = 0
    parts: list[str] = []
    for number, text in numbered_lines:
        if text.startswith(">"):
            if header is not None:
                yield header_line, header, "".join(parts)
            header = text[1:].replace("\t", " ").strip()
            header_line = number
            parts = []
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
        yield header_line, header, "".join(parts)


def _unused(name: str, used: Container[str]) -> str:
    """Append the first of _2, _3 and so on that makes an ID that is not used yet."""
    number = 2
    while f"{name}_{number}" in used:
        number += 1
    return f"{name}_{number}"
