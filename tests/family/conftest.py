import pytest
from support import DATA

from tpspred.family.screening import screen
from tpspred.io.fasta import read_fasta


@pytest.fixture(scope="session")
def records():
    """Four members of the family and three random proteins."""
    return list(read_fasta(DATA / "proteins.faa"))


@pytest.fixture(scope="session")
def proteins(model, records):
    """The same, screened with the profiles of the bundled model."""
    return screen(records, model.encoder.profiles)
