"""The scripts that make files of the project make the files that are in it."""

import csv
import dataclasses
import gzip
import re
import subprocess
import sys

import pytest
from support import DATA, ROOT, assert_same

from tpspred.dataset.ensembles import SLUGS
from tpspred.dataset.product_types import PRODUCT_TYPES
from tpspred.io.fasta import read_fasta
from tpspred.pretraining.masked_training import Plan
from tpspred.writers import FORMATS
from tpspred.writers.genome_lift import Annotation

TABLE = ROOT / "tpspred/resources/product_ensembles.tsv"


def run_script(name, *arguments):
    """Run a Python script of bin/ and return its standard output."""
    done = subprocess.run(
        [sys.executable, ROOT / "bin" / name, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_ensembles(text):
    """Return a table of ensembles: structure → ensembles, as text."""
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    return {row["structure"]: row["ensembles"] for row in rows}


@pytest.mark.slow
def test_test_data_can_be_made_again(tmp_path):
    run_script("make-test-data", tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    outputs = [f"expected.{kind}" for kind in sorted(FORMATS)]
    genome = ["genome.faa", "genome.gff3"]
    assert names == [*outputs, *genome, "negatives.faa", "proteins.faa", "reactions.csv"]
    for name in names:
        assert_same((tmp_path / name).read_bytes(), (DATA / name).read_bytes(), name)


def test_annotation_of_the_imaginary_genome_has_the_coding_sequence_of_every_protein():
    annotation = Annotation(DATA / "genome.gff3")
    records = list(read_fasta(DATA / "genome.faa"))
    lifts = [annotation.place(record.id, record.length_aa) for record in records]
    assert None not in lifts
    assert [record.problem for record in records if record.problem] == ["internal_stop"]
    assert [gene.name for gene in annotation.genes] == [record.id for record in records]


def test_ensembles_of_the_test_data_agree_with_the_table_of_the_package():
    printed = read_ensembles(run_script("make-ensemble-table", DATA / "reactions.csv"))
    with open(DATA / "reactions.csv", newline="") as handle:
        structures = {row["Product_smiles"] for row in csv.DictReader(handle)}
    assert list(printed) == sorted(structures)
    packaged = read_ensembles(TABLE.read_text())
    in_both = printed.keys() & packaged.keys()
    assert len(in_both) == 2
    assert all(printed[structure] == packaged[structure] for structure in in_both)


def test_table_of_the_package_can_be_made_again(tmp_path):
    """An export with the structures of the table gives the table."""
    with open(DATA / "reactions.csv", newline="") as handle:
        reaction = next(csv.DictReader(handle))
    with open(tmp_path / "reactions.csv", "w", newline="") as handle:
        table = csv.DictWriter(handle, reaction)
        table.writeheader()
        for structure in read_ensembles(TABLE.read_text()):
            table.writerow(reaction | {"Product_smiles": structure})
    assert run_script("make-ensemble-table", tmp_path / "reactions.csv") == TABLE.read_text()


@pytest.mark.slow
def test_drawings_of_the_package_can_be_made_again(tmp_path):
    run_script("make-drawings", tmp_path / "drawings.tsv.gz")
    made = gzip.decompress((tmp_path / "drawings.tsv.gz").read_bytes())
    assert made == gzip.decompress((ROOT / "tpspred/resources/drawings.tsv.gz").read_bytes())


@pytest.mark.slow
def test_glossary_is_up_to_date(tmp_path):
    run_script("make-glossary", tmp_path)
    pictures = sorted((ROOT / "docs/images/ensembles").iterdir())
    made = sorted((tmp_path / "images/ensembles").iterdir())
    assert [path.name for path in made] == [path.name for path in pictures]
    pages = (tmp_path / "ensembles.md", ROOT / "docs/ensembles.md")
    for one, other in [pages, *zip(made, pictures, strict=True)]:
        assert one.read_text() == other.read_text(), other


def test_glossary_explains_every_ensemble_and_product_type():
    text = (ROOT / "docs/ensembles.md").read_text()
    assert re.findall("^### (.*)$", text, re.M) == list(SLUGS)
    for name in PRODUCT_TYPES:
        assert f"\n| `{name}` | " in text


@pytest.mark.slow
def test_pretrain_encoder_has_an_option_for_every_value_of_a_plan():
    text = " ".join(run_script("pretrain-encoder", "--help").split())
    for field in dataclasses.fields(Plan):
        option = "--" + field.name.replace("_", "-")
        assert f"{option} {field.name.upper()} {field.metadata['help']} [{field.default}]" in text


BISABOLENE = "C=C(CCC=C(C)C)C1CC=C(C)CC1"
ZINGIBERENE = "CC(C)=CCCC(C)C1C=CC(C)=CC1"
CUPRENENE = "CC1=CC=C(C2(C)CCCC2(C)C)CC1"


def product_tables(folder, names, makers):
    """Write the tables of bin/make-products, in which an EC has one name and one product.

    Args:
        folder: Folder to write to.
        names: Name of the enzymes of EC 4.2.3.55 in UniProt.
        makers: Structures that each of the enzymes with this EC makes.
    """
    substrate = "CC(C)=CCC/C(C)=C/CC/C(C)=C/COP(=O)([O-])OP(=O)([O-])[O-]"
    header = "Enzyme_marts_ID,Substrate_smiles,Product_name,Product_smiles,Product_chebi_ID"
    compounds = {
        BISABOLENE: ("(S)-β-bisabolene", "49263.0"),
        ZINGIBERENE: ("zingiberene", ""),
        CUPRENENE: ("α-cuprenene", "1"),
    }
    rows = [
        ",".join([f"e{k}", substrate, compounds[smiles][0], smiles, compounds[smiles][1]])
        for k, products in enumerate(makers)
        for smiles in products
    ]
    with gzip.open(folder / "marts_reactions.csv.gz", "wt") as handle:
        handle.write("\n".join([header, *rows]))
    ec = "".join(f"e{k}\tsesq\t4.2.3.55\n" for k in range(len(makers)))
    (folder / "marts_ec.tsv").write_text(f"enzyme\tproduct_type\tec\n{ec}")
    (folder / "ec_terpene_map.tsv").write_text(
        f"ec\trhea_master\tuniprot_names\n4.2.3.55\t28266\t{names}\n"
    )
    (folder / "product_ec.tsv").write_text(
        f"ec\trhea_master\tproduct_smiles_nostereo\n4.2.3.55\t28266\t{BISABOLENE}\n"
    )


@pytest.mark.parametrize(
    "names, makers, reason",
    [
        ("(S)-beta-bisabolene synthase (2)", [[BISABOLENE, ZINGIBERENE]], None),
        ("AtBS (1)", [[BISABOLENE], [BISABOLENE, ZINGIBERENE]], None),
        ("", [[BISABOLENE, ZINGIBERENE]], "another product explains the EC as well"),
        ("", [[BISABOLENE], [ZINGIBERENE]], "a share is below 0.8"),
        ("Zingiberene synthase (1)", [[BISABOLENE]], "UniProt names Zingiberene"),
        ("Beta-bisabolene synthase (1)", [[ZINGIBERENE]], "no annotated enzyme makes"),
        ("Beta-bisabolene synthase (1)", [[BISABOLENE, ZINGIBERENE], [ZINGIBERENE]], "better"),
    ],
)
def test_an_ec_enters_where_the_tables_agree(tmp_path, names, makers, reason):
    product_tables(tmp_path, names, makers)
    rejected = tmp_path / "rejected.tsv"
    table = run_script("make-products", tmp_path, "--rejected", rejected)
    lines = [line for line in table.splitlines() if not line.startswith("#")]
    row = next(row for row in csv.DictReader(lines, delimiter="\t") if row["smiles"] == BISABOLENE)
    why = rejected.read_text().splitlines()[1:]
    if reason is None:
        assert (row["ec"], row["rhea"]) == ("4.2.3.55", "RHEA:28266")
        assert not why
    else:
        assert (row["ec"], row["rhea"]) == ("", "")
        assert len(why) == 1 and reason in why[0]


def test_a_product_gets_the_name_and_chebi_of_the_flat_structure_if_there_is_one(tmp_path):
    product_tables(tmp_path, "", [[BISABOLENE, CUPRENENE]])
    lines = run_script("make-products", tmp_path).splitlines()[3:]
    rows = {row["smiles"]: row for row in csv.DictReader(lines, delimiter="\t")}
    # The name of the first says that a stereoisomer is meant.
    assert rows[BISABOLENE]["name"] == "β-bisabolene"
    assert (rows[BISABOLENE]["chebi"], rows[BISABOLENE]["chebi_is"]) == (
        "CHEBI:49263",
        "stereoisomer",
    )
    assert (rows[CUPRENENE]["chebi"], rows[CUPRENENE]["chebi_is"]) == ("CHEBI:1", "flat")
    assert rows[ZINGIBERENE]["name"] == ""
