"""Read FASTA into protein records; the one place that normalises residues.

The model knows the 20 amino acids and X, which stands for an unknown residue. Selenocysteine (U) is
read as cysteine and pyrrolysine (O) as lysine, the residues that they replace. B, Z and J each
stand for one of two residues and are read as X. Lower case is read as upper case, and one stop
``*`` at the end of a sequence is dropped.
"""

import collections
import hashlib
import itertools
import string
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from ..console import warn
from ..errors import InputError
from . import files
from .files import Source
from .names import UniqueNames

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
SUBSTITUTES = str.maketrans("UOBZJ", "CKXXX")
MAX_LENGTH_AA = 100_000
SHORTEST_NUCLEOTIDE = 50  # letters; a shorter sequence of A, C, G and T may well be a peptide
MAX_HELD_RECORDS = 1000  # records that may come before the first protein
FIRST_RECORDS = 10  # nucleotide records in a row at the beginning show that this is the wrong file
MAX_HEADER_BYTES = 10_000  # what is longer is not kept
MAX_RECORD_BYTES = 1_000_000  # text that is held of a record that is not yet ended

# Why a record cannot be scored.
EMPTY, INTERNAL_STOP, TOO_LONG = "empty", "internal_stop", "too_long"
NO_KNOWN_RESIDUE = "no_known_residue"
INVALID_RESIDUE, NUCLEOTIDE = "invalid_residue", "nucleotide"
PROBLEMS = (EMPTY, INTERNAL_STOP, TOO_LONG, NO_KNOWN_RESIDUE, INVALID_RESIDUE, NUCLEOTIDE)

# Raw letter → normalised residue, '*' → '*', and anything else → '!'.
_WRONG = b"!"
_LETTERS = string.ascii_uppercase
_RESIDUES = _LETTERS.translate(SUBSTITUTES)
_NORMALISED = bytearray(_WRONG * 256)
for _raw, _residue in zip(
    f"{_LETTERS}{_LETTERS.lower()}*".encode(), f"{_RESIDUES}{_RESIDUES}*".encode()
):
    _NORMALISED[_raw] = _residue
_NUCLEOTIDES = b"ACGTN"  # after normalisation, which reads the U of RNA as C
_WHITESPACE = string.whitespace.encode()


class ProteinRecord(NamedTuple):
    """One protein of a FASTA file.

    Attributes:
        id: First word of the header.
        description: Rest of the header.
        sequence: Residues in one-letter code, normalised; '' if the protein cannot be scored.
        problem: Why the protein cannot be scored, one of :data:`PROBLEMS`; '' if it can.
        unread_aa: Residues that are not in ``sequence``.
    """

    id: str
    description: str
    sequence: str
    problem: str = ""
    unread_aa: int = 0

    @property
    def length_aa(self) -> int:
        """Number of residues."""
        return len(self.sequence) + self.unread_aa


def read_fasta(
    source: Source, duplicates: str = "keep", strict: bool = False
) -> Iterator[ProteinRecord]:
    """Yield the proteins of a FASTA file, which may be compressed with gzip or xz.

    A record that cannot be scored keeps its place and has a ``problem``. At the end, a warning
    counts the records that are odd and those that repeat an id. Content that shows that this is the
    wrong file raises an error. Memory does not grow with the length of a line, and by 8 bytes per
    record unless repeated ids are suffixed or refused.

    Args:
        source: Path of a file or pipe, '-' for standard input, or an open input.
        duplicates: What to do with an id that occurred before: 'keep' keeps it, 'suffix' appends
            _2, _3 and so on, and 'error' raises.
        strict: Whether a record with a character that is no residue, a nucleotide sequence, or a
            header without an id raises an error.

    Raises:
        InputError: If the file has text before the first header, or binary data, or begins with
            nucleotide sequences only; or for a record that the arguments forbid.
    """
    with files.open_input(source) as opened:
        odd_records = _OddRecords(strict)
        records = _not_only_nucleotides(_records(opened, odd_records), opened.name)
        yield from _with_repeated_ids(records, duplicates, opened.name)
        odd_records.report()


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
    raw = sequence.encode()
    record = _record(name, description, raw)
    if record.problem in (INVALID_RESIDUE, NUCLEOTIDE):
        raise _oddity(record, raw, place or f"record {name}")
    return record


def protein_sequence(raw: str, place: str) -> str:
    """Return the normalised residues of a sequence that has to be a whole protein.

    Args:
        raw: Sequence in one-letter code.
        place: Where it stands, for error messages.

    Raises:
        InputError: If it cannot be scored.

    >>> protein_sequence("mkvu*", "line 1")
    'MKVC'
    """
    record = protein_record("", raw, place=place)
    if record.problem:
        raise InputError.at(place, record.problem.replace("_", " "), "a whole protein")
    return record.sequence


def sequence_digest(sequence: str) -> bytes:
    """Return the SHA-256 digest of a sequence: 32 bytes that identify it without storing it."""
    return hashlib.sha256(sequence.encode()).digest()


def _record(
    name: str, description: str, raw: bytes, unread: int = 0, ignored: bytes = b""
) -> ProteinRecord:
    """Make a record from the letters of a sequence.

    Args:
        name: ID.
        description: Rest of the header.
        raw: Letters.
        unread: Letters that were left out before the last one, because the sequence is too long.
        ignored: Characters among the letters that do not count.
    """
    residues = raw.translate(_NORMALISED, ignored).removesuffix(b"*")
    # What lies behind the residues that may be scored is not looked at.
    problem = _problem(residues[: MAX_LENGTH_AA + 1])
    if problem:
        return ProteinRecord(name, description, "", problem, len(residues) + unread)
    return ProteinRecord(name, description, residues.decode("ascii"))


def _problem(residues: bytes) -> str:
    """Return why normalised residues cannot be scored, or '' if they can."""
    if not residues:
        return EMPTY
    if _WRONG in residues:
        return INVALID_RESIDUE
    if len(residues) >= SHORTEST_NUCLEOTIDE and not residues.lstrip(_NUCLEOTIDES):
        return NUCLEOTIDE
    if b"*" in residues:
        return INTERNAL_STOP
    if len(residues) > MAX_LENGTH_AA:
        return TOO_LONG
    if not residues.strip(b"X"):
        return NO_KNOWN_RESIDUE
    return ""


def _oddity(record: ProteinRecord, raw: bytes, place: str) -> InputError:
    """Return the error that says what is odd about a record.

    Args:
        record: Record with the problem invalid_residue or nucleotide.
        raw: Letters of its sequence.
        place: Where the record stands.
    """
    if record.problem == NUCLEOTIDE:
        return InputError.at(place, "a nucleotide sequence", "proteins (translate it first)")
    position = raw.translate(_NORMALISED).index(_WRONG)
    character = raw[position : position + 4].decode(errors="replace")[0]
    return InputError.at(
        place, f"{character!r} at residue {position + 1}", "amino acids in one-letter code"
    )


class _OddRecords:
    """Counts the odd records of an input, or raises an error for the first one.

    Args:
        strict: Whether to raise.
    """

    def __init__(self, strict: bool) -> None:
        self._strict = strict
        self._count: collections.Counter[str] = collections.Counter()
        self.first: InputError | None = None

    def add(self, oddity: str, error: InputError) -> None:
        """Count one.

        Args:
            oddity: What is odd, in one word.
            error: What is odd, with file, line and record.
        """
        if self._strict:
            raise error
        self.first = self.first or error
        self._count[oddity] += 1

    def report(self) -> None:
        """Warn with the counts, if there are any."""
        if self.first is not None:
            counts = ", ".join(f"{count} {oddity}" for oddity, count in self._count.items())
            warn("odd records: %s; the first: %s", counts, self.first)


def _records(opened: files.OpenInput, odd_records: _OddRecords) -> Iterator[ProteinRecord]:
    """Yield the records of an open FASTA file, and count the odd ones."""
    for line, text, unread in _split(opened):
        first_line, _, letters = text.partition(b"\n")
        header = first_line[:MAX_HEADER_BYTES].decode(errors="backslashreplace")
        name, _, description = header.replace("\t", " ").strip().partition(" ")
        if not name:
            place = f"{opened.name}, line {line}"
            error = InputError.at(place, "a header without an id", "'>id description'")
            odd_records.add("without_id", error)
            name = f"unnamed_line_{line}"
        record = _record(name, description.strip(), letters, unread, _WHITESPACE)
        if record.problem in (INVALID_RESIDUE, NUCLEOTIDE):
            place = f"{opened.name}, line {line}, record {name}"
            error = _oddity(record, letters.translate(None, _WHITESPACE), place)
            odd_records.add(record.problem, error)
        yield record


def _split(opened: files.OpenInput) -> Iterator[tuple[int, bytes, int]]:
    """Cut an open FASTA file into raw records.

    Yields:
        (line number of the header, counted from 1; text from behind the '>' to the next header;
        number of letters that were left out before the last letter of the text).
    """
    blocks = files.text_blocks(opened.stream, opened.name)
    line, rest = _first_header(blocks, opened.name)
    # The rest is the beginning of a record. What was left out of it:
    unread = 0
    skipped_lines = 0
    for block in itertools.chain((b"",), blocks):
        *ended, rest = (rest + block).split(b"\n>")
        for text in ended:
            yield line, text, unread
            line += text.count(b"\n") + 1 + skipped_lines
            unread = skipped_lines = 0
        if len(rest) > MAX_RECORD_BYTES:
            shortened, left_out = _shortened(rest)
            unread += left_out
            skipped_lines += rest.count(b"\n") - shortened.count(b"\n")
            rest = shortened
    if line:
        yield line, rest, unread


def _first_header(blocks: Iterator[bytes], source: str) -> tuple[int, bytes]:
    """Read up to the first header.

    Returns:
        (line number of the header, what was read behind its '>'); (0, b"") if there is none.

    Raises:
        InputError: If there is text before it.
    """
    line = 1
    before = b""
    for block in blocks:
        text = (before + block).lstrip(_WHITESPACE)
        before = (before + block)[: len(before + block) - len(text)]
        line += before.count(b"\n")
        before = b"" if before.endswith(b"\n") else before[-1:]
        if text.startswith(b">") and not before:
            return line, text[1:]
        if text:
            shown = text[:20].partition(b"\n")[0].decode(errors="replace")
            kind = files.kind_of(text)
            raise InputError.at(
                f"{source}, line {line}",
                kind or f"{shown!r} before any header",
                "proteins in FASTA format" if kind else "FASTA: a line that begins with '>'",
            )
    return 0, b""


def _shortened(text: bytes) -> tuple[bytes, int]:
    """Leave out what is not needed of a record that is too long to be scored.

    Of its sequence, the letters that may be scored are kept, one more that shows that it is too
    long, and the last one, which may be a stop.

    Returns:
        (the shorter text, which goes on where the text does; number of letters left out).
    """
    header, line_end, letters = text.partition(b"\n")
    header = header[:MAX_HEADER_BYTES]
    letters = letters.translate(None, _WHITESPACE)
    kept = letters[: MAX_LENGTH_AA + 1] + letters[MAX_LENGTH_AA + 1 :][-1:]
    last_end = b"\n" if text.endswith(b"\n") and letters else b""
    return header + line_end + kept + last_end, len(letters) - len(kept)


def _not_only_nucleotides(records: Iterator[ProteinRecord], source: str) -> Iterator[ProteinRecord]:
    """Pass records on, but refuse an input whose first records are all nucleotide sequences.

    Raises:
        InputError: If this is so for the first ten records with a sequence, or for all.
    """
    held = []  # the first records, until one is a protein
    nucleotides = 0
    for record in itertools.islice(records, MAX_HELD_RECORDS):
        held.append(record)
        nucleotides += record.problem == NUCLEOTIDE
        if record.problem not in (EMPTY, NUCLEOTIDE) or nucleotides == FIRST_RECORDS:
            break
    if nucleotides and held[-1].problem in (EMPTY, NUCLEOTIDE):
        example = next(record.id for record in held if record.problem == NUCLEOTIDE)
        raise InputError.at(
            source,
            f"nucleotide sequences only, such as record {example}",
            "proteins (translate it first)",
        )
    yield from held
    yield from records


def _with_repeated_ids(
    records: Iterable[ProteinRecord], duplicates: str, source: str
) -> Iterator[ProteinRecord]:
    """Pass records on, with what the user wants for ids that came before.

    Warn if there is no record at all.
    """
    repeats = _RepeatCounter()
    unique_names = UniqueNames()
    count = 0
    for count, record in enumerate(records, 1):
        if duplicates == "keep":
            repeats.add(record.id)
            yield record
            continue
        name = unique_names.make(record.id)
        if name != record.id and duplicates == "error":
            raise InputError.at(
                f"{source}, record {count}",
                f"the id {record.id}, which came before",
                "unique ids (or --duplicates keep|suffix)",
            )
        yield record._replace(id=name)
    if not count:
        warn("%s contains no record", source)
    repeats.compare()
    if repeats.count:
        warn(
            "%s: %d records have an id that came before, the first is %s; they are kept",
            source,
            repeats.count,
            repeats.first,
        )


class _RepeatCounter:
    """Counts the ids that came before, with 8 bytes of memory for each distinct id.

    Attributes:
        count: Number of ids that came before, up to the last :meth:`compare`.
        first: The first of them.
    """

    CHUNK = 1 << 13  # ids that are compared at a time

    def __init__(self) -> None:
        self.count = 0
        self.first = ""
        self._names: list[str] = []
        self._seen = np.empty(0, np.int64)  # hashes of distinct ids, sorted

    def add(self, name: str) -> None:
        """Count an id."""
        self._names.append(name)
        if len(self._names) == self.CHUNK:
            self.compare()

    def compare(self) -> None:
        """Compare the ids since the last time with each other and with all before."""
        hashes = np.array([hash(name) for name in self._names], np.int64)
        distinct, first_rows = np.unique(hashes, return_index=True)
        places = np.searchsorted(self._seen, distinct)
        is_new = np.append(self._seen, 0)[places] != distinct
        is_new |= places == len(self._seen)
        is_repeat = np.ones(len(hashes), bool)
        is_repeat[first_rows[is_new]] = False
        repeats = np.flatnonzero(is_repeat)
        if len(repeats) and not self.count:
            self.first = self._names[repeats[0]]
        self.count += len(repeats)
        self._seen = np.insert(self._seen, places[is_new], distinct[is_new])
        self._names = []
