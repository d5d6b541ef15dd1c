"""Several tables of enzymes: read, described, compared and merged."""

import dataclasses
import gzip
import io
import sys

import pytest
from support import DATA

from tpspred.dataset.enzymes import from_reactions, read_enzymes, write_enzymes
from tpspred.dataset.reactions import read_reactions
from tpspred.dataset.tables import (
    ProductNames,
    describe_tables,
    merge_tables,
    read_structures,
    read_tables,
)
from tpspred.errors import InputError

PINENE = "CC1=CCC2CC1C2(C)C"
PLUS_PINENE = "CC1=CC[C@@H]2C[C@H]1C2(C)C"
MINUS_PINENE = "CC1=CC[C@H]2C[C@@H]1C2(C)C"


def merged(*sources):
    return merge_tables(read_tables(sources))


def test_an_export_alone_gives_what_it_gave():
    path = DATA / "reactions.csv"
    assert merged(path) == from_reactions(read_reactions(path))


def test_the_header_tells_the_kind_and_not_the_name(export, row, additions, addition, tmp_path):
    usual = merged(export(row), additions(addition))
    assert [enzyme.id for enzyme in usual] == ["a1", "e2"]
    (tmp_path / "x.tsv").write_bytes(export(row).read_bytes())
    (tmp_path / "y.csv").write_bytes(gzip.compress(additions(addition).read_bytes()))
    assert merged(tmp_path / "x.tsv", tmp_path / "y.csv") == usual


@pytest.mark.parametrize("piped", [0, 1])
def test_one_table_may_come_from_standard_input(
    export, row, additions, addition, monkeypatch, piped
):
    sources = [export(row), additions(addition)]
    usual = merged(*sources)
    stream = io.BufferedReader(io.BytesIO(sources[piped].read_bytes()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))
    sources[piped] = "-"
    tables = read_tables(sources)
    assert merge_tables(tables) == usual and tables[piped].source == "-"


def test_order_of_tables_changes_nothing_but_the_messages(export, row, additions, addition):
    tables = [export(row), additions(addition)]
    assert merged(*tables) == merged(*tables[::-1])


def test_every_table_is_described(export, row, additions, addition):
    other = row | {"Enzyme_marts_ID": "e3"}  # the sequence of e2
    tables = read_tables(
        [
            export(row, row, other),
            additions(
                addition,
                {
                    "id": "e2",
                    "product_types": "mono",
                    "products_smiles_nostereo": "CC(C)=CCCC(=C)C=C",
                    "sequence": row["Aminoacid_sequence"],
                },
            ),
        ]
    )
    first, second = describe_tables(tables)
    assert first.endswith("reactions.csv: 2 enzymes, 1 distinct sequences")
    assert second.endswith("more.tsv: 2 enzymes, 2 distinct sequences, 1 of them new")
    many = dataclasses.replace(tables[0], sequence_of={str(i): str(i) for i in range(1356)})
    assert ": 1,356 enzymes, 1,356 distinct sequences" in describe_tables([many])[0]


def test_a_product_has_the_commonest_name_of_its_structure(export, row, additions, addition):
    """Isomers count together; without a name in the export, the structure is the name."""
    rows = [
        row | {"Product_smiles": PLUS_PINENE, "Product_name": "(+)-α-pinene"},
        row | {"Product_smiles": MINUS_PINENE, "Product_name": "(-)-α-pinene"},
        row | {"Product_smiles": MINUS_PINENE, "Product_name": "(-)-α-pinene"},
    ]
    (enzyme, _) = merged(export(*rows), additions(addition))
    assert enzyme.products == ("(-)-α-pinene", "C=C(C)C1CC=C(C)CC1")
    named = addition | {"products": "pinene|limonene"}
    assert merged(export(*rows), additions(named))[0].products == ("pinene", "limonene")


def test_of_names_that_are_equally_common_the_first_is_taken(export, row):
    rows = [row | {"Product_name": "β-myrcene"}, row]
    names = ProductNames(read_reactions(export(*rows)))
    assert names.commonest("C=CC(=C)CCC=C(C)C") == "β-myrcene"


def test_a_sequence_of_two_tables_becomes_one_enzyme(export, row, additions, addition, tmp_path):
    """It has everything that any of the tables knows, and products that have a name keep it."""
    rows = [
        row | {"Product_smiles": PLUS_PINENE, "Product_name": "(+)-α-pinene"},
        row | {"Product_smiles": MINUS_PINENE, "Product_name": "(-)-α-pinene"},
        row | {"Enzyme_marts_ID": "e9", "Product_smiles": "CC1=CC[C@@H](C(=C)C)CC1"},
    ]
    same = addition | {
        "sequence": row["Aminoacid_sequence"].lower() + "*",
        "accessions": "P1|Q1",
        "species": "Pinus",
        "tps_classes": "2",
    }
    for order in (1, -1):
        (enzyme,) = merged(*[export(*rows), additions(same)][::order])
        assert enzyme.id == "a1" and enzyme.sequence == row["Aminoacid_sequence"]
        assert enzyme.products == ("(+)-α-pinene", "(-)-α-pinene", "myrcene")
        assert enzyme.tps_classes == ("1", "2") and set(enzyme.species) == {"Mentha", "Pinus"}
        assert set(enzyme.accessions) == {"P1", "Q1"} and enzyme.kingdom == ("Plantae",)
        write_enzymes([enzyme], tmp_path / "d.tsv")
        assert read_enzymes(tmp_path / "d.tsv") == [enzyme]


@pytest.mark.parametrize(
    "change, place, found",
    [
        (
            {"id": "e2"},
            "id e2",
            "sequences of 12 and 12 residues that differ from residue 2 on; wanted one sequence",
        ),
        # The id of an enzyme that the export has together with another one.
        ({"id": "e7"}, "id e7", "sequences of 12 and 12 residues that differ from residue 2 on"),
        (
            {"accessions": "Q2|P1", "sequence": "MKVLAWMKVLAWG"},
            "accession P1",
            "sequences of 12 and 13 residues that differ from residue 13 on; wanted one sequence",
        ),
        (
            {"sequence": "MKVLAWMKVLAW", "product_types": "sesq;mono"},
            "enzyme a1",
            "one sequence with the product types mono and mono;sesq; wanted the same in both",
        ),
        (
            {"sequence": "MKVLAWMKVLAW"},
            "enzyme a1",
            "one sequence with the ensembles mono_myrcene and mono_pinene;mono_limonene; wanted",
        ),
        (
            {
                "sequence": "MKVLAWMKVLAW",
                "products_smiles_nostereo": "C=CC(=C)C",
                "ensembles": "",
            },
            "enzyme a1",
            "one sequence with the ensembles mono_myrcene and none; wanted the same in both",
        ),
    ],
)
def test_contradictions_name_both_tables_and_both_values(
    export, row, additions, addition, change, place, found
):
    tables = [export(row, row | {"Enzyme_marts_ID": "e7"}), additions(addition | change)]
    with pytest.raises(InputError) as error:
        merged(*tables)
    message = str(error.value)
    assert "reactions.csv" in message and "more.tsv" in message
    assert place in message and found in message
    if place == "enzyme a1":
        assert "reactions.csv, enzyme e2, and " in message


def test_two_rows_of_one_table_must_agree_too(additions, addition):
    other = addition | {"id": "a2", "product_types": "sesq"}
    with pytest.raises(InputError, match="more.tsv, enzyme a1, and .*more.tsv, enzyme a2: found"):
        merged(additions(addition, other))
    (enzyme,) = merged(additions(addition, addition | {"id": "a0"}))
    assert enzyme.id == "a0"


def test_one_accession_of_two_sequences_in_one_table_is_left_as_it_is(additions, addition):
    """A GenBank accession of a genome may stand for several proteins."""
    rows = [addition | {"accessions": "CP1"}, addition | {"id": "a2", "sequence": "MKV"}]
    rows[1]["accessions"] = "CP1"
    assert [enzyme.accessions for enzyme in merged(additions(*rows))] == [("CP1",), ("CP1",)]


def test_one_id_with_two_sequences_names_the_export(export, row):
    with pytest.raises(InputError, match="reactions.csv: enzyme e2: found two different seq"):
        read_tables([export(row, row | {"Aminoacid_sequence": "MKV"})])


def test_a_file_without_tabs_is_read_as_an_export(tmp_path):
    (tmp_path / "x.tsv").write_text("id,sequence\na,MKV\n")
    with pytest.raises(InputError, match="x.tsv, line 1: found no column Enzyme_marts_ID"):
        read_tables([tmp_path / "x.tsv"])


def test_a_dataset_is_no_table_of_additional_enzymes(tmp_path, enzymes):
    write_enzymes(enzymes, tmp_path / "d.tsv")
    with pytest.raises(InputError, match="d.tsv, line 1: found no column products_smiles_nostereo"):
        read_tables([tmp_path / "d.tsv"])


def test_structures_are_those_of_all_tables(export, row, additions, addition):
    structures = {"C=CC(=C)CCC=C(C)C", PINENE, "CC1CCC(CC=1)C(C)=C"}
    assert read_structures([export(row), additions(addition)]) == structures
