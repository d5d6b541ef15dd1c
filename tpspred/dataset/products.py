"""Products that MARTS-DB knows: names, formulas, and identifiers in ChEBI, EC and Rhea.

``bin/make-products`` writes the table and says which identifiers enter it.
"""

import csv
import dataclasses
import functools
import importlib.resources

RESOURCE = "resources/products.tsv"


@dataclasses.dataclass(frozen=True)
class Product:
    """A product without stereochemistry.

    Attributes:
        smiles: Its structure, as ``resources/product_ensembles.tsv`` writes it.
        name: Its commonest name in MARTS-DB, or '' if the data have none.
        formula: Molecular formula, with the charge of a diphosphate.
        chebi: Identifier such as ``CHEBI:10352``, or ''.
        chebi_is_flat: Whether the identifier is that of the structure without stereochemistry, and
            not that of the stereoisomer which most enzymes make.
        ensembles: Slugs of its ensembles.
        ec: EC numbers of the enzymes that make it, those of all its stereoisomers.
        rhea: Identifiers of the reactions that make it, such as ``RHEA:31007``.
    """

    smiles: str
    name: str = ""
    formula: str = ""
    chebi: str = ""
    chebi_is_flat: bool = False
    ensembles: tuple[str, ...] = ()
    ec: tuple[str, ...] = ()
    rhea: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a reader calls the product: its name, or its SMILES if it has none."""
        return self.name or self.smiles


def read_rows(resource: str) -> list[dict[str, str]]:
    """Return the rows of one of the package's tables, by column; comments begin with ``#``.

    Args:
        resource: Path of the table in the package.
    """
    table = importlib.resources.files("tpspred").joinpath(resource).read_text("utf-8")
    lines = [line for line in table.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


@functools.cache
def read_products() -> dict[str, Product]:
    """Return the products of the package's table by their SMILES without stereochemistry.

    >>> read_products()["CC1=CC=C(C(C)C)CC1"].name
    'α-terpinene'
    """
    return {
        row["smiles"]: Product(
            smiles=row["smiles"],
            name=row["name"],
            formula=row["formula"],
            chebi=row["chebi"],
            chebi_is_flat=row["chebi_is"] == "flat",
            ensembles=_values(row["ensembles"]),
            ec=_values(row["ec"]),
            rhea=_values(row["rhea"]),
        )
        for row in read_rows(RESOURCE)
    }


def product_of(smiles: str) -> Product:
    """Return a product, or one with nothing but its structure if the table does not have it.

    >>> product_of("CCO").label
    'CCO'
    """
    return read_products().get(smiles) or Product(smiles)


def _values(cell: str) -> tuple[str, ...]:
    """Return the values of a cell, which has ``;`` between them."""
    return tuple(filter(None, cell.split(";")))
