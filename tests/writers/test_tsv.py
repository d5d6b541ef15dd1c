"""The table of calls and its schema."""

import importlib.resources
import io
import json
import re
import urllib.parse

import pytest
from support import DATA

from tpspred.io.shards import Shard
from tpspred.model.calls import CONFIDENCE, MAX_ENSEMBLES
from tpspred.writers import tsv
from tpspred.writers.identifiers import CONFIDENT

PLACE_COLUMNS = ("source", "locus_group")

SCHEMA = json.loads(
    importlib.resources.files("tpspred").joinpath("resources/predictions.schema.json").read_text()
)


def fits(field, text):
    """Return whether a cell fits its field of the schema."""
    rules = field.get("constraints", {})
    if text in SCHEMA["missingValues"]:
        return not rules.get("required")
    if field["type"] in ("number", "integer"):
        value = {"number": float, "integer": int}[field["type"]](text)
        return rules.get("minimum", value) <= value <= rules.get("maximum", value)
    return text in rules.get("enum", [text]) and bool(
        re.fullmatch(rules.get("pattern", ".*"), text)
    )


@pytest.mark.slow
def test_every_cell_fits_the_schema(run, model, awkward_call, written):
    assert [field["name"] for field in SCHEMA["fields"]] == [*tsv.COLUMNS, *PLACE_COLUMNS]
    assert SCHEMA["fieldsMatch"] == "partial"  # some columns are there only if they are wanted
    bad = b">x\nMK*L\n>y\n>z\nXX\n>v\nM4\n>w\n" + b"ACGT" * 20 + b"\n"
    table = "".join(
        [
            run("predict", DATA / "proteins.faa", "--coverage", 0.9).out.decode(),
            written(tsv.Writer, model, awkward_call),
            run("predict", "-", stdin=bad).out.decode(),
        ]
    )
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("id\t")]
    assert len(rows) == 13
    for row in rows:
        assert len(row) == len(tsv.COLUMNS)
        for field, cell in zip(SCHEMA["fields"], row):
            assert fits(field, cell), (field["name"], cell)


def test_schema_refuses_wrong_cells():
    fields = SCHEMA["fields"]
    assert not fits(fields[2], "yes")
    assert not fits(fields[3], "1.5")
    assert not fits(fields[6], "a")
    assert not fits(fields[7], "mono_pinene:0.5000")
    assert not fits(fields[7], "mono_pinene:likely;mono_thujene:sure")
    assert not fits(fields[9], "α-pinene:0.5")
    assert not fits(fields[10], "4.2.3.-;4.2.3")
    assert not fits(fields[14], "1")


def test_schema_names_the_words_and_their_bounds():
    confidence = SCHEMA["fields"][7]
    for word, least in CONFIDENCE:
        assert fits(confidence, f"mono_pinene:{word}")
        assert not least or f"{word} from {least} on" in confidence["description"]
    assert {5: "five"}[MAX_ENSEMBLES] in SCHEMA["fields"][6]["description"]
    assert {3: "three"}[tsv.SHOWN_PRODUCTS] in SCHEMA["fields"][9]["description"]
    assert f"{CONFIDENT} or more" in SCHEMA["fields"][11]["description"]


def test_row_of_a_called_protein(model, awkward_call, written):
    header, row = written(tsv.Writer, model, awkward_call).splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert cells == {
        "id": 'a|b;c=d%,é "<x>"',
        "length": "600",
        "status": "tps",
        "tps_probability": "0.9900",
        "product_type": "mono",
        "product_type_probability": "0.8000",
        "ensembles": "mono_pinene:0.8000;mono_thujene:0.7000;mono_sabinene:0.3000",
        "ensemble_confidence": "mono_pinene:confident;mono_thujene:likely;mono_sabinene:possible",
        "ensemble_set": "mono_pinene",
        "products": "1,8-cineole:0.96;α-pinene:0.80;C%25%3BC:0.50",
        "ec": "4.2.3.108;4.2.3.119;4.2.3.121",
        "rhea": "RHEA:32543;RHEA:25488;RHEA:32575",
        "chebi": "CHEBI:27961;CHEBI:36740",
        "go": "GO:0010333",
        "tps_class": "I",
        "nearest_enzyme": "marts_0",
        "nearest_accession": "P0<1>|Q6PWU2",
        "nearest_products": "1,8-cineole|α;β",
        "nearest_similarity": "0.5000",
        "nearest_identity": "0.4000",
        "motifs": "DDxxD:300-304:DDVYD;NSE/DTE:450-458:NDLGTAKGE:altered",
        "flags": "no_neighbour_agrees",
        "model": model.name,
    }


def test_identifiers_without_products_are_those_of_the_type(model, awkward_call, written):
    header, row = written(tsv.Writer, model, awkward_call._replace(products=())).splitlines()
    cells = dict(zip(header.split("\t"), row.split("\t"), strict=True))
    assert [cells[name] for name in tsv.COLUMNS[9:15]] == [
        "none",
        "4.2.3.-",
        "none",
        "none",
        "GO:0010333",
        "I",
    ]


def test_products_can_be_read_back(model, awkward_call, written):
    header, row = written(tsv.Writer, model, awkward_call).splitlines()
    cell = dict(zip(header.split("\t"), row.split("\t"), strict=True))["products"]
    pairs = [pair.rpartition(":") for pair in cell.split(";")]
    names = [urllib.parse.unquote(name) for name, _, _ in pairs]
    assert names == ["1,8-cineole", "α-pinene", "C%;C"]
    assert [float(value) for _, _, value in pairs] == [0.96, 0.8, 0.5]


def test_row_of_a_protein_that_was_not_scored(model, unscored_call, written):
    _, row = written(tsv.Writer, model, unscored_call, all_labels=True).splitlines()
    unknown = ["NA"] * len(tsv.COLUMNS[3:-1])
    of_labels = ["NA"] * len(model.labels)
    assert row.split("\t") == ["e", "0", "empty", *unknown, model.name, *of_labels]


def test_the_place_stands_behind_the_other_columns(model, awkward_call, unscored_call, written):
    calls = awkward_call, unscored_call
    plain = written(tsv.Writer, model, *calls).splitlines()
    placed = written(tsv.Writer, model, *calls, place_columns=["source"]).splitlines()
    cells = ["source", "-", "-"]
    assert placed == [f"{line}\t{cell}" for line, cell in zip(plain, cells)]


def test_last_column_of_a_shard_numbers_the_records(model, unscored_call, written):
    text = written(tsv.Writer, model, unscored_call, unscored_call, shard=Shard(2, 3))
    assert [line.split("\t")[-1] for line in text.splitlines()] == ["shard:2/3", "2", "5:last"]


def test_a_shard_without_records_says_so(model, written):
    assert written(tsv.Writer, model, shard=Shard(2, 3)).endswith("\tmodel\tshard:2/3:empty\n")


def test_a_shard_that_is_not_closed_ends_within_a_row(model, unscored_call):
    """A run that is killed leaves no row that looks like the last one."""
    handle = io.StringIO()
    writer = tsv.Writer(handle, model, shard=Shard(2, 3))
    assert handle.getvalue().endswith("\tshard:2/3")
    for number in ("2", "5"):
        writer.write(unscored_call)
        assert handle.getvalue().endswith(f"\t{model.name}\t{number}")


def test_a_shard_differs_from_a_single_run_in_its_last_column_alone(
    model, awkward_call, unscored_call, written
):
    calls = awkward_call, unscored_call, awkward_call
    whole = written(tsv.Writer, model, *calls, all_labels=True)
    shard = written(tsv.Writer, model, *calls, all_labels=True, shard=Shard(1, 1))
    assert [line.rpartition("\t")[0] for line in shard.splitlines()] == whole.splitlines()
