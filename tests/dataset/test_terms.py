"""Terms of what is called, and the table that they come from."""

import re

import pytest

from tpspred.dataset.product_types import EITHER_CLASS, PRODUCT_TYPES, RELATED_TYPES
from tpspred.dataset.products import Product, read_products
from tpspred.dataset.terms import (
    ENZYMES,
    Terms,
    class_of_synthase,
    enzyme_name,
    read_terms,
    terms_of,
)

BY_NAME = {product.name: product for product in read_products().values()}


def products(*names):
    return [BY_NAME[name] for name in names]


def test_values_of_the_table_have_the_form_of_their_kind():
    for row in read_terms():
        assert row.product_type in ("", *PRODUCT_TYPES)
        assert row.tps_class in ("", "I", "II")
        assert re.fullmatch(r"[1-7]\.\d+\.\d+\.(\d+|-)", row.ec)
        assert row.ec.endswith("-") == bool(row.product_type)
        assert re.fullmatch(r"GO:\d{7}", row.go)
        assert row.go_name and row.source


def test_a_function_has_one_name_and_an_ec_one_function():
    rows = read_terms()
    assert len({row.go for row in rows}) == len({(row.go, row.go_name) for row in rows})
    numbers = [row.ec for row in rows if not row.product_type]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) <= {number for product in read_products().values() for number in product.ec}


def test_every_type_of_class_one_alone_has_terms():
    with_terms = {row.product_type for row in read_terms() if not row.tps_class}
    assert with_terms - {""} == set(PRODUCT_TYPES) - EITHER_CLASS
    assert set(ENZYMES) == set(PRODUCT_TYPES)


@pytest.mark.parametrize(
    "product_type, tps_class, ec, go",
    [
        ("mono", "I", ("4.2.3.-",), ("GO:0010333",)),
        ("sesq", None, ("4.2.3.-",), ("GO:0010333",)),
        ("di", "I", ("4.2.3.-",), ("GO:0010333",)),
        ("di", "II", ("5.5.1.-",), ("GO:0016872",)),
        ("di", "I+II", ("4.2.3.-", "5.5.1.-"), ("GO:0010333", "GO:0016872")),
        ("di", None, (), ()),
        ("tri", "II", ("5.4.99.-",), ("GO:0016866",)),
        ("tri", "I", (), ()),
        ("tetra", "II", (), ()),
        ("pt", "I", ("4.2.3.-", "2.5.1.-"), ("GO:0010333", "GO:0004659")),
        *((name, None, ("2.5.1.-",), ("GO:0004659",)) for name in sorted(RELATED_TYPES)),
    ],
)
def test_terms_without_a_confident_product(product_type, tps_class, ec, go):
    assert terms_of(product_type, tps_class, []) == Terms(ec=ec, go=go)


@pytest.mark.parametrize(
    "product_type, tps_class, names, ec, go",
    [
        ("tri", "II", ["β-amyrin"], ["5.4.99.39"], ["GO:0042300"]),
        ("tri", "II", ["cycloartenol"], ["5.4.99.8"], ["GO:0016871"]),
        ("tri", "II", ["lupeol"], ["5.4.99.41"], ["GO:0031559"]),
        ("tri", "II", ["lupeol", "β-amyrin"], ["5.4.99.41", "5.4.99.39"], None),
        ("sqs", None, ["squalene"], ["2.5.1.21"], ["GO:0051996"]),
        # Two stereoisomers, which GO tells apart and the product does not.
        ("mono", "I", ["limonene"], ["4.2.3.16", "4.2.3.20"], ["GO:0010333"]),
        # A hydrolase, to which the function of lyases does not belong.
        ("mono", "I", ["geraniol"], ["3.1.7.11"], []),
        # Two active sites, of which the product tells one.
        ("di", "I+II", ["miltiradiene"], ["4.2.3.131", "5.5.1.-"], ["GO:0010333", "GO:0016872"]),
        # Two active sites, and a product of each.
        (
            "di",
            "I+II",
            ["copalyl diphosphate", "miltiradiene"],
            ["5.5.1.12", "5.5.1.13", "5.5.1.14", "4.2.3.131"],
            ["GO:0010333", "GO:0016872"],
        ),
        # A lyase that is a hydrolase, too.
        ("di", "I", ["cembrene A", "geraniol"], ["4.2.3.150", "3.1.7.11"], ["GO:0010333"]),
        # What one product tells is a kind of what would be said of the other.
        (
            "sesq",
            "I",
            ["germacrene A", "linalool"],
            ["4.2.3.23", "4.2.3.25", "4.2.3.26"],
            ["GO:0034005"],
        ),
        (
            "pt",
            "I",
            ["geranylfarnesyl diphosphate"],
            ["2.5.1.81", "4.2.3.-"],
            ["GO:0044687", "GO:0010333"],
        ),
        # Products without an EC number leave those of the type.
        ("sesq", "I", ["geosmin"], ["4.2.3.-"], ["GO:0010333"]),
    ],
)
def test_terms_of_confident_products(product_type, tps_class, names, ec, go):
    terms = terms_of(product_type, tps_class, products(*names))
    assert list(terms.ec) == ec
    if go is not None:
        assert list(terms.go) == go
    assert list(terms.chebi) == [BY_NAME[name].chebi for name in names]
    assert set(terms.rhea) == {rhea for name in names for rhea in BY_NAME[name].rhea}


@pytest.mark.parametrize(
    "product_type, intact, lost, tps_class",
    [
        ("sesq", {"1"}, set(), "I"),
        ("sesq", {"2"}, {"1"}, None),
        ("sesq", set(), {"1"}, None),
        ("sesq", set(), set(), "I"),
        ("di", {"2"}, {"1"}, "II"),
        ("di", {"1", "2"}, set(), "I+II"),
        ("di", set(), set(), None),
        ("tri", {"2"}, set(), "II"),
    ],
)
def test_class_needs_a_type_and_a_working_site(product_type, intact, lost, tps_class):
    assert class_of_synthase(product_type, intact, lost) == tps_class


def test_names_of_enzymes():
    many = [Product(name, name) for name in "abcd"]
    assert enzyme_name("mono", "I", many) == "putative a/b/c synthase"
    assert enzyme_name("mono", "I", [Product("C")]) == "putative monoterpene synthase"
    assert enzyme_name("di", "II", []) == "putative class II diterpene cyclase"
    assert enzyme_name("di", "I+II", []) == "putative diterpene synthase"
    assert enzyme_name(None, "II", []) == "terpene synthase"
    assert enzyme_name("other", "I", []) == "putative terpene synthase"
    assert enzyme_name("pt", None, []) == "putative isoprenyl diphosphate synthase"
    assert enzyme_name("pt", "I", []).startswith("putative bifunctional terpene synthase/")
