"""From protein to genome coordinates, through the coding sequences of an annotation (GFF3)."""

import dataclasses
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..console import warn
from ..errors import InputError
from ..io import files
from ..io.files import Source
from .loci import Gene

COLUMNS = 9
CDS = "CDS"
GENE = "gene"  # how the types of genes end, such as that of a pseudogene
PROTEIN_ID = "protein_id"
# Attributes of a transcript without a Parent that may name its gene.
GENE_ATTRIBUTES = ("geneID", "gene_id")
# Attributes of a CDS, or of its transcript, that may name the protein.
NAME_ATTRIBUTES = (PROTEIN_ID, "ID", "Name")
MAX_DIGITS = 12  # of a position; the largest genomes have 12 digits of bases
MAX_NAMED = 5  # proteins that a message names

Interval = tuple[int, int]  # first and last residue or base, 1-based inclusive
# What the exons of one coding sequence have in common: parent, and protein_id or ''.
CodingKey = tuple[str, str]


class Location(NamedTuple):
    """Where residues lie.

    Attributes:
        sequence: Name of the protein, chromosome or contig.
        strand: ``+`` or ``-``, or ``.`` on a protein.
        intervals: Intervals of the sequence, in ascending order.
    """

    sequence: str
    strand: str
    intervals: list[Interval]


# Returns where the first to the last residue of a protein lie, 1-based inclusive.
Lift = Callable[[int, int], Location]


@dataclasses.dataclass(frozen=True)
class CodingSequence:
    """Where the codons of one protein lie on a genome.

    Attributes:
        sequence: Name of the chromosome or contig.
        strand: ``+`` or ``-``.
        parts: Intervals of bases, in the direction of translation, from the first whole codon on.
    """

    sequence: str
    strand: str
    parts: tuple[Interval, ...]

    @property
    def bases(self) -> int:
        """Number of bases from the first whole codon on."""
        return sum(end - start + 1 for start, end in self.parts)

    def lift(self, first: int, last: int) -> list[Interval]:
        """Return where residues lie: one interval of bases for each exon that they touch.

        Args:
            first: First residue, 1-based.
            last: Last residue, 1-based inclusive.

        Returns:
            Intervals of bases, in ascending order.

        >>> CodingSequence("chr1", "+", ((11, 14), (21, 28))).lift(2, 2)
        [(14, 14), (21, 22)]
        >>> CodingSequence("chr1", "-", ((25, 28), (11, 18))).lift(2, 2)
        [(17, 18), (25, 25)]
        """
        # The residues are the coding bases from begin (0-based) to end (exclusive).
        begin = 3 * (first - 1)
        end = 3 * last
        passed = 0  # coding bases in the exons before this one
        intervals = []
        for low, high in self.parts:
            width = high - low + 1
            exon_begin = max(begin - passed, 0)
            exon_end = min(end - passed, width)
            passed += width
            if exon_begin >= exon_end:
                continue
            if self.strand == "+":
                intervals.append((low + exon_begin, low + exon_end - 1))
            else:
                intervals.append((high - exon_end + 1, high - exon_begin))
        return sorted(intervals)

    def locate(self, first: int, last: int) -> Location:
        """Return where residues lie, with chromosome and strand."""
        return Location(self.sequence, self.strand, self.lift(first, last))


class Annotation:
    """The coding sequences of a genome, by the name of their protein.

    Args:
        source: Path of a GFF3 file, plain or compressed, or '-' for standard input; or such an
            input that is open already.

    Attributes:
        genes: The genes that code for proteins.
        gene_of: Name of the gene by the names of a protein.

    Raises:
        InputError: If a line is no GFF3, with file and line, or if there is no CDS at all.
    """

    def __init__(self, source: Source) -> None:
        self.source = files.name_of(source)
        self._coding_of, self._keys_of, self.gene_of, self.genes = _read_coding_sequences(source)
        self._called: set[str] = set()  # proteins that were to be lifted
        self._problems: dict[str, str] = {}  # protein → why it cannot be lifted

    def place(self, name: str, length_aa: int) -> Lift | None:
        """Look up the coding sequence of a protein, and remember if there is none that fits.

        Args:
            name: Id of the protein.
            length_aa: Number of its residues.

        Returns:
            Function from first and last residue to their location; None if the protein cannot be
            lifted.
        """
        self._called.add(name)
        if name not in self._coding_of:
            self._problems[name] = "no CDS of that name"
            return None
        coding = self._coding_of[name]
        if coding is None:
            self._problems[name] = "a CDS on several strands"
            return None
        if coding.bases - 3 * length_aa not in (0, 3):  # without or with the stop codon
            self._problems[name] = f"{length_aa} residues, but {coding.bases} coding bases"
            return None
        return coding.locate

    def keys(self, name: str) -> list[CodingKey]:
        """Return the key of a protein's coding sequence, and of those with the same exons.

        Args:
            name: Id of a protein for which :meth:`place` found its place.
        """
        return self._keys_of[name]

    def check(self) -> None:
        """Warn about the proteins that :meth:`place` could not lift.

        Raises:
            InputError: If none of them could be lifted.
        """
        if not self._problems:
            return
        shown = list(self._problems.items())[:MAX_NAMED]
        named = "; ".join(f"{name} ({reason})" for name, reason in shown)
        others = len(self._problems) - len(shown)
        if others:
            named += f" and {others} others"
        called = len(self._called)
        if len(self._problems) == called:
            raise InputError.at(
                self.source,
                f"none of the {called} called proteins: {named}",
                "an annotation of the same proteins (protein_id, ID or Name)",
            )
        warn("%d of %d called proteins are not in the GFF3: %s", len(self._problems), called, named)


class _Exon(NamedTuple):
    """The part of a coding sequence that one line of a GFF3 file describes.

    Attributes:
        sequence: Name of the chromosome or contig, still escaped.
        strand: ``+`` or ``-``.
        start, end: Bases, 1-based inclusive.
        phase: Bases before the first whole codon, 0 to 2.
    """

    sequence: str
    strand: str
    start: int
    end: int
    phase: int


class Feature(NamedTuple):
    """One line of a GFF3 file.

    Attributes:
        line: Its number, 1-based.
        kind: Type of the feature, such as ``CDS``.
        exon: What the line describes, if it is a CDS; else None.
        attributes: Values by name, without escapes.
        parents: The values of Parent, without escapes.
    """

    line: int
    kind: str
    exon: _Exon | None
    attributes: dict[str, str]
    parents: list[str]

    @property
    def names(self) -> list[str]:
        """Names that may be those of a protein."""
        return [self.attributes[name] for name in NAME_ATTRIBUTES if name in self.attributes]


def _read_coding_sequences(
    source: Source,
) -> tuple[
    dict[str, CodingSequence | None], dict[str, list[CodingKey]], dict[str, str], list[Gene]
]:
    """Read the coding sequences of an annotation.

    Returns:
        (coding sequence by the name of the protein, of its CDS or of its transcript, None for one
        that lies on several strands; keys of coding sequences by the same names; name of the gene
        by the same names; genes). If different coding sequences have the same name, it is that of
        the first.
    """
    exons: dict[CodingKey, list[_Exon]] = {}
    protein_names: dict[CodingKey, dict[str, None]] = {}  # each name once
    transcript_names: dict[str, list[str]] = {}  # by the ID of the transcript
    above: dict[str, str] = {}  # what a feature that is no gene is a part of, by its ID
    for feature in read_features(source):
        if feature.exon is not None:
            for key in coding_keys(feature):
                exons.setdefault(key, []).append(feature.exon)
                protein_names.setdefault(key, {}).update(dict.fromkeys(feature.names))
        elif "ID" in feature.attributes:
            transcript_names[feature.attributes["ID"]] = feature.names
            if part_of := _part_of(feature):
                above[feature.attributes["ID"]] = part_of
    if not exons:
        raise InputError.at(
            files.name_of(source), "no CDS", "an annotation in GFF3 with coding sequences"
        )

    coding_of: dict[str, CodingSequence | None] = {}
    keys_of: dict[str, list[CodingKey]] = {}
    gene_of: dict[str, str] = {}
    exons_of_gene: dict[str, list[_Exon]] = {}
    for key, parts in exons.items():
        parent, _ = key
        coding = _join(parts)
        gene = _top(parent, above)
        exons_of_gene.setdefault(gene, []).extend(parts)
        names = (*protein_names[key], parent, *transcript_names.get(parent, ()))
        for name in dict.fromkeys(names):
            if coding_of.setdefault(name, coding) == coding:
                keys_of.setdefault(name, []).append(key)
            gene_of.setdefault(name, gene)
    return coding_of, keys_of, gene_of, list(_genes(exons_of_gene))


def _part_of(feature: Feature) -> str:
    """Return the transcript or gene that a feature is a part of; '' for a gene, or if it has none.

    A gene may itself be a part of something, such as an operon, which does not matter here.
    """
    if feature.kind.endswith(GENE):
        return ""
    names = (feature.attributes.get(attribute) for attribute in GENE_ATTRIBUTES)
    return next(filter(None, (*feature.parents, *names)), "")


def _top(name: str, above: Mapping[str, str]) -> str:
    """Return what a transcript belongs to in the end, which is its gene if it has one.

    >>> _top("t1", {"t1": "g1", "t2": "g1"}), _top("a", {"a": "b", "b": "a"})
    ('g1', 'b')
    """
    passed = {name}
    while name in above and above[name] not in passed:
        name = above[name]
        passed.add(name)
    return name


def _genes(exons_of_gene: Mapping[str, Sequence[_Exon]]) -> Iterator[Gene]:
    """Yield the genes whose coding exons, of all isoforms, lie on one chromosome or contig."""
    for name, exons in exons_of_gene.items():
        if len({exon.sequence for exon in exons}) == 1:
            start = min(exon.start for exon in exons)
            end = max(exon.end for exon in exons)
            yield Gene(name, urllib.parse.unquote(exons[0].sequence), start, end)


def read_features(source: Source) -> Iterator[Feature]:
    """Yield the feature of each line of a GFF3 file, up to a part with sequences.

    Raises:
        InputError: If a line is no GFF3, or a CDS has no name, with file and line.
    """
    name = files.name_of(source)
    with files.open_bytes(source) as stream:
        for number, line in files.lines(stream, name):
            if line.startswith(("##FASTA", ">")):
                break
            if line.strip() and not line.startswith("#"):
                feature = _parse(line, number, f"{name}, line {number}")
                if feature.exon is not None and not coding_keys(feature):
                    raise InputError.at(
                        f"{name}, line {number}",
                        f"a CDS without Parent, {', '.join(NAME_ATTRIBUTES)}",
                        "one of them",
                    )
                yield feature


def _parse(line: str, number: int, place: str) -> Feature:
    """Parse one line of a GFF3 file.

    Args:
        line: Text without line end.
        number: Its number.
        place: File and line, for error messages.
    """
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        raise InputError.at(place, f"{len(columns)} columns", f"{COLUMNS} columns of GFF3")
    sequence, _, kind, start, end, _, strand, phase, text = columns
    if not (_is_position(start) and _is_position(end) and 0 < int(start) <= int(end)):
        raise InputError.at(
            place, f"start {start} and end {end}", "numbers, the start not above the end"
        )
    if kind == CDS and (strand not in ("+", "-") or phase not in ("0", "1", "2")):
        raise InputError.at(
            place, f"strand {strand} and phase {phase} of a CDS", "+ or - and 0, 1 or 2"
        )
    attributes = {}
    parents: list[str] = []
    for pair in text.split(";"):
        if pair.strip():
            key, _, value = pair.partition("=")
            key = key.strip()
            value = value.strip()
            attributes[key] = urllib.parse.unquote(value)
            if key == "Parent":
                # A comma in escapes is a part of a name.
                parents = [urllib.parse.unquote(parent) for parent in value.split(",") if parent]
    exon = None
    if kind == CDS:
        exon = _Exon(sequence, strand, int(start), int(end), int(phase))
    return Feature(number, kind, exon, attributes, parents)


def _is_position(text: str) -> bool:
    """Return whether a text is a whole number that may be a position on a chromosome."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


def coding_keys(feature: Feature) -> list[CodingKey]:
    """Return the keys of the coding sequences that a CDS is a part of; [] if it has no name.

    A gene without transcripts may have several proteins, which only protein_id tells apart.
    """
    parents = feature.parents or list(filter(None, feature.names))[:1]
    return [(parent, feature.attributes.get(PROTEIN_ID, "")) for parent in parents]


def _join(exons: Sequence[_Exon]) -> CodingSequence | None:
    """Join exons, in any order, to one coding sequence; None if they lie on several strands."""
    sequence = exons[0].sequence
    strand = exons[0].strand
    if any((exon.sequence, exon.strand) != (sequence, strand) for exon in exons):
        return None
    ordered = sorted(
        exons, key=lambda exon: (exon.start, exon.end, exon.phase), reverse=strand == "-"
    )
    first, *others = ordered
    if strand == "+":
        first_part = (first.start + first.phase, first.end)
    else:
        first_part = (first.start, first.end - first.phase)
    parts = (first_part, *((exon.start, exon.end) for exon in others))
    return CodingSequence(urllib.parse.unquote(sequence), strand, parts)
