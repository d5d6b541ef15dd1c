"""Several tables of characterised enzymes, read together, compared and merged."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from ..errors import InputError
from ..io import files
from ..io.paths import Path
from .additional import AdditionalEnzyme, parse_additional
from .enzymes import Enzyme, from_reactions
from .reactions import Reaction, parse_reactions
from .structures import without_stereo


@dataclasses.dataclass(frozen=True)
class EnzymeTable:
    """The enzymes of one table.

    Attributes:
        source: Name of the file.
        enzymes: Enzymes, one per row of a table of additional enzymes, and one per distinct
            sequence of an export.
        sequence_of: Sequence of every enzyme id in the table, also where several have the same.
    """

    source: str
    enzymes: list[Enzyme]
    sequence_of: Mapping[str, str]


def read_tables(sources: Sequence[Path]) -> list[EnzymeTable]:
    """Read tables of characterised enzymes.

    Args:
        sources: Files, plain, gzip or xz; '-' for standard input. Each is a MARTS-DB export (CSV),
            or a table of additional enzymes whose header has tabs.

    Returns:
        The tables in the same order. A product that has no name gets the commonest one that the
        exports have for its structure without stereochemistry, or else that structure as SMILES.

    Raises:
        InputError: If a table cannot be read. The message names file, line and column.
        MissingDependency: If a structure is new and RDKit is not installed.
    """
    contents = [_read_content(source) for source in sources]
    names = ProductNames(reaction for content in contents for reaction in content.reactions)
    return [_enzyme_table(content, names) for content in contents]


def read_structures(sources: Sequence[Path]) -> set[str]:
    """Return the structures of all products in tables of characterised enzymes, as written there.

    Args:
        sources: Files as for :func:`read_tables`.
    """
    contents = [_read_content(source) for source in sources]
    of_exports = {reaction.product_smiles for content in contents for reaction in content.reactions}
    of_others = {
        smiles for content in contents for row in content.additional for smiles in row.structures
    }
    return of_exports | of_others


@dataclasses.dataclass(frozen=True)
class _Content:
    """What stands in one file: the rows of an export, or else those of additional enzymes."""

    source: str
    reactions: list[Reaction]
    additional: list[AdditionalEnzyme]


def _read_content(source: Path) -> _Content:
    """Read a file of either kind, which its header tells."""
    with files.open_bytes(source) as stream:
        numbered_lines = list(files.lines(stream, source))
    has_tabs = bool(numbered_lines) and "\t" in numbered_lines[0][1]
    if has_tabs:
        return _Content(str(source), [], parse_additional(numbered_lines, source))
    return _Content(str(source), parse_reactions(numbered_lines, source), [])


def _enzyme_table(content: _Content, names: "ProductNames") -> EnzymeTable:
    """Make enzymes of what stands in one file."""
    try:
        enzymes = from_reactions(content.reactions)
    except InputError as error:
        raise InputError(f"{content.source}: {error}") from None
    sequence_of = {reaction.enzyme: reaction.sequence for reaction in content.reactions}
    for row in content.additional:
        enzymes.append(dataclasses.replace(row.enzyme, products=names.of(row)))
        sequence_of[row.enzyme.id] = row.enzyme.sequence
    return EnzymeTable(content.source, enzymes, sequence_of)


class ProductNames:
    """Names of products by their structures without stereochemistry.

    Args:
        reactions: Rows of MARTS-DB exports.
    """

    def __init__(self, reactions: Iterable[Reaction]) -> None:
        # Structure without stereochemistry → number of reactions by name of their product.
        self._counts: dict[str, collections.Counter[str]] = {}
        # Sequence → structures of its products, without stereochemistry.
        self._made_by: dict[str, set[str]] = {}
        for reaction in reactions:
            structure = without_stereo(reaction.product_smiles)
            self._counts.setdefault(structure, collections.Counter())[reaction.product] += 1
            self._made_by.setdefault(reaction.sequence, set()).add(structure)

    def of(self, row: AdditionalEnzyme) -> tuple[str, ...]:
        """Return the names of the products of an additional enzyme, each once.

        Products that an export has for the same sequence are left out: they have a name there.
        """
        structures = map(without_stereo, row.structures)
        names = row.enzyme.products or ("",) * len(row.structures)
        already_named = self._made_by.get(row.enzyme.sequence, set())
        return tuple(
            dict.fromkeys(
                name or self.commonest(structure)
                for name, structure in zip(names, structures)
                if structure not in already_named
            )
        )

    def commonest(self, structure: str) -> str:
        """Return the name that most reactions have, the first of several, or else the structure.

        Args:
            structure: SMILES without stereochemistry, as :func:`structures.without_stereo` has it.
        """
        if structure not in self._counts:
            return structure
        return self._counts[structure].most_common(1)[0][0]


def describe_tables(tables: Sequence[EnzymeTable]) -> list[str]:
    """Say in one line for each table how many enzymes it has and how many sequences are new."""
    seen: set[str] = set()
    described = []
    for table in tables:
        sequences = set(table.sequence_of.values())
        text = f"{table.source}: {len(table.sequence_of):,} enzymes"
        text += f", {len(sequences):,} distinct sequences"
        if table is not tables[0]:
            text += f", {len(sequences - seen):,} of them new"
        seen |= sequences
        described.append(text)
    return described


def merge_tables(tables: Sequence[EnzymeTable]) -> list[Enzyme]:
    """Join tables to one enzyme per distinct sequence.

    Returns:
        Enzymes, sorted by id; a sequence of several tables has the smallest id, and what any of
        the tables knows.

    Raises:
        InputError: If the tables contradict each other: two sequences with one id or accession, or
            one sequence with two product types or ensembles. The message names both.
    """
    _check_names(tables)
    merged: dict[str, _Entry] = {}
    for table in tables:
        for enzyme in table.enzymes:
            entry = _Entry(enzyme, table.source)
            earlier = merged.get(enzyme.sequence)
            merged[enzyme.sequence] = _joined(earlier, entry) if earlier else entry
    return sorted((entry.enzyme for entry in merged.values()), key=lambda enzyme: enzyme.id)


@dataclasses.dataclass(frozen=True)
class _Entry:
    """An enzyme, and the table that it comes from."""

    enzyme: Enzyme
    source: str

    @property
    def place(self) -> str:
        """Table and id for error messages."""
        return f"{self.source}, enzyme {self.enzyme.id}"


def _joined(earlier: _Entry, later: _Entry) -> _Entry:
    """Join what two tables know about one sequence.

    Raises:
        InputError: If they have other product types or ensembles.
    """
    for field, what in (("product_types", "product types"), ("ensembles", "ensembles")):
        texts = [";".join(getattr(entry.enzyme, field)) or "none" for entry in (earlier, later)]
        if texts[0] != texts[1]:
            raise InputError.at(
                f"{earlier.place}, and {later.place}",
                f"one sequence with the {what} {texts[0]} and {texts[1]}",
                "the same in both; correct or remove one of them",
            )

    def union(field: str) -> tuple[str, ...]:
        """Return the values of a field in both tables, each once."""
        values = (*getattr(earlier.enzyme, field), *getattr(later.enzyme, field))
        return tuple(dict.fromkeys(values))

    enzyme = Enzyme(
        id=min(earlier.enzyme.id, later.enzyme.id),
        sequence=earlier.enzyme.sequence,
        species=union("species"),
        kingdom=union("kingdom"),
        ensembles=earlier.enzyme.ensembles,
        product_types=earlier.enzyme.product_types,
        tps_classes=tuple(sorted(union("tps_classes"))),
        substrates=tuple(sorted(union("substrates"))),
        products=union("products"),
        structures=union("structures"),
        accessions=union("accessions"),
    )
    return _Entry(enzyme, earlier.source)


def _check_names(tables: Sequence[EnzymeTable]) -> None:
    """Refuse an id or accession that has another sequence in another table.

    Raises:
        InputError: If there is one. The message names both tables.
    """
    for what, named in (("id", _by_id), ("accession", _by_accession)):
        sequences: dict[str, tuple[str, EnzymeTable]] = {}
        for table in tables:
            for name, sequence in named(table):
                other, owner = sequences.setdefault(name, (sequence, table))
                if other != sequence and owner is not table:
                    raise InputError.at(
                        f"{owner.source} and {table.source}, {what} {name}",
                        _difference(other, sequence),
                        f"one sequence for each {what}",
                    )


def _by_id(table: EnzymeTable) -> Iterable[tuple[str, str]]:
    """Return (id, sequence) of every enzyme."""
    return table.sequence_of.items()


def _by_accession(table: EnzymeTable) -> Iterable[tuple[str, str]]:
    """Return (accession, sequence) of every enzyme."""
    return (
        (accession, enzyme.sequence) for enzyme in table.enzymes for accession in enzyme.accessions
    )


def _difference(first: str, second: str) -> str:
    """Say how two sequences differ.

    >>> _difference("MKV", "MKL")
    'sequences of 3 and 3 residues that differ from residue 3 on'
    """
    same = next(
        (index for index, pair in enumerate(zip(first, second)) if pair[0] != pair[1]),
        min(len(first), len(second)),
    )
    return (
        f"sequences of {len(first)} and {len(second)} residues that differ from residue "
        f"{same + 1} on"
    )
