"""Reading a MARTS-DB export."""

import gzip

import pytest

from tpspred.dataset.reactions import REACTION_COLUMNS, read_reactions
from tpspred.errors import InputError

HEADER = list(REACTION_COLUMNS)


def test_a_row_becomes_a_reaction(export, row):
    (reaction,) = read_reactions(export(row | {"Species": " Mentha ", "Product_name": "α;β, γ"}))
    assert reaction.enzyme == "e2"
    assert (reaction.uniprot, reaction.genbank) == ("P1", "")
    assert reaction.species == "Mentha"
    assert reaction.product == "α;β, γ"
    assert reaction.ensembles == ("mono_myrcene",)


def test_null_is_no_accession(export, row):
    (reaction,) = read_reactions(export(row | {"Uniprot_ID": "null", "Genbank_ID": "WP_1.1"}))
    assert (reaction.uniprot, reaction.genbank) == ("", "WP_1.1")


def test_the_sequence_is_normalised(export, row):
    (reaction,) = read_reactions(export(row | {"Aminoacid_sequence": "mkuj*"}))
    assert reaction.sequence == "MKCX"


def test_order_of_columns_further_columns_and_empty_lines_do_not_matter(export, row):
    shuffled = ["Enzyme_name", *HEADER[::-1]]
    path = export(row | {"Enzyme_name": "TPS1"}, [], row | {"Enzyme_name": ""}, header=shuffled)
    first, second = read_reactions(path)
    assert [first] == read_reactions(export(row)) and second == first


def test_a_compressed_export_gives_the_same(export, row):
    path = export(row)
    compressed = path.with_suffix(".csv.gz")
    compressed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_reactions(compressed) == read_reactions(path)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"Type": "quattro"}, "line 3, column Type: found 'quattro'; wanted one of hemi"),
        ({"Class": ""}, "line 3, column Class: found nothing; wanted a value"),
        ({"Product_smiles": "C1CC"}, "line 3, column Product_smiles: 'C1CC' is not a SMILES"),
        (
            {"Aminoacid_sequence": "MK7"},
            "line 3, column Aminoacid_sequence: found '7' at residue 3",
        ),
        ({"Product_name": "a\tb"}, r"column Product_name: found 'a\tb'; wanted text without tabs"),
        ({"Species": "a\nb"}, r"column Species: found 'a\nb'; wanted text without tabs"),
        ({"Substrate_name": "a|b"}, "column Substrate_name: found 'a|b'; wanted text without tabs"),
        ({"Type": "Negative"}, "belongs to the --negatives of tpspred train"),
        ({"Species": "null"}, "line 3, column Species: found nothing; wanted a value"),
        ({"Aminoacid_sequence": "MK*L"}, "line 3, column Aminoacid_sequence: found internal stop"),
    ],
)
def test_bad_values_are_named(export, row, change, message):
    with pytest.raises(InputError) as error:
        read_reactions(export(row, row | change))
    assert message in str(error.value) and "reactions.csv" in str(error.value)


def test_malformed_tables_are_named(export):
    with pytest.raises(InputError, match="line 1: found no column Product_smiles"):
        read_reactions(export(header=HEADER[:-1]))
    with pytest.raises(InputError, match="line 2: found 3 columns; wanted 11"):
        read_reactions(export(["a", "b", "c"]))
    path = export()
    path.write_text(path.read_text() + '"e1,unclosed\n')
    with pytest.raises(InputError, match="malformed CSV"):
        read_reactions(path)


def test_an_empty_file_has_no_columns(tmp_path):
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match="empty.csv, line 1: found no column Enzyme_marts_ID"):
        read_reactions(tmp_path / "empty.csv")
