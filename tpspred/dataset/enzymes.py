"""Characterised enzymes, one per distinct sequence, and their table ``dataset.tsv``."""

import csv
import dataclasses
import pathlib
from collections.abc import Iterable, Iterator, Sequence

from ..errors import InputError
from ..io import files
from ..io.fasta import protein_sequence, read_fasta
from ..io.outputs import open_text_outputs
from ..io.paths import Path
from . import ensembles
from .product_types import PRODUCT_TYPES, RELATED_TYPES, TPS_CLASSES
from .reactions import Reaction, read_reactions
from .structures import without_stereo


@dataclasses.dataclass(frozen=True)
class Enzyme:
    """One distinct sequence with everything that is known about it.

    Attributes:
        id: The smallest MARTS-DB enzyme id of the sequence.
        sequence: Normalised residues.
        species: Names of species, in the order of the export, each once.
        kingdom: Names of kingdoms, in the order of the export, each once.
        ensembles: Slugs of product ensembles, in the order of ``ensembles.SLUGS``.
        product_types: Types of products such as ``mono``, sorted.
        tps_classes: Classes, ``1`` or ``2``, sorted.
        substrates: Names of substrates, sorted.
        products: Names of products, in the order of the export, each once.
        structures: Structures of products as SMILES without stereochemistry, in the order of the
            export, each once.
        accessions: UniProt or, without one, GenBank accessions, each once.
    """

    id: str
    sequence: str
    species: tuple[str, ...]
    kingdom: tuple[str, ...]
    ensembles: tuple[str, ...]
    product_types: tuple[str, ...]
    tps_classes: tuple[str, ...]
    substrates: tuple[str, ...]
    products: tuple[str, ...]
    structures: tuple[str, ...]
    accessions: tuple[str, ...]

    @property
    def is_tps(self) -> bool:
        """Whether it is a terpene synthase in the strict sense, and not only a relative of them."""
        return not RELATED_TYPES.issuperset(self.product_types)


COLUMNS = [field.name for field in dataclasses.fields(Enzyme)]
# Names of substrates and products contain ';' and ',', so these columns are joined with '|'.
SEPARATORS = {
    "species": "|",
    "kingdom": "|",
    "ensembles": ";",
    "product_types": ";",
    "tps_classes": ";",
    "substrates": "|",
    "products": "|",
    "structures": "|",
    "accessions": "|",
}


# Columns that name nothing but these.
KNOWN_NAMES = {
    "ensembles": ensembles.SLUGS,
    "product_types": tuple(PRODUCT_TYPES),
    "tps_classes": tuple(TPS_CLASSES),
}


def from_reactions(reactions: Iterable[Reaction]) -> list[Enzyme]:
    """Group reactions by sequence.

    Args:
        reactions: Rows of a MARTS-DB export.

    Returns:
        One enzyme per distinct sequence, sorted by id.

    Raises:
        InputError: If one enzyme id has two different sequences.
    """
    by_sequence: dict[str, list[Reaction]] = {}
    sequence_of: dict[str, str] = {}
    for reaction in reactions:
        by_sequence.setdefault(reaction.sequence, []).append(reaction)
        if sequence_of.setdefault(reaction.enzyme, reaction.sequence) != reaction.sequence:
            raise InputError.at(
                f"enzyme {reaction.enzyme}",
                "two different sequences",
                "one sequence per enzyme id",
            )
    enzymes = [_enzyme(sequence, rows) for sequence, rows in by_sequence.items()]
    return sorted(enzymes, key=lambda enzyme: enzyme.id)


def _enzyme(sequence: str, rows: Sequence[Reaction]) -> Enzyme:
    """Make one enzyme from all reactions of a sequence."""
    slugs = {slug for row in rows for slug in row.ensembles}
    accessions = [row.uniprot or row.genbank for row in rows]

    def values(field: str) -> tuple[str, ...]:
        """Return the values of a field, each once, in the order of the rows."""
        return tuple(dict.fromkeys(getattr(row, field) for row in rows))

    return Enzyme(
        id=min(row.enzyme for row in rows),
        sequence=sequence,
        species=values("species"),
        kingdom=values("kingdom"),
        ensembles=tuple(slug for slug in ensembles.SLUGS if slug in slugs),
        product_types=tuple(sorted(values("product_type"))),
        tps_classes=tuple(sorted(values("tps_class"))),
        substrates=tuple(sorted(values("substrate"))),
        products=values("product"),
        structures=tuple(dict.fromkeys(without_stereo(row.product_smiles) for row in rows)),
        accessions=tuple(dict.fromkeys(filter(None, accessions))),
    )


def write_enzymes(enzymes: Sequence[Enzyme], target: Path, fasta: Path | None = None) -> int:
    """Write ``dataset.tsv``, one row per enzyme, and return the number of rows.

    Args:
        enzymes: Enzymes.
        target: Table to write.
        fasta: FASTA file to write the sequences to as well, for ``tpspred embed``.
    """
    with open_text_outputs([fasta, target] if fasta else [target]) as (*fasta_handles, handle):
        for fasta_handle in fasta_handles:
            fasta_handle.writelines(f">{enzyme.id}\n{enzyme.sequence}\n" for enzyme in enzymes)
        table = csv.writer(
            handle,
            delimiter="\t",
            lineterminator="\n",
            quoting=csv.QUOTE_NONE,
            quotechar=None,
        )
        table.writerow(COLUMNS)
        for enzyme in enzymes:
            table.writerow(_cell(enzyme, name) for name in COLUMNS)
    return len(enzymes)


def _cell(enzyme: Enzyme, name: str) -> str:
    """Return one cell of ``dataset.tsv``."""
    if name in SEPARATORS:
        return SEPARATORS[name].join(getattr(enzyme, name))
    return getattr(enzyme, name)


def read_enzymes(source: Path) -> list[Enzyme]:
    """Read a table that :func:`write_enzymes` wrote.

    Args:
        source: TSV file, plain, gzip or xz; '-' for standard input.

    Returns:
        The enzymes in the order of the rows.

    Raises:
        InputError: If a column is missing, a row has another number of columns, an id is empty or
            comes twice, a sequence cannot be scored, or an ensemble or product type is unknown.
    """
    with files.open_bytes(source) as stream:
        rows = table_rows(files.lines(stream, source), source, COLUMNS, "made by tpspred prepare")
        return [enzyme_of_row(row) for row in rows]


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table with tabs.

    Attributes:
        place: File and line, for error messages.
        cells: Cell by column.
    """

    place: str
    cells: dict[str, str]


def table_rows(
    numbered_lines: Iterable[tuple[int, str]],
    source: Path,
    columns: Sequence[str],
    wanted: str,
) -> Iterator[Row]:
    """Yield the rows of a table with tabs, in which every enzyme has an id of its own.

    Args:
        numbered_lines: Number and text of every line; the first one is the header.
        source: Name of the file, for error messages.
        columns: Columns that the table must have, ``id`` among them. It may have others.
        wanted: Which table is wanted, such as ``made by tpspred prepare``, for error messages.

    Raises:
        InputError: If a column is missing or comes twice, a row has another number of columns, or
            an id is empty or comes twice.
    """
    numbered_lines = iter(numbered_lines)
    _, first_line = next(numbered_lines, (1, ""))
    header = first_line.split("\t")
    missing = [name for name in columns if name not in header]
    twice = [name for name in header if header.count(name) > 1]
    if missing or twice:
        wrong = f"no column {', '.join(missing)}" if missing else f"two columns {twice[0]}"
        begin = first_line[: files.BEGIN].encode()
        raise InputError.at(f"{source}, line 1", files.described(begin, wrong), f"a table {wanted}")
    ids: set[str] = set()
    for number, line in numbered_lines:
        place = f"{source}, line {number}"
        cells = line.split("\t")
        if len(cells) != len(header):
            raise InputError.at(place, f"{len(cells)} columns", f"{len(header)} columns")
        row = Row(place, dict(zip(header, cells)))
        id = row.cells["id"]
        if not id or id in ids:
            raise InputError.at(
                place,
                f"the id {id}, which came before" if id else "no id",
                "an id that no other enzyme has",
            )
        ids.add(id)
        yield row


def enzyme_of_row(row: Row) -> Enzyme:
    """Make an enzyme from one row; what the table has no column for stays empty.

    Args:
        row: Cells as in ``dataset.tsv``.

    Raises:
        InputError: If the sequence cannot be scored, or a name is unknown.
    """
    names = {
        name: tuple(filter(None, row.cells.get(name, "").split(separator)))
        for name, separator in SEPARATORS.items()
    }
    for column, known in KNOWN_NAMES.items():
        unknown = [name for name in names[column] if name not in known]
        if unknown:
            raise InputError.at(
                f"{row.place}, column {column}", ", ".join(unknown), f"some of {', '.join(known)}"
            )
    sequence = protein_sequence(row.cells["sequence"], f"{row.place}, column sequence")
    return Enzyme(id=row.cells["id"], sequence=sequence, **names)


def read_enzyme_sequences(source: Path) -> dict[str, str]:
    """Read sequences of characterised enzymes, to align proteins with.

    Args:
        source: MARTS-DB export (CSV), or FASTA with MARTS-DB ids or accessions; plain, gzip or xz.

    Returns:
        Sequence by name. From an export, the names are MARTS-DB ids and accessions.

    Raises:
        InputError: If the file is neither, or contains no sequence that can be scored.
    """
    if ".csv" in pathlib.Path(source).suffixes:
        enzymes = from_reactions(read_reactions(source))
        sequence_of = {
            name: enzyme.sequence for enzyme in enzymes for name in (*enzyme.accessions, enzyme.id)
        }
    else:
        records = read_fasta(source)
        sequence_of = {record.id: record.sequence for record in records if not record.problem}
    if not sequence_of:
        raise InputError.at(source, "no sequence", "a MARTS-DB export or FASTA of its enzymes")
    return sequence_of
