"""Protein coordinates → genome coordinates, through the coding sequences of an annotation (GFF3)."""

import collections
import dataclasses
import urllib.parse

from ..console import warn
from ..errors import InputError
from ..io import files

COLUMNS = 9
NAMED = (
    "protein_id",
    "ID",
    "Name",
)  # attributes by which a protein is found, of its CDS or of the transcript
SHOWN = 5


@dataclasses.dataclass(frozen=True)
class CodingSequence:
    """One protein's coding sequence: where its codons lie.

    Attributes:
        sequence: Name of the chromosome or contig.
        strand: ``+`` or ``-``.
        parts: ((start, end), …), bases, 1-based inclusive, in the direction of translation, from the first whole codon on.
    """

    sequence: str
    strand: str
    parts: tuple

    @property
    def bases(self):
        """Number of bases from the first whole codon on."""
        return sum(end - start + 1 for start, end in self.parts)

    def lift(self, first, last):
        """Where residues lie: one interval per exon that they touch, in ascending order.

        Args:
            first, last: Residues, 1-based inclusive.

        Returns:
            List of (start, end), bases, 1-based inclusive.

        >>> CodingSequence("chr1", "+", ((11, 14), (21, 28))).lift(2, 2)
        [(14, 14), (21, 22)]
        >>> CodingSequence("chr1", "-", ((25, 28), (11, 18))).lift(2, 2)
        [(17, 18), (25, 25)]
        """
        begin, end, passed, found = 3 * (first - 1), 3 * last, 0, []
        for low, high in self.parts:
            width = high - low + 1
            one, other = max(begin - passed, 0), min(end - passed, width)
            if one < other:
                found.append(
                    (low + one, low + other - 1)
                    if self.strand == "+"
                    else (high - other + 1, high - one)
                )
            passed += width
        return sorted(found)


class Annotation:
    """The coding sequences of a genome, by protein.

    Args:
        source: Path of a GFF3 file, plain or gzip, or '-'.

    Raises:
        InputError: A line that is no GFF3, with file and line; no CDS at all.
    """

    def __init__(self, source):
        self.source, self._lost = source, {}
        self._of = _coding_sequences(source)

    def place(self, name, length_aa):
        """How a protein's residues lie on the genome.

        Returns:
            Function: (first, last) residue → (sequence, strand, [(start, end)]); None if it cannot be lifted.
        """
        coding = self._of.get(name)
        if coding is None:
            self._lost[name] = (
                "a CDS on several strands" if name in self._of else "no CDS of that name"
            )
            return None
        if coding.bases - 3 * length_aa not in (0, 3):  # with or without the stop codon
            self._lost[name] = f"{length_aa} residues, but {coding.bases} coding bases"
            return None
        return lambda first, last: (coding.sequence, coding.strand, coding.lift(first, last))

    def check(self, called):
        """Name what could not be lifted.

        Args:
            called: Number of proteins that were to be lifted.

        Raises:
            InputError: If not one of them could be.
        """
        if not self._lost:
            return
        named = "; ".join(f"{name} ({reason})" for name, reason in list(self._lost.items())[:SHOWN])
        more = f" and {len(self._lost) - SHOWN} others" if len(self._lost) > SHOWN else ""
        if len(self._lost) == called:
            raise InputError.at(
                self.source,
                f"none of the {called} called proteins: {named}{more}",
                "an annotation of the same proteins (protein_id, ID or Name)",
            )
        warn(
            "%d of %d called proteins are not in the GFF3: %s%s",
            len(self._lost),
            called,
            named,
            more,
        )


def _coding_sequences(source):
    """{name of a protein: CodingSequence, or None for one that changes strand}; of several with one name the first."""
    segments, names, transcripts = collections.defaultdict(list), collections.defaultdict(dict), {}
    with files.open_bytes(source) as stream:
        for number, line in files.lines(stream, source):
            if line.startswith("##FASTA") or line.startswith(">"):
                break
            if not line.strip() or line.startswith("#"):
                continue
            sequence, kind, start, end, strand, phase, attributes = _fields(
                line, f"{source}, line {number}"
            )
            if kind != "CDS":
                if "ID" in attributes:
                    transcripts[attributes["ID"]] = [
                        attributes[key] for key in NAMED if key in attributes
                    ]
                continue
            key = next(
                (attributes[name] for name in ("Parent", *NAMED) if attributes.get(name)), None
            )
            if key is None:
                raise InputError.at(
                    f"{source}, line {number}",
                    f"a CDS without Parent, {', '.join(NAMED)}",
                    "one of them",
                )
            for parent in key.split(","):
                segments[parent].append((sequence, strand, start, end, int(phase)))
                names[parent] |= dict.fromkeys(
                    attributes[name] for name in NAMED if name in attributes
                )
    if not segments:
        raise InputError.at(source, "no CDS", "an annotation in GFF3 with coding sequences")
    found = {}
    for parent, parts in segments.items():
        coding = _join(parts)
        for name in (*names[parent], parent, *transcripts.get(parent, ())):
            found.setdefault(name, coding)
    return found


def _fields(line, place):
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        raise InputError.at(place, f"{len(columns)} columns", f"{COLUMNS} columns of GFF3")
    sequence, _, kind, start, end, _, strand, phase, text = columns
    if not (start.isdigit() and end.isdigit() and 0 < int(start) <= int(end)):
        raise InputError.at(
            place, f"start {start} and end {end}", "numbers, the start not above the end"
        )
    if kind == "CDS" and (strand not in "+-" or phase not in "012" or not strand or not phase):
        raise InputError.at(
            place, f"strand {strand} and phase {phase} of a CDS", "+ or - and 0, 1 or 2"
        )
    pairs = (pair.partition("=") for pair in text.split(";") if pair.strip())
    attributes = {key.strip(): urllib.parse.unquote(value.strip()) for key, _, value in pairs}
    return sequence, kind, int(start), int(end), strand, phase, attributes


def _join(parts):
    """One coding sequence from the segments of its exons, in whatever order they stand; None if they change strand."""
    if len({(sequence, strand) for sequence, strand, *_ in parts}) > 1:
        return None
    sequence, strand = parts[0][:2]
    ordered = sorted(
        ((start, end, phase) for *_, start, end, phase in parts), reverse=strand == "-"
    )
    start, end, phase = ordered[0]
    first = (start + phase, end) if strand == "+" else (start, end - phase)
    return CodingSequence(
        urllib.parse.unquote(sequence),
        strand,
        (first, *((low, high) for low, high, _ in ordered[1:])),
    )
