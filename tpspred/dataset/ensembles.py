"""The 30 functional ensembles of terpene products, decided from product structures.

The carbon skeleton of a product is its largest all-carbon fragment with every bond single and no
stereochemistry. Product names are ignored, because one structure has many names in the literature.
"""

import functools
from typing import TYPE_CHECKING

from . import structures

if TYPE_CHECKING:
    from rdkit.Chem import Mol

SLUGS = (
    "mono_pinene",
    "mono_limonene",
    "mono_myrcene",
    "mono_terpinene",
    "mono_phellandrene",
    "mono_sabinene",
    "mono_thujene",
    "mono_terpinolene",
    "mono_camphene",
    "mono_bornane",
    "sesq_germacrane",
    "sesq_caryophyllane",
    "sesq_humulane",
    "sesq_bisabolane",
    "sesq_farnesane",
    "sesq_selinane",
    "sesq_elemane",
    "sesq_guaiacane",
    "sesq_cadinane",
    "sesq_eudesmane",
    "di_kaurane",
    "di_abietane",
    "di_taxane",
    "di_copalane",
    "di_phytane",
    "tri_squalene",
    "tri_lanostane",
    "tri_oleanane",
    "specialized_oxygenated",
    "specialized_cyclic",
)

# Saturated carbon skeletons of the ensembles, as any valid SMILES.
SKELETONS: dict[str, tuple[str, ...]] = {
    "mono_pinene": ("CC1CCC2CC1C2(C)C",),
    "mono_myrcene": ("CCC(C)CCCC(C)C",),
    "mono_thujene": ("CC1CCC2(C(C)C)CC12",),
    "mono_camphene": ("CC1C2CCC(C2)C1(C)C",),
    "mono_bornane": ("CC12CCC(CC1)C2(C)C",),
    "sesq_germacrane": ("CC1CCCC(C)CCC(C(C)C)CC1",),
    "sesq_caryophyllane": ("CC1CCCC(C)C2CC(C)(C)C2CC1",),
    "sesq_humulane": ("CC1CCCC(C)CCC(C)(C)CCC1",),
    "sesq_bisabolane": ("CC(C)CCCC(C)C1CCC(C)CC1",),
    "sesq_farnesane": ("CCC(C)CCCC(C)CCCC(C)C",),
    "sesq_selinane": ("CC(C)C1CCC2(C)CCCC(C)C2C1",),
    "sesq_elemane": ("CCC1(C)CCC(C(C)C)CC1C(C)C",),
    "sesq_guaiacane": ("CC(C)C1CCC(C)C2CCC(C)C2C1",),
    "sesq_cadinane": ("CC1CCC2C(C)CCC(C(C)C)C2C1",),
    "sesq_eudesmane": ("CC(C)C1CCC2(C)CCCC(C)C2C1",),
    "di_kaurane": ("CC1CC23CCC4C(C)(C)CCCC4(C)C2CCC1C3",),
    "di_abietane": ("CC(C)C1CCC2C(CCC3C(C)(C)CCCC23C)C1",),
    "di_taxane": ("CC1CCCC2(C)CCC3C(C)CCC(CC12)C3(C)C",),
    "di_copalane": ("CCC(C)CCC1C(C)CCC2C(C)(C)CCCC12C",),
    "di_phytane": ("CCC(C)CCCC(C)CCCC(C)CCCC(C)C",),
    "tri_squalene": (
        "CC(C)CCCC(C)CCCC(C)CCCCC(C)CCCC(C)CCCC(C)C",  # squalane
        "CC(C)CCCC(C)CCCC(C)CC1C(C)C1(C)CCCC(C)CCCC(C)C",  # presqualane
    ),
    "tri_lanostane": (
        "CC(C)CCCC(C)C1CCC2(C)C1CCC1C3(C)CCCC(C)(C)C3CCC12C",  # protostane, dammarane
        "CC(C)CCCC(C)C1CCC2(C)C3CCC4C(C)(C)CCCC4(C)C3CCC12C",  # lanostane
        "CC(C)CCCC(C)C1CCC2(C)C3CCC4C(CCCC4(C)C)C3(C)CCC12C",  # cucurbitane
        "CC(C)CCCC(C)C1CCC2(C)C3CCC4C(C)(C)CCCC45CC35CCC12C",  # cycloartane
    ),
    "tri_oleanane": (
        "CC1(C)CCC2(C)CCC3(C)C(CCC4C5(C)CCCC(C)(C)C5CCC43C)C2C1",  # oleanane
        "CC1CCC2(C)CCC3(C)C(CCC4C5(C)CCCC(C)(C)C5CCC43C)C2C1C",  # ursane
        "CC(C)C1CCC2(C)CCC3(C)C(CCC4C5(C)CCCC(C)(C)C5CCC43C)C12",  # lupane
        "CC1(C)CCC2(C)CCC3C(C)(CCC4C5(C)CCCC(C)(C)C5CCC43C)C2C1",  # taraxerane
        "CC1(C)CCC2(C)CCC3(C)C4CCC5C(C)(C)CCCC5(C)C4CCC3(C)C2C1",  # multiflorane
        "CC1(C)CCC2(C)CCC3(C)C4CCC5C(CCCC5(C)C)C4(C)CCC3(C)C2C1",  # glutinane
    ),
}
# A product with such a skeleton belongs to the ensemble under this condition; without an entry,
# every product with the skeleton does.
HYDROCARBON = "hydrocarbon"
OXYGENATED = "oxygenated"
NO_DIPHOSPHATE = "no diphosphate"
CONDITIONS = {
    "mono_myrcene": HYDROCARBON,
    "mono_thujene": HYDROCARBON,
    "sesq_farnesane": NO_DIPHOSPHATE,
    "sesq_selinane": HYDROCARBON,
    "sesq_eudesmane": OXYGENATED,
    "di_phytane": NO_DIPHOSPHATE,
}
# Single molecules that belong to an ensemble whatever their skeleton.
MOLECULES: dict[str, tuple[str, ...]] = {
    "mono_limonene": ("CC1=CCC(C(C)=C)CC1",),
    "mono_terpinene": ("CC1=CC=C(C(C)C)CC1", "C=C1CC=C(C(C)C)CC1", "CC1=CCC(C(C)C)=CC1"),
    "mono_phellandrene": ("CC1=CCC(C(C)C)C=C1", "C=C1C=CC(C(C)C)CC1"),
    "mono_sabinene": ("C=C1CCC2(C(C)C)CC12", "CC(C)C12CCC(C)(O)C1C2"),  # sabinene and its hydrate
    "mono_terpinolene": ("CC1=CCC(=C(C)C)CC1",),
    "mono_bornane": ("CC1(C)C2CCC1(C)C(C)(O)C2",),  # 2-methylisoborneol
}
P_MENTHANE = "CC1CCC(C(C)C)CC1"
DIPHOSPHATE = "[P]-[O]-[P]"


def of_structure(smiles: str) -> tuple[str, ...]:
    """Return the ensembles of a product, in the order of :data:`SLUGS`.

    The package's table has the known structures; others need RDKit.

    Raises:
        InputError: If the SMILES cannot be read.
        MissingDependency: If the structure is new and RDKit is not installed.

    >>> of_structure("C=C1CCC2(C(C)C)CC12")
    ('mono_sabinene',)
    """
    known = structures.known_structures().get(smiles)
    return assign(smiles) if known is None else known.ensembles


def assign(smiles: str) -> tuple[str, ...]:
    """Decide the ensembles of a product by the rules, with RDKit.

    Args:
        smiles: Structure of the product.

    Returns:
        Slugs in the order of :data:`SLUGS`.

    Raises:
        InputError: If the SMILES cannot be read.
        MissingDependency: If RDKit is not installed.
    """
    Chem = structures.rdkit()
    molecule = structures.parse(smiles)
    Chem.RemoveStereochemistry(molecule)
    canonical = Chem.MolToSmiles(molecule)
    skeleton = carbon_skeleton(molecule)
    elements = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    carbons = skeleton.count("C")
    has_ring = molecule.GetRingInfo().NumRings() > 0
    has_diphosphate = molecule.HasSubstructMatch(Chem.MolFromSmarts(DIPHOSPHATE))
    is_oxygenated = "O" in elements and not has_diphosphate
    fulfils = {
        None: True,
        HYDROCARBON: "O" not in elements,
        OXYGENATED: is_oxygenated,
        NO_DIPHOSPHATE: not has_diphosphate,
    }

    # Ensembles by molecule and by skeleton.
    slugs = {slug for slug, group in _canonical_molecules().items() if canonical in group}
    with_skeleton = {slug for slug, group in _canonical_skeletons().items() if skeleton in group}
    slugs |= {slug for slug in with_skeleton if fulfils[CONDITIONS.get(slug)]}
    if "mono_sabinene" in slugs:  # sabinene has the skeleton of thujene
        slugs.discard("mono_thujene")

    # The two ensembles for products that the other rules do not describe.
    is_known_kind = bool(slugs or with_skeleton)
    if is_oxygenated and 10 <= carbons <= 25:
        slugs.add("specialized_oxygenated")
    is_oxygenated_menthane = is_oxygenated and skeleton == _skeleton_smiles(P_MENTHANE)
    if has_ring and 10 <= carbons <= 35 and not is_known_kind and not is_oxygenated_menthane:
        slugs.add("specialized_cyclic")
    return tuple(slug for slug in SLUGS if slug in slugs)


def carbon_skeleton(molecule: "Mol") -> str:
    """Return the canonical SMILES of the largest all-carbon fragment, with single bonds only.

    It is '' for a molecule without carbon.
    """
    Chem = structures.rdkit()
    skeleton = Chem.RWMol()
    index = {
        atom.GetIdx(): skeleton.AddAtom(Chem.Atom(6))
        for atom in molecule.GetAtoms()
        if atom.GetSymbol() == "C"
    }
    for bond in molecule.GetBonds():
        begin = bond.GetBeginAtomIdx()
        end = bond.GetEndAtomIdx()
        if begin in index and end in index:
            skeleton.AddBond(index[begin], index[end], Chem.BondType.SINGLE)
    fragments = Chem.GetMolFrags(skeleton, asMols=True)
    if not fragments:
        return ""
    return Chem.MolToSmiles(max(fragments, key=lambda fragment: fragment.GetNumAtoms()))


def _skeleton_smiles(smiles: str) -> str:
    """Return the carbon skeleton of a structure as canonical SMILES."""
    return carbon_skeleton(structures.parse(smiles))


@functools.cache
def _canonical_skeletons() -> dict[str, set[str]]:
    """Return the skeletons of each ensemble in the canonical form of the installed RDKit."""
    return {
        slug: {_skeleton_smiles(smiles) for smiles in skeletons}
        for slug, skeletons in SKELETONS.items()
    }


@functools.cache
def _canonical_molecules() -> dict[str, set[str]]:
    """Return the molecules of each ensemble in the canonical form of the installed RDKit."""
    Chem = structures.rdkit()
    return {
        slug: {Chem.MolToSmiles(structures.parse(smiles)) for smiles in molecules}
        for slug, molecules in MOLECULES.items()
    }
