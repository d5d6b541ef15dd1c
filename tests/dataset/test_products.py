"""The table of products and the script that writes it."""

import re

import pytest

from tpspred.dataset import ensembles
from tpspred.dataset.products import Product, product_of, read_products
from tpspred.dataset.structures import known_structures

# EC numbers of products, from the nomenclature of enzymes.
KNOWN = {
    "β-amyrin": {"5.4.99.39"},
    "cycloartenol": {"5.4.99.8"},
    "lupeol": {"5.4.99.41"},
    "lanosterol": {"5.4.99.7"},
    "cucurbitadienol": {"5.4.99.33"},
    "squalene": {"2.5.1.21"},
    "phytoene": {"2.5.1.32"},
    "geranyl diphosphate": {"2.5.1.1"},
    "farnesyl diphosphate": {"2.5.1.10"},
    "geranylgeranyl diphosphate": {"2.5.1.29"},
    "copalyl diphosphate": {"5.5.1.12", "5.5.1.13", "5.5.1.14"},
    "limonene": {"4.2.3.16", "4.2.3.20"},
    "geraniol": {"3.1.7.11"},
    "corvol ether B": set(),  # its EC stands with corvol ether A everywhere
}


@pytest.fixture(scope="module")
def by_name():
    return {product.name: product for product in read_products().values() if product.name}


def test_every_product_has_one_row_with_its_ensembles():
    known = {row.nonstereo: row.ensembles for row in known_structures().values()}
    assert {smiles: row.ensembles for smiles, row in read_products().items()} == known
    assert list(read_products()) == sorted(read_products())


@pytest.mark.parametrize("name", KNOWN)
def test_ec_numbers_of_well_known_products(by_name, name):
    assert set(by_name[name].ec) == KNOWN[name]


def test_values_have_the_form_of_their_kind():
    for row in read_products().values():
        assert not re.search(r"[\t;|]|^\s|\s$", row.name)
        assert re.fullmatch(r"C\d+H\d+(O\d*)?(P\d*)?(-\d)?", row.formula)
        assert re.fullmatch(r"(CHEBI:[1-9]\d*)?", row.chebi)
        assert row.chebi or not row.chebi_is_flat
        assert all(re.fullmatch(r"[1-7](\.\d+){3}", ec) for ec in row.ec)
        assert all(re.fullmatch(r"RHEA:\d{5}", rhea) for rhea in row.rhea)
        assert row.ec or not row.rhea
        assert set(row.ensembles) <= set(ensembles.SLUGS)


def test_no_identifier_stands_for_two_products():
    """An EC or Rhea id whose product is in doubt is in the row of none."""
    for kind in ("ec", "rhea"):
        values = [value for row in read_products().values() for value in getattr(row, kind)]
        assert len(values) == len(set(values)) > 100


def test_names_say_nothing_about_stereochemistry():
    for row in read_products().values():
        assert not re.search(
            r"(?<![\w])\([-+−±]\)|^(ent|cis|trans|syn)-|^\(?\d*[EZRS]\)?-", row.name
        )


def test_formula_is_that_of_the_structure():
    descriptors = pytest.importorskip("rdkit.Chem.rdMolDescriptors")
    from rdkit import Chem

    for row in read_products().values():
        assert row.formula == descriptors.CalcMolFormula(Chem.MolFromSmiles(row.smiles))


def test_an_unknown_product_is_called_by_its_structure():
    assert product_of("CCO") == Product("CCO")
    assert product_of("CCO").label == "CCO"
