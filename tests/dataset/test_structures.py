"""Structures of products, from the package's table and from RDKit."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from tpspred.dataset import structures
from tpspred.errors import InputError, MissingDependency

KNOWN = structures.known_structures()
PINENE = "CC1=CCC2CC1C2(C)C"


def test_shipped_forms_without_stereochemistry_are_those_of_rdkit():
    assert len(KNOWN) == 721
    for smiles, known in KNOWN.items():
        assert structures.canonical_without_stereo(smiles) == known.nonstereo


@pytest.mark.parametrize(
    "smiles",
    ["CC1=CC[C@H]2C[C@@H]1C2(C)C", "CC1=CC[C@@H]2C[C@H]1C2(C)C", PINENE],
)
def test_isomers_share_a_form_that_needs_no_rdkit(monkeypatch, smiles):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    assert structures.without_stereo(smiles) == PINENE


def test_a_structure_in_another_spelling_is_recognised():
    assert "C12CC(CC=C1C)C2(C)C" not in KNOWN
    assert structures.without_stereo("C12CC(CC=C1C)C2(C)C") == PINENE
    assert structures.without_stereo("C[C@H](O)CCCCl") == "CC(O)CCCCl"


def test_another_version_of_rdkit_may_write_structures_in_another_way(monkeypatch):
    """The table was written by one version, and the canonical form is that of another."""
    other = {
        smiles: structures.KnownStructure(known.ensembles, f"{known.nonstereo} ")
        for smiles, known in KNOWN.items()
    }
    monkeypatch.setattr(structures, "known_structures", lambda: other)
    structures._known_by_canonical.cache_clear()
    try:
        assert structures.without_stereo("C12CC(CC=C1C)C2(C)C") == f"{PINENE} "
    finally:
        structures._known_by_canonical.cache_clear()


@given(st.sampled_from(sorted(KNOWN)))
def test_a_form_without_stereochemistry_stays_what_it_is(smiles):
    nonstereo = structures.without_stereo(smiles)
    assert structures.without_stereo(nonstereo) == nonstereo
    assert not set("@/\\") & set(nonstereo)
    atoms = Chem.MolFromSmiles(smiles).GetNumAtoms()
    assert Chem.MolFromSmiles(nonstereo).GetNumAtoms() == atoms


def test_a_new_structure_needs_rdkit(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    with pytest.raises(MissingDependency, match="needs RDKit: pip install rdkit"):
        structures.without_stereo("C12CC(CC=C1C)C2(C)C")


@pytest.mark.parametrize("smiles", ["C1CC", "", "not a molecule"])
def test_what_is_no_structure_is_refused(smiles):
    with pytest.raises(InputError, match=f"{smiles!r} is not a SMILES"):
        structures.without_stereo(smiles)
