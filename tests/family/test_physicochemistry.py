"""Physical and chemical properties: those that Biopython computes."""

import pytest
from Bio.SeqUtils import ProtParamData
from Bio.SeqUtils.ProtParam import ProteinAnalysis
from hypothesis import given
from hypothesis import strategies as st

from tpspred.family import features, physicochemistry
from tpspred.family.screening import ScreenedProtein
from tpspred.io.fasta import AMINO_ACIDS, ProteinRecord

residues = st.text(AMINO_ACIDS, min_size=1, max_size=200)


@given(residues)
def test_properties_are_those_of_biopython(text):
    analysis = ProteinAnalysis(text)
    assert physicochemistry.molecular_weight(text) == pytest.approx(analysis.molecular_weight())
    assert physicochemistry.isoelectric_point(text) == analysis.isoelectric_point()
    index = analysis.instability_index()
    assert physicochemistry.instability_index(text) == pytest.approx(index, abs=1e-9)
    protein = ScreenedProtein(ProteinRecord("p", "", text))
    shares = [features.helix_fraction, features.turn_fraction, features.sheet_fraction]
    expected = pytest.approx(analysis.secondary_structure_fraction())
    assert tuple(share(protein) for share in shares) == expected
    assert features.gravy(protein) == pytest.approx(analysis.gravy(), abs=1e-9)
    assert features.aromaticity(protein) == pytest.approx(analysis.aromaticity())


def test_every_dipeptide_has_its_instability():
    for i, first in enumerate(AMINO_ACIDS):
        for j, second in enumerate(AMINO_ACIDS):
            assert physicochemistry.INSTABILITY[i, j] == ProtParamData.DIWV[first][second]
