"""Structures of products as SMILES: a table of those that the package knows, and RDKit for others.

``bin/make-ensemble-table`` writes the table.
"""

import csv
import dataclasses
import functools
import importlib.resources
import types
from typing import TYPE_CHECKING

from ..errors import InputError, MissingDependency

if TYPE_CHECKING:
    from rdkit.Chem import Mol

RESOURCE = "resources/product_ensembles.tsv"


@dataclasses.dataclass(frozen=True)
class KnownStructure:
    """One row of the package's table.

    Attributes:
        ensembles: Slugs of the product's ensembles.
        nonstereo: Canonical SMILES of the structure without stereochemistry.
    """

    ensembles: tuple[str, ...]
    nonstereo: str


@functools.cache
def known_structures() -> dict[str, KnownStructure]:
    """Return the package's table: SMILES, written as in MARTS-DB → what is known."""
    table = importlib.resources.files("tpspred").joinpath(RESOURCE)
    rows = csv.DictReader(table.read_text().splitlines(), delimiter="\t")
    return {
        row["structure"]: KnownStructure(
            tuple(filter(None, row["ensembles"].split(";"))),
            # Empty in the table if the structure is its own form without stereochemistry.
            row["nonstereo"] or row["structure"],
        )
        for row in rows
    }


def without_stereo(smiles: str) -> str:
    """Return a SMILES that all stereoisomers of a structure share.

    Two structures have the same one if they differ in stereochemistry or spelling alone. Known
    structures do not need RDKit.

    Raises:
        InputError: If the SMILES cannot be read.
        MissingDependency: If the structure is new and RDKit is not installed.

    >>> without_stereo("CC1=CC[C@H]2C[C@@H]1C2(C)C")
    'CC1=CCC2CC1C2(C)C'
    """
    known = known_structures()
    if smiles in known:
        return known[smiles].nonstereo
    canonical = canonical_without_stereo(smiles)
    return _known_by_canonical().get(canonical, canonical)


def canonical_without_stereo(smiles: str) -> str:
    """Return the canonical SMILES of a structure without stereochemistry, made by RDKit.

    Raises:
        InputError: If the SMILES cannot be read.
        MissingDependency: If RDKit is not installed.
    """
    Chem = rdkit()
    molecule = parse(smiles)
    Chem.RemoveStereochemistry(molecule)
    canonical: str = Chem.MolToSmiles(molecule)
    return canonical


@functools.cache
def _known_by_canonical() -> dict[str, str]:
    """Return the SMILES without stereochemistry of the table, by the installed RDKit's spelling.

    Another version of RDKit may write a structure in another way than the table does.
    """
    spellings = {known.nonstereo for known in known_structures().values()}
    return {canonical_without_stereo(smiles): smiles for smiles in spellings}


def rdkit() -> types.ModuleType:
    """Return ``rdkit.Chem``, or say how to install it."""
    try:
        from rdkit import Chem
    except ImportError:
        raise MissingDependency(
            "a product structure that is not in the package's table needs RDKit: pip install rdkit"
        ) from None
    return Chem


def parse(smiles: str) -> "Mol":
    """Read a SMILES with at least one atom.

    Raises:
        InputError: If it cannot be read.
        MissingDependency: If RDKit is not installed.
    """
    Chem = rdkit()
    from rdkit import rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        raise InputError(f"{smiles!r} is not a SMILES")
    return molecule
