"""Reactions of characterised enzymes, read from a MARTS-DB export and checked value by value."""

import csv
import dataclasses
import io
import re
from collections.abc import Iterable

from ..errors import InputError
from ..io import files
from ..io.fasta import protein_sequence
from ..io.paths import Path
from . import ensembles
from .product_types import PRODUCT_TYPES, TPS_CLASSES, refuse_negative

# Column of the export → field of Reaction.
REACTION_COLUMNS = {
    "Enzyme_marts_ID": "enzyme",
    "Uniprot_ID": "uniprot",
    "Genbank_ID": "genbank",
    "Aminoacid_sequence": "sequence",
    "Species": "species",
    "Kingdom": "kingdom",
    "Type": "product_type",
    "Class": "tps_class",
    "Substrate_name": "substrate",
    "Product_name": "product",
    "Product_smiles": "product_smiles",
}
OPTIONAL = {"uniprot", "genbank"}  # fields that may be empty
NULL = "null"  # what some exports write where there is no value
ALLOWED = {"product_type": PRODUCT_TYPES, "tps_class": TPS_CLASSES}
# Characters that would break a table of tpspred prepare: control characters, and what stands
# between the names of a cell.
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f|]")


@dataclasses.dataclass(frozen=True)
class Reaction:
    """One row of a MARTS-DB export: an enzyme makes a product from a substrate.

    Attributes:
        enzyme: MARTS-DB id of the enzyme.
        uniprot: UniProt accession, or ''.
        genbank: GenBank accession, or ''.
        sequence: Normalised residues.
        species: Name of the species.
        kingdom: Name of the kingdom.
        product_type: One of :data:`PRODUCT_TYPES`.
        tps_class: One of :data:`TPS_CLASSES`.
        substrate: Name of the substrate.
        product: Name of the product.
        product_smiles: Structure of the product.
        ensembles: Slugs of the product's ensembles.
    """

    enzyme: str
    uniprot: str
    genbank: str
    sequence: str
    species: str
    kingdom: str
    product_type: str
    tps_class: str
    substrate: str
    product: str
    product_smiles: str
    ensembles: tuple[str, ...] = ()


def read_reactions(source: Path) -> list[Reaction]:
    """Read a MARTS-DB export and assign every product to its ensembles.

    Args:
        source: CSV file, plain, gzip or xz; '-' for standard input.

    Returns:
        One reaction per row, in the order of the file.

    Raises:
        InputError: If a column is missing, a row has the wrong length, a value is empty or
            unknown, a character is no residue, or a structure cannot be read. The message names
            file, line and column.
        MissingDependency: If a structure is new and RDKit is not installed.
    """
    with files.open_bytes(source) as stream:
        return parse_reactions(files.lines(stream, source), source)


def parse_reactions(numbered_lines: Iterable[tuple[int, str]], source: Path) -> list[Reaction]:
    """Do what :func:`read_reactions` does, with the lines of a file that is open already.

    Args:
        numbered_lines: Number and text of every line.
        source: Name of the file, for error messages.
    """
    text = io.StringIO("".join(line + "\n" for _, line in numbered_lines))
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
        missing = [column for column in REACTION_COLUMNS if column not in header]
        if missing:
            begin = text.getvalue()[: files.BEGIN].encode()
            raise InputError.at(
                f"{source}, line 1",
                files.described(begin, f"no column {', '.join(missing)}"),
                "a MARTS-DB reaction export",
            )
        position = {field: header.index(column) for column, field in REACTION_COLUMNS.items()}
        return [
            _reaction(row, position, len(header), f"{source}, line {reader.line_num}")
            for row in reader
            if row
        ]
    except csv.Error as error:
        raise InputError(f"{source}, line {reader.line_num}: malformed CSV: {error}") from None


def _reaction(row: list[str], position: dict[str, int], width: int, place: str) -> Reaction:
    """Check one row and make a reaction from it.

    Args:
        row: Cells of the row.
        position: Index of the cell of each field.
        width: Number of columns of the header.
        place: File and line, for errors.
    """
    if len(row) != width:
        raise InputError.at(place, f"{len(row)} columns", f"{width} columns as in the header")
    values = {field: row[index].strip() for field, index in position.items()}
    values = {field: "" if value == NULL else value for field, value in values.items()}
    place_of = {field: f"{place}, column {name}" for name, field in REACTION_COLUMNS.items()}
    refuse_negative(values["product_type"], place_of["product_type"])
    for field, value in values.items():
        if not value and field not in OPTIONAL:
            raise InputError.at(place_of[field], "nothing", "a value")
        if FORBIDDEN.search(value):
            raise InputError.at(place_of[field], repr(value), "text without tabs and |")
        if field in ALLOWED and value not in ALLOWED[field]:
            raise InputError.at(place_of[field], repr(value), "one of " + ", ".join(ALLOWED[field]))
    sequence = protein_sequence(values["sequence"], place_of["sequence"])
    try:
        slugs = ensembles.of_structure(values["product_smiles"])
    except InputError as error:
        raise InputError(f"{place_of['product_smiles']}: {error}") from None
    return Reaction(**values | {"sequence": sequence}, ensembles=slugs)
