"""Enzymes: reactions gathered by sequence, and the files that they are written to and read from."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import DATA

from tpspred.dataset.ensembles import SLUGS
from tpspred.dataset.enzymes import (
    Enzyme,
    from_reactions,
    read_enzyme_sequences,
    read_enzymes,
    write_enzymes,
)
from tpspred.dataset.reactions import read_reactions
from tpspred.errors import InputError
from tpspred.io.fasta import read_fasta


def test_rows_of_one_sequence_are_gathered(export, row):
    other = row | {
        "Enzyme_marts_ID": "e1",
        "Type": "sqs",
        "Product_name": "linalool",
        "Product_smiles": "C=CC(C)(O)CCC=C(C)C",
        "Aminoacid_sequence": row["Aminoacid_sequence"] + "*",
    }
    (enzyme,) = from_reactions(read_reactions(export(row, other)))
    assert enzyme.id == "e1" and enzyme.products == ("myrcene", "linalool")
    assert enzyme.ensembles == ("mono_myrcene", "specialized_oxygenated")
    assert enzyme.product_types == ("mono", "sqs") and enzyme.is_tps


def test_an_accession_is_that_of_uniprot_or_else_of_genbank(export, row):
    rows = [
        row | {"Genbank_ID": "G1"},
        row | {"Uniprot_ID": "", "Genbank_ID": "G2"},
        row | {"Uniprot_ID": ""},
    ]
    (enzyme,) = from_reactions(read_reactions(export(*rows)))
    assert enzyme.accessions == ("P1", "G2")


def test_enzymes_are_sorted_by_id(export, row):
    other = row | {"Enzyme_marts_ID": "e1", "Aminoacid_sequence": "MKV"}
    enzymes = from_reactions(read_reactions(export(row, other)))
    assert [enzyme.id for enzyme in enzymes] == ["e1", "e2"]


def test_a_relative_alone_is_no_terpene_synthase(export, row):
    (enzyme,) = from_reactions(read_reactions(export(row | {"Type": "sqs"})))
    assert not enzyme.is_tps


def test_one_id_with_two_sequences_is_refused(export, row):
    with pytest.raises(InputError, match="enzyme e2: found two different sequences"):
        from_reactions(read_reactions(export(row, row | {"Aminoacid_sequence": "MKV"})))


def test_dataset_round_trip(tmp_path, enzymes):
    assert write_enzymes(enzymes, tmp_path / "d.tsv") == len(enzymes)
    assert read_enzymes(tmp_path / "d.tsv") == enzymes
    lines = (tmp_path / "d.tsv").read_text().splitlines()
    assert lines[0].split("\t")[:9] == [
        "id",
        "sequence",
        "species",
        "kingdom",
        "ensembles",
        "product_types",
        "tps_classes",
        "substrates",
        "products",
    ]
    (tmp_path / "bad.tsv").write_text(lines[0] + "\n" + "a\tb\n")
    with pytest.raises(InputError, match="bad.tsv, line 2: found 2 columns"):
        read_enzymes(tmp_path / "bad.tsv")


# Names as MARTS-DB has them, with every sign but the separators of the table.
names = st.lists(st.text("aβ1 ;,()'\"-", min_size=1, max_size=8), max_size=3).map(tuple)
enzyme_strategy = st.builds(
    Enzyme,
    id=st.text("abc123_", min_size=1, max_size=8),
    sequence=st.text("ACDX", min_size=1, max_size=20).filter(lambda text: text.strip("X")),
    species=names,
    kingdom=names,
    ensembles=st.lists(st.sampled_from(SLUGS), max_size=3).map(tuple),
    product_types=st.lists(st.sampled_from(["mono", "sqs"]), max_size=2).map(tuple),
    tps_classes=st.lists(st.sampled_from("12"), max_size=2).map(tuple),
    substrates=names,
    products=names,
    structures=st.lists(st.text("CO()=1[]@", min_size=1, max_size=8), max_size=3).map(tuple),
    accessions=names,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(enzyme_strategy, max_size=3, unique_by=lambda enzyme: enzyme.id))
def test_any_names_survive_the_table(tmp_path, enzymes):
    write_enzymes(enzymes, tmp_path / "any.tsv")
    assert read_enzymes(tmp_path / "any.tsv") == enzymes


@pytest.mark.parametrize(
    "column, value, message",
    [
        ("sequence", "MK4", "column sequence: found '4' at residue 3; wanted amino acids"),
        ("sequence", "", "column sequence: found empty; wanted a whole protein"),
        ("sequence", "MK*V", "column sequence: found internal stop; wanted a whole protein"),
        ("sequence", "ACGT" * 20, "column sequence: found a nucleotide sequence; wanted proteins"),
        ("ensembles", "mono_pinene;gold", "column ensembles: found gold; wanted some of"),
        ("product_types", "quattro", "column product_types: found quattro; wanted some of hemi"),
        ("tps_classes", "3", "column tps_classes: found 3; wanted some of 1, 2"),
        ("id", "", "line 2: found no id; wanted an id that no other enzyme has"),
    ],
)
def test_broken_cells_are_named(tmp_path, enzymes, column, value, message):
    write_enzymes(enzymes[:1], tmp_path / "d.tsv")
    header, row = (line.split("\t") for line in (tmp_path / "d.tsv").read_text().splitlines())
    row[header.index(column)] = value
    (tmp_path / "d.tsv").write_text("\t".join(header) + "\n" + "\t".join(row) + "\n")
    with pytest.raises(InputError) as error:
        read_enzymes(tmp_path / "d.tsv")
    assert f"d.tsv, line 2, {message}".replace("2, line 2", "2") in str(error.value)


def test_an_id_that_comes_twice_is_refused(tmp_path, enzymes):
    write_enzymes([enzymes[0], enzymes[0]], tmp_path / "d.tsv")
    with pytest.raises(
        InputError, match=f"line 3: found the id {enzymes[0].id}, which came before"
    ):
        read_enzymes(tmp_path / "d.tsv")


def test_a_table_without_a_column_is_refused(tmp_path, enzymes):
    write_enzymes(enzymes, tmp_path / "d.tsv")
    rows = [line.split("\t") for line in (tmp_path / "d.tsv").read_text().splitlines()]
    (tmp_path / "cut.tsv").write_text("".join("\t".join(cells[:-1]) + "\n" for cells in rows))
    with pytest.raises(InputError, match="cut.tsv, line 1: found no column accessions"):
        read_enzymes(tmp_path / "cut.tsv")
    (tmp_path / "empty.tsv").touch()
    with pytest.raises(InputError, match="empty.tsv, line 1: found no column id, sequence"):
        read_enzymes(tmp_path / "empty.tsv")


def test_columns_may_stand_in_any_order(tmp_path, enzymes):
    write_enzymes(enzymes, tmp_path / "d.tsv")
    rows = [line.split("\t") for line in (tmp_path / "d.tsv").read_text().splitlines()]
    (tmp_path / "r.tsv").write_text("".join("\t".join(cells[::-1]) + "\n" for cells in rows))
    assert read_enzymes(tmp_path / "r.tsv") == enzymes


def test_fasta_has_the_same_ids_and_sequences(tmp_path, enzymes):
    write_enzymes(enzymes, tmp_path / "d.tsv", tmp_path / "d.faa")
    records = [(record.id, record.sequence) for record in read_fasta(tmp_path / "d.faa")]
    assert records == [(enzyme.id, enzyme.sequence) for enzyme in enzymes]


def test_sequences_of_an_export_are_known_by_id_and_accession(export, row):
    other = row | {"Enzyme_marts_ID": "e3", "Uniprot_ID": "", "Aminoacid_sequence": "MKV"}
    sequence_of = read_enzyme_sequences(export(row, other))
    assert sequence_of == {"e2": "MKVLAWMKVLAW", "P1": "MKVLAWMKVLAW", "e3": "MKV"}


def test_sequences_of_a_fasta_are_known_by_their_names(tmp_path, enzymes):
    write_enzymes(enzymes, tmp_path / "d.tsv", tmp_path / "d.faa")
    expected = {enzyme.id: enzyme.sequence for enzyme in enzymes}
    assert read_enzyme_sequences(tmp_path / "d.faa") == expected
    assert read_enzyme_sequences(DATA / "reactions.csv") == expected


def test_sequences_that_cannot_be_scored_are_left_out(tmp_path):
    (tmp_path / "d.faa").write_text(">a\nMKV\n>b\nMK*V\n>c\n")
    assert read_enzyme_sequences(tmp_path / "d.faa") == {"a": "MKV"}


@pytest.mark.parametrize("content", ["", ">b\nMK*V\n"])
def test_a_file_without_sequences_is_refused(tmp_path, content):
    (tmp_path / "d.faa").write_text(content)
    with pytest.raises(InputError, match="d.faa: found no sequence; wanted a MARTS-DB export"):
        read_enzyme_sequences(tmp_path / "d.faa")


def test_a_file_of_another_kind_is_refused(tmp_path, enzymes):
    write_enzymes(enzymes, tmp_path / "d.tsv")
    with pytest.raises(InputError, match="d.tsv, line 1: found .* before any header"):
        read_enzyme_sequences(tmp_path / "d.tsv")


def test_an_enzyme_does_not_change(enzymes):
    with pytest.raises(dataclasses.FrozenInstanceError):
        enzymes[0].sequence = "M"
