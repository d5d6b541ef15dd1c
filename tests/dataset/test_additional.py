"""Tables of additional enzymes."""

import sys

import pytest

from tpspred.dataset.additional import COLUMNS, parse_additional
from tpspred.errors import InputError
from tpspred.io import files

PINENE, LIMONENE = "CC1=CCC2CC1C2(C)C", "CC1CCC(CC=1)C(C)=C"


def read(path):
    with files.open_bytes(path) as stream:
        return parse_additional(files.lines(stream, path), path)


def test_a_row_becomes_an_enzyme(additions, addition, monkeypatch):
    """Its structures are in the package's table, so that RDKit is not needed."""
    monkeypatch.setitem(sys.modules, "rdkit", None)
    (row,) = read(additions(addition | {"source": "a paper", "length": "12"}))
    assert row.structures == (PINENE, LIMONENE)
    assert (row.enzyme.id, row.enzyme.sequence) == ("a1", "MSTLLWMSTLLW")
    assert row.enzyme.ensembles == ("mono_pinene", "mono_limonene")
    assert row.enzyme.product_types == ("mono",)
    for name in ("species", "kingdom", "tps_classes", "substrates", "products", "accessions"):
        assert getattr(row.enzyme, name) == ()


def test_further_columns_are_read_if_they_are_there(additions, addition):
    more = {
        "product_types": "sesq; mono;sesq",
        "accessions": "P1|G2",
        "species": " Mentha spicata | Mentha",
        "kingdom": "Plantae",
        "tps_classes": "2;1",
        "substrates": "(2E,6E)-FPP|(2E)-GPP",
        "products": "α-pinene|limonene, or so",
    }
    (row,) = read(additions(addition | more))
    enzyme = row.enzyme
    assert enzyme.product_types == ("mono", "sesq") and enzyme.tps_classes == ("1", "2")
    assert enzyme.accessions == ("P1", "G2") and enzyme.kingdom == ("Plantae",)
    assert enzyme.species == ("Mentha spicata", "Mentha")
    assert enzyme.substrates == ("(2E)-GPP", "(2E,6E)-FPP")
    assert enzyme.products == ("α-pinene", "limonene, or so")


def test_ensembles_follow_from_the_structures(additions, addition):
    """They may be absent, empty, or in any order."""
    (usual,) = read(additions(addition))
    for ensembles in ("", "mono_limonene;mono_pinene", "mono_pinene; mono_limonene"):
        assert read(additions(addition | {"ensembles": ensembles})) == [usual]
    del addition["ensembles"]
    assert read(additions(addition)) == [usual]


def test_a_new_structure_is_assigned_by_the_rules(additions, addition):
    """Pinene, in a spelling that the package's table does not have."""
    new = addition | {"products_smiles_nostereo": "C12CC(CC=C1C)C2(C)C", "ensembles": ""}
    (row,) = read(additions(new))
    assert row.enzyme.ensembles == ("mono_pinene",)


def test_order_of_columns_line_ends_and_empty_lines_do_not_matter(additions, addition):
    usual = read(additions(addition))
    path = additions(dict(reversed(addition.items())))
    path.write_text(path.read_text().replace("\n", "\r\n\r\n"))
    assert read(path) == usual


@pytest.mark.parametrize(
    "change, message",
    [
        ({"product_types": "quattro"}, "column product_types: found quattro; wanted some of hemi"),
        ({"product_types": ""}, "column product_types: found nothing; wanted a value"),
        ({"id": "a 2"}, "column id: found 'a 2'; wanted one word"),
        ({"sequence": " "}, "column sequence: found nothing; wanted a value"),
        ({"sequence": "MK7"}, "column sequence: found '7' at residue 3; wanted amino acids"),
        ({"products_smiles_nostereo": ""}, "products_smiles_nostereo: found nothing; wanted a val"),
        ({"products_smiles_nostereo": "C||C"}, "found no text beside a |; wanted a SMILES"),
        ({"products_smiles_nostereo": "C1CC"}, "products_smiles_nostereo: 'C1CC' is not a SMILES"),
        ({"ensembles": "gold"}, "column ensembles: found gold; wanted some of mono_pinene"),
        ({"tps_classes": "3"}, "column tps_classes: found 3; wanted some of 1, 2"),
        (
            {"products": "pinene"},
            "column products: found 1 names; wanted one for each of the 2 str",
        ),
        ({"products": "pinene|"}, "column products: found 1 names; wanted one for each of the 2 s"),
        ({"species": "a\x0bb"}, r"column species: found 'a\x0bb'; wanted text without control"),
        ({"id": "a1"}, "found the id a1, which came before; wanted an id that no other enzyme has"),
        (
            {"ensembles": "mono_pinene"},
            "column ensembles: found mono_pinene; wanted mono_pinene;mono_limonene, which follow",
        ),
        (
            {"products_smiles_nostereo": "C=CC(=C)C"},
            "column ensembles: found mono_pinene;mono_limonene; wanted none, which follow from",
        ),
    ],
)
def test_bad_values_are_named(additions, addition, change, message):
    with pytest.raises(InputError) as error:
        read(additions(addition, addition | {"id": "a2"} | change))
    assert "more.tsv, line 3" in str(error.value) and message in str(error.value)


def test_tables_of_another_shape_are_named(additions, addition):
    del addition["product_types"]
    with pytest.raises(
        InputError, match="line 1: found no column product_types; wanted a table of"
    ):
        read(additions(addition))
    path = additions(dict.fromkeys(COLUMNS, "x"))
    path.write_text(path.read_text() + "a\tb\n")
    with pytest.raises(InputError, match="line 2: found 'x' at|line 2, column"):
        read(path)
    path.write_text("\t".join((*COLUMNS, "id")) + "\n")
    with pytest.raises(
        InputError, match="line 1: found two columns id; wanted a table of addition"
    ):
        read(path)
    path.write_text("\t".join(COLUMNS) + "\na\tb\n")
    with pytest.raises(InputError, match="line 2: found 2 columns; wanted 4 columns"):
        read(path)
    path.write_text("")
    with pytest.raises(InputError, match="line 1: found no column id, product_types"):
        read(path)


@pytest.mark.parametrize("column", ["product_types", "type"])
@pytest.mark.parametrize("text", ["Negative", "negative "])
def test_an_inactive_protein_is_refused_whatever_columns_there_are(additions, column, text):
    rows = [
        {"id": "a1", column: "mono", "product_smiles": PINENE, "sequence": "MKV"},
        {"id": "a2", column: text, "product_smiles": "Negative", "sequence": "MKL"},
    ]
    with pytest.raises(InputError) as error:
        read(additions(*rows))
    assert "more.tsv, line 3: found the type" in str(error.value)
    assert "belongs to the --negatives of tpspred train" in str(error.value)
