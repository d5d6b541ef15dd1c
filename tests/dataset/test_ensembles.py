"""Ensembles of products, decided from their structures."""

import csv
import importlib.resources
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from tpspred.dataset import ensembles
from tpspred.errors import InputError, MissingDependency

EXAMPLES = {
    "CC1=CCC2CC1C2(C)C": ("mono_pinene",),  # alpha-pinene
    "CC1=CCC(C(C)=C)CC1": ("mono_limonene",),
    "C=CC(=C)CCC=C(C)C": ("mono_myrcene",),
    "C=CC(C)(O)CCC=C(C)C": ("specialized_oxygenated",),  # linalool: acyclic but oxygenated
    "CC1=CC=C(C(C)C)CC1": ("mono_terpinene",),
    "CC(C)C12CCC(C)(O)C1C2": ("mono_sabinene", "specialized_oxygenated"),  # sabinene hydrate
    "CC1=CCC2(C(C)C)CC12": ("mono_thujene",),
    "CC12CCC(CC1)C(C)(C)O2": ("specialized_oxygenated",),  # 1,8-cineole
    "CC1=CCC(C(C)C)CC1": ("specialized_cyclic",),  # a p-menthene of no ensemble
    "CC1(C)C2CCC1(C)C(OP(=O)(O)OP(=O)(O)O)C2": ("mono_bornane",),  # bornyl diphosphate
    "CC(=CCC1C(=C)CCC2C(C)(C)CCCC12C)CCC=O": ("specialized_oxygenated", "specialized_cyclic"),
    "C=C1CCC2C(C)(C)CCCC2(C)C1CCC(C)=CCOP(=O)([O-])OP(=O)([O-])[O-]": ("di_copalane",),
    "CC(C)=CCCC(C)=CCOP(=O)([O-])OP(=O)([O-])[O-]": (),  # a linear prenyl diphosphate
    "C=CC(=C)C": (),  # isoprene
    "CC(C)=CCCC(C)=CCCC(C)=CCCC=C(C)CCC=C(C)CCC=C(C)C": ("tri_squalene",),
    "CC(C)=CCCC(C)C1CCC2(C)C3=C(CCC12C)C1(C)CCC(O)C(C)(C)C1CC3": ("tri_lanostane",),
}


def known_structures():
    table = importlib.resources.files("tpspred").joinpath("resources/product_ensembles.tsv")
    rows = csv.DictReader(table.read_text().splitlines(), delimiter="\t")
    return {row["structure"]: row["ensembles"] for row in rows}


@pytest.mark.parametrize("smiles", EXAMPLES)
def test_rules_on_products_a_chemist_knows(smiles):
    assert ensembles.assign(smiles) == EXAMPLES[smiles]


def test_shipped_table_is_what_the_rules_say():
    table = known_structures()
    assert len(table) == 721
    assert {smiles: ";".join(ensembles.assign(smiles)) for smiles in table} == table


@given(st.sampled_from(sorted(known_structures())), st.integers(0, 10))
def test_the_way_a_structure_is_written_does_not_matter(smiles, seed):
    molecule = Chem.MolFromSmiles(smiles)
    order = list(range(molecule.GetNumAtoms()))
    random.Random(seed).shuffle(order)
    other = Chem.MolToSmiles(Chem.RenumberAtoms(molecule, order), canonical=False)
    assert ensembles.assign(other) == ensembles.assign(smiles)


def test_known_structures_need_no_rdkit(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    assert ensembles.of_structure("C=C1CCC2(C(C)C)CC12") == ("mono_sabinene",)
    with pytest.raises(MissingDependency, match="pip install rdkit"):
        ensembles.of_structure("C=C1CCC2(C(C)C)CC12CCCC")


def test_every_ensemble_has_a_rule():
    ruled = (
        set(ensembles.SKELETONS)
        | set(ensembles.MOLECULES)
        | {"specialized_oxygenated", "specialized_cyclic"}
    )
    assert ruled == set(ensembles.SLUGS) and len(ensembles.SLUGS) == 30
    assert set(ensembles.CONDITIONS) < set(ensembles.SKELETONS)


def test_no_two_ensembles_share_a_skeleton_under_one_condition():
    owner_of = {}
    for slug, group in ensembles.SKELETONS.items():
        for smiles in group:
            skeleton = ensembles.carbon_skeleton(Chem.MolFromSmiles(smiles))
            key = skeleton, ensembles.CONDITIONS.get(slug)
            assert owner_of.setdefault(key, slug) == slug


@pytest.mark.parametrize("smiles", ["C1CC", "", "not a molecule"])
def test_what_is_no_structure_is_refused(smiles):
    with pytest.raises(InputError, match=f"{smiles!r} is not a SMILES"):
        ensembles.of_structure(smiles)


@pytest.mark.parametrize(
    "smiles, skeleton",
    [
        ("C=CC(=C)C", "CCC(C)C"),  # isoprene: double bonds become single
        ("CC(=O)CCO", "CCCC"),  # oxygen is not part of it
        ("CCOCCC", "CCC"),  # the larger of two fragments
        ("C[C@H](O)CC", "CCCC"),  # no stereochemistry
        ("O", ""),
    ],
)
def test_the_skeleton_is_the_largest_carbon_fragment(smiles, skeleton):
    assert ensembles.carbon_skeleton(Chem.MolFromSmiles(smiles)) == skeleton
