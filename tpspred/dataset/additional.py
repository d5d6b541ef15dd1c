"""Characterised enzymes that no MARTS-DB export has, read from a table with tabs."""

import dataclasses
from collections.abc import Iterable

from ..errors import InputError
from ..io.paths import Path
from . import ensembles
from .enzymes import SEPARATORS, Enzyme, Row, enzyme_of_row, table_rows
from .product_types import refuse_negative
from .reactions import FORBIDDEN
from .structures import without_stereo

STRUCTURES = "products_smiles_nostereo"  # column of the products' structures
# The columns ensembles, species, kingdom, tps_classes, substrates, products and accessions may be
# absent, and any other column is ignored.
COLUMNS = ("id", "product_types", STRUCTURES, "sequence")
TYPE_COLUMNS = ("product_types", "type")  # where tables of other projects say that it is none
WANTED = f"of additional enzymes, with the columns {', '.join(COLUMNS)}"


@dataclasses.dataclass(frozen=True)
class AdditionalEnzyme:
    """One row of a table of additional enzymes.

    Attributes:
        enzyme: What is known. Its products are the names that the table gives, one for each
            structure, or none.
        structures: Structures of its products as SMILES.
    """

    enzyme: Enzyme
    structures: tuple[str, ...]


def parse_additional(
    numbered_lines: Iterable[tuple[int, str]], source: Path
) -> list[AdditionalEnzyme]:
    """Read a table of additional enzymes and assign every product to its ensembles.

    Args:
        numbered_lines: Number and text of every line. Empty lines are left out.
        source: Name of the file, for error messages.

    Returns:
        One enzyme per row, in the order of the file.

    Raises:
        InputError: If a column is missing, a row has the wrong length, a value is empty or
            unknown, a protein is inactive, a structure cannot be read, or the ensembles of a row
            are not those of its structures. The message names file, line and column.
        MissingDependency: If a structure is new and RDKit is not installed.
    """
    filled_lines = [(number, line) for number, line in numbered_lines if line.strip()]
    _refuse_negatives(filled_lines, source)
    return [_additional_enzyme(row) for row in table_rows(filled_lines, source, COLUMNS, WANTED)]


def _refuse_negatives(numbered_lines: list[tuple[int, str]], source: Path) -> None:
    """Refuse a table with an inactive protein, also if it has other columns than the wanted ones.

    Raises:
        InputError: If there is one.
    """
    header = numbered_lines[0][1].split("\t") if numbered_lines else []
    positions = [header.index(name) for name in TYPE_COLUMNS if name in header]
    for number, line in numbered_lines[1:]:
        cells = line.split("\t")
        for position in positions:
            if position < len(cells):
                refuse_negative(cells[position], f"{source}, line {number}")


def _additional_enzyme(row: Row) -> AdditionalEnzyme:
    """Check one row and make an enzyme from it."""
    for column in COLUMNS:
        if not row.cells[column].strip():
            raise InputError.at(f"{row.place}, column {column}", "nothing", "a value")
    if row.cells["id"].split() != [row.cells["id"]]:
        raise InputError.at(f"{row.place}, column id", repr(row.cells["id"]), "one word")
    structures = _names(row, STRUCTURES, "|")
    products = _names(row, "products", "|")
    if "" in structures:
        raise InputError.at(f"{row.place}, column {STRUCTURES}", "no text beside a |", "a SMILES")
    if any(products) and ("" in products or len(products) != len(structures)):
        raise InputError.at(
            f"{row.place}, column products",
            f"{len(list(filter(None, products)))} names",
            f"one for each of the {len(structures)} structures, or none",
        )
    cleaned = {
        column: separator.join(dict.fromkeys(_names(row, column, separator)))
        for column, separator in SEPARATORS.items()
    }
    enzyme = enzyme_of_row(Row(row.place, row.cells | cleaned))
    return AdditionalEnzyme(
        dataclasses.replace(
            enzyme,
            ensembles=_ensembles(structures, enzyme.ensembles, row.place),
            product_types=tuple(sorted(enzyme.product_types)),
            tps_classes=tuple(sorted(enzyme.tps_classes)),
            substrates=tuple(sorted(enzyme.substrates)),
            products=products if any(products) else (),
            structures=tuple(dict.fromkeys(map(without_stereo, structures))),
        ),
        structures,
    )


def _names(row: Row, column: str, separator: str) -> tuple[str, ...]:
    """Return the names of a cell without the space around them; (``''``,) if there is none.

    Raises:
        InputError: If a name has a control character.
    """
    names = tuple(name.strip() for name in row.cells.get(column, "").split(separator))
    for name in names:
        if FORBIDDEN.search(name):
            raise InputError.at(
                f"{row.place}, column {column}", repr(name), "text without control characters and |"
            )
    return names


def _ensembles(structures: tuple[str, ...], given: tuple[str, ...], place: str) -> tuple[str, ...]:
    """Return the ensembles of an enzyme, which follow from the structures of its products.

    Args:
        structures: Structures as SMILES.
        given: Ensembles that the table gives, or none.
        place: File and line, for error messages.

    Raises:
        InputError: If a structure cannot be read, or the table gives other ensembles.
    """
    slugs: set[str] = set()
    for structure in structures:
        try:
            slugs.update(ensembles.of_structure(structure))
        except InputError as error:
            raise InputError(f"{place}, column {STRUCTURES}: {error}") from None
    in_order = tuple(slug for slug in ensembles.SLUGS if slug in slugs)
    if given and set(given) != slugs:
        raise InputError.at(
            f"{place}, column ensembles",
            ";".join(given),
            f"{';'.join(in_order) or 'none'}, which follow from the structures",
        )
    return in_order
