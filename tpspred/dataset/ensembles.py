"""The 30 functional ensembles of terpene products, decided from product structures.

The carbon skeleton of a product is its largest all-carbon fragment with every bond single and no
stereochemistry. Product names are ignored, because one structure has many names in the literature.
``bin/make-ensemble-table`` writes the table of known structures that the package contains.
"""

import csv
import functools
import importlib.resources

from ..errors import InputError, MissingDependency

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

# Saturated skeletons, any valid SMILES. The condition says which products with the skeleton belong.
ANY, HYDROCARBON, OXYGENATED, NO_DIPHOSPHATE = "any", "hydrocarbon", "oxygenated", "no diphosphate"
SKELETONS = {
    "mono_pinene": (ANY, "CC1CCC2CC1C2(C)C"),
    "mono_myrcene": (HYDROCARBON, "CCC(C)CCCC(C)C"),
    "mono_thujene": (HYDROCARBON, "CC1CCC2(C(C)C)CC12"),
    "mono_camphene": (ANY, "CC1C2CCC(C2)C1(C)C"),
    "mono_bornane": (ANY, "CC12CCC(CC1)C2(C)C"),
    "sesq_germacrane": (ANY, "CC1CCCC(C)CCC(C(C)C)CC1"),
    "sesq_caryophyllane": (ANY, "CC1CCCC(C)C2CC(C)(C)C2CC1"),
    "sesq_humulane": (ANY, "CC1CCCC(C)CCC(C)(C)CCC1"),
    "sesq_bisabolane": (ANY, "CC(C)CCCC(C)C1CCC(C)CC1"),
    "sesq_farnesane": (NO_DIPHOSPHATE, "CCC(C)CCCC(C)CCCC(C)C"),
    "sesq_selinane": (HYDROCARBON, "CC(C)C1CCC2(C)CCCC(C)C2C1"),
    "sesq_elemane": (ANY, "CCC1(C)CCC(C(C)C)CC1C(C)C"),
    "sesq_guaiacane": (ANY, "CC(C)C1CCC(C)C2CCC(C)C2C1"),
    "sesq_cadinane": (ANY, "CC1CCC2C(C)CCC(C(C)C)C2C1"),
    "sesq_eudesmane": (OXYGENATED, "CC(C)C1CCC2(C)CCCC(C)C2C1"),
    "di_kaurane": (ANY, "CC1CC23CCC4C(C)(C)CCCC4(C)C2CCC1C3"),
    "di_abietane": (ANY, "CC(C)C1CCC2C(CCC3C(C)(C)CCCC23C)C1"),
    "di_taxane": (ANY, "CC1CCCC2(C)CCC3C(C)CCC(CC12)C3(C)C"),
    "di_copalane": (ANY, "CCC(C)CCC1C(C)CCC2C(C)(C)CCCC12C"),
    "di_phytane": (NO_DIPHOSPHATE, "CCC(C)CCCC(C)CCCC(C)CCCC(C)C"),
    "tri_squalene": (
        ANY,
        "CC(C)CCCC(C)CCCC(C)CCCCC(C)CCCC(C)CCCC(C)C",  # squalane
        "CC(C)CCCC(C)CCCC(C)CC1C(C)C1(C)CCCC(C)CCCC(C)C",
    ),  # presqualane
    "tri_lanostane": (
        ANY,
        "CC(C)CCCC(C)C1CCC2(C)C1CCC1C3(C)CCCC(C)(C)C3CCC12C",  # protostane, dammarane
        "CC(C)CCCC(C)C1CCC2(C)C3CCC4C(C)(C)CCCC4(C)C3CCC12C",  # lanostane
        "CC(C)CCCC(C)C1CCC2(C)C3CCC4C(CCCC4(C)C)C3(C)CCC12C",  # cucurbitane
        "CC(C)CCCC(C)C1CCC2(C)C3CCC4C(C)(C)CCCC45CC35CCC12C",
    ),  # cycloartane
    "tri_oleanane": (
        ANY,
        "CC1(C)CCC2(C)CCC3(C)C(CCC4C5(C)CCCC(C)(C)C5CCC43C)C2C1",  # oleanane
        "CC1CCC2(C)CCC3(C)C(CCC4C5(C)CCCC(C)(C)C5CCC43C)C2C1C",  # ursane
        "CC(C)C1CCC2(C)CCC3(C)C(CCC4C5(C)CCCC(C)(C)C5CCC43C)C12",  # lupane
        "CC1(C)CCC2(C)CCC3C(C)(CCC4C5(C)CCCC(C)(C)C5CCC43C)C2C1",  # taraxerane
        "CC1(C)CCC2(C)CCC3(C)C4CCC5C(C)(C)CCCC5(C)C4CCC3(C)C2C1",  # multiflorane
        "CC1(C)CCC2(C)CCC3(C)C4CCC5C(CCCC5(C)C)C4(C)CCC3(C)C2C1",
    ),  # glutinane
}
# Ensembles that are single molecules.
MOLECULES = {
    "mono_limonene": ("CC1=CCC(C(C)=C)CC1",),
    "mono_terpinene": ("CC1=CC=C(C(C)C)CC1", "C=C1CC=C(C(C)C)CC1", "CC1=CCC(C(C)C)=CC1"),
    "mono_phellandrene": ("CC1=CCC(C(C)C)C=C1", "C=C1C=CC(C(C)C)CC1"),
    "mono_sabinene": ("C=C1CCC2(C(C)C)CC12", "CC(C)C12CCC(C)(O)C1C2"),  # sabinene and its hydrate
    "mono_terpinolene": ("CC1=CCC(=C(C)C)CC1",),
    "mono_bornane": ("CC1(C)C2CCC1(C)C(C)(O)C2",),  # 2-methylisoborneol
}
P_MENTHANE = "CC1CCC(C(C)C)CC1"
DIPHOSPHATE = "[P]-[O]-[P]"


def of_structure(smiles):
    """Ensembles of a product, in the order of :data:`SLUGS`.

    Known structures come from the package's own table; others need RDKit.

    Raises:
        InputError: If the SMILES cannot be read.
        MissingDependency: If the structure is new and RDKit is not installed.

    >>> of_structure("C=C1CCC2(C(C)C)CC12")
    ('mono_sabinene',)
    """
    known = _known()
    return known[smiles] if smiles in known else assign(smiles)


def assign(smiles):
    """Ensembles of a product by the rules, with RDKit; errors as for :func:`of_structure`."""
    Chem = _rdkit()
    molecule = _parse(smiles)
    Chem.RemoveStereochemistry(molecule)
    plain, frame = Chem.MolToSmiles(molecule), carbon_skeleton(molecule)
    symbols = [atom.GetSymbol() for atom in molecule.GetAtoms()]
    carbons, rings = frame.count("C"), molecule.GetRingInfo().NumRings()
    diphosphate = molecule.HasSubstructMatch(Chem.MolFromSmarts(DIPHOSPHATE))
    oxygenated = "O" in symbols and not diphosphate
    holds = {
        ANY: True,
        HYDROCARBON: "O" not in symbols,
        OXYGENATED: oxygenated,
        NO_DIPHOSPHATE: not diphosphate,
    }
    skeletons, molecules = _canonical()

    found = {slug for slug in molecules if plain in molecules[slug]}
    found |= {
        slug
        for slug, (condition, *_) in SKELETONS.items()
        if frame in skeletons[slug] and holds[condition]
    }
    if "mono_sabinene" in found:
        found.discard("mono_thujene")
    has_ensemble = found or frame in set().union(*skeletons.values())
    if oxygenated and 10 <= carbons <= 25:
        found.add("specialized_oxygenated")
    p_menthane = frame == _skeleton_smiles(P_MENTHANE)
    if rings and 10 <= carbons <= 35 and not has_ensemble and not (p_menthane and oxygenated):
        found.add("specialized_cyclic")
    return tuple(slug for slug in SLUGS if slug in found)


def carbon_skeleton(molecule):
    """Canonical SMILES of the largest all-carbon fragment, saturated; '' without carbon."""
    Chem = _rdkit()
    frame = Chem.RWMol()
    index = {
        atom.GetIdx(): frame.AddAtom(Chem.Atom(6))
        for atom in molecule.GetAtoms()
        if atom.GetSymbol() == "C"
    }
    for bond in molecule.GetBonds():
        ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        if all(end in index for end in ends):
            frame.AddBond(index[ends[0]], index[ends[1]], Chem.BondType.SINGLE)
    fragments = Chem.GetMolFrags(frame, asMols=True)
    return (
        Chem.MolToSmiles(max(fragments, key=lambda part: part.GetNumAtoms())) if fragments else ""
    )


def _rdkit():
    try:
        from rdkit import Chem
    except ImportError:
        raise MissingDependency(
            "a product structure that is not in the package's table needs RDKit: "
            "pip install 'tpspred[chem]'"
        ) from None
    return Chem


def _parse(smiles):
    from rdkit import rdBase

    with rdBase.BlockLogs():
        molecule = _rdkit().MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        raise InputError(f"{smiles!r} is not a SMILES")
    return molecule


def _skeleton_smiles(smiles):
    return carbon_skeleton(_parse(smiles))


@functools.cache
def _canonical():
    """The rules' structures in this RDKit's canonical form."""
    skeletons = {
        slug: {_skeleton_smiles(smiles) for smiles in frames}
        for slug, (_, *frames) in SKELETONS.items()
    }
    molecules = {
        slug: {_rdkit().MolToSmiles(_parse(smiles)) for smiles in group}
        for slug, group in MOLECULES.items()
    }
    return skeletons, molecules


@functools.cache
def _known():
    """The shipped table: SMILES as written in MARTS-DB → ensembles."""
    text = (
        importlib.resources.files("tpspred").joinpath("resources/product_ensembles.tsv").read_text()
    )
    return {
        row["structure"]: tuple(filter(None, row["ensembles"].split(";")))
        for row in csv.DictReader(text.splitlines(), delimiter="\t")
    }
