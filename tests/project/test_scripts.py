"""The scripts that make files of the project make the files that are in it."""

import csv
import dataclasses
import subprocess
import sys

import pytest
from support import DATA, ROOT

from tpspred.pretraining.masked_training import Plan

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
    assert names == ["expected.tsv", "negatives.faa", "proteins.faa", "reactions.csv"]
    for name in names:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name


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
def test_pretrain_encoder_has_an_option_for_every_value_of_a_plan():
    text = " ".join(run_script("pretrain-encoder", "--help").split())
    for field in dataclasses.fields(Plan):
        option = "--" + field.name.replace("_", "-")
        assert f"{option} {field.name.upper()} {field.metadata['help']} [{field.default}]" in text
