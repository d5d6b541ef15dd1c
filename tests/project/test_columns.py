"""The page about the columns is complete, and its example and numbers are true."""

import importlib.resources
import json
import re

from support import ROOT

from tpspred.dataset.products import Product, read_products
from tpspred.dataset.terms import enzyme_name, read_terms
from tpspred.writers import tsv

PAGE = (ROOT / "docs/columns.md").read_text()
SCHEMA = json.loads(
    importlib.resources.files("tpspred").joinpath("resources/predictions.schema.json").read_text()
)
EXAMPLES = re.findall(r"^\| `(\w+)` \| .+ \| `(.+?)` \|$", PAGE, re.M)


def test_every_column_is_explained_in_order():
    assert [name for name, _ in EXAMPLES] == [*tsv.COLUMNS, "source", "locus_group"]


def test_the_example_fits_the_schema():
    for field, (name, cell) in zip(SCHEMA["fields"], EXAMPLES, strict=True):
        rules = field.get("constraints", {})
        assert field["name"] == name
        if cell == "NA":
            assert not rules.get("required"), name
        elif field["type"] == "string":
            assert re.fullmatch(rules.get("pattern", ".*"), cell), name
            assert cell in rules.get("enum", [cell]), name
        else:
            assert rules.get("minimum", 0) <= float(cell) <= rules.get("maximum", 1e9), name


def test_numbers_of_products_are_those_of_the_table():
    products = read_products().values()
    numbers = {
        "the {} products of MARTS-DB": len(products),
        "{} EC numbers of": sum(len(product.ec) for product in products),
        "of {} products. 68 numbers": sum(bool(product.ec) for product in products),
        "For {} products (`chebi_is`": sum(product.chebi_is_flat for product in products),
        "For {} (`stereoisomer`)": sum(
            bool(product.chebi) and not product.chebi_is_flat for product in products
        ),
        "{} products have none": sum(not product.chebi for product in products),
        "The {} products of newer enzymes": sum(not product.name for product in products),
    }
    text = PAGE.replace("\n", " ")
    for words, number in numbers.items():
        assert words.format(number) in text, words


def test_terms_of_the_page_are_those_of_the_table():
    named = set(re.findall(r"(GO:\d{7}) ([a-zA-Z ,-]+) \|", PAGE))
    assert named == {(row.go, row.go_name) for row in read_terms() if row.product_type}


def test_names_of_the_page_are_those_of_enzymes():
    for name in re.findall(r"\| (putative [\w ]+) \|$", PAGE, re.M):
        assert name in {
            "putative β-farnesene synthase",
            enzyme_name("sesq", "I", []),
            enzyme_name("pt", None, []),
            enzyme_name("pt", None, [Product("O", "farnesyl diphosphate")]),
        }
