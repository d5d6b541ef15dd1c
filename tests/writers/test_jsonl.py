"""Calls as JSON lines."""

import csv
import io
import json

from support import DATA

from tpspred.model.calls import MAX_ENSEMBLES
from tpspred.writers import jsonl
from tpspred.writers.tables import number


def test_objects_contain_everything(run, model):
    done = run("predict", DATA / "proteins.faa", "--format", "jsonl")
    objects = [json.loads(line) for line in done.out.splitlines()]
    table = csv.DictReader(io.StringIO((DATA / "expected.tsv").read_text()), delimiter="\t")
    for call, cells in zip(objects, table, strict=True):
        assert call["id"] == cells["id"]
        assert str(call["length"]) == cells["length"]
        assert call["status"] == cells["status"]
        assert number(call["tps_probability"]) == cells["tps_probability"]
        assert call["provenance"]["model_sha256"] == model.checksum
        if call["product_type"]:
            assert len(call["features"]) == 64
            assert len(call["probabilities"]) == len(model.labels)
            assert len(call["neighbours"]) == 3
            assert call["neighbours"][0]["id"] == cells["nearest_enzyme"]
            assert call["domains"]
            assert all(0 < motif["frequency"] <= 1 for motif in call["motifs"])
            reached = [
                name
                for name, threshold in call["thresholds"].items()
                if name.startswith("ensemble:") and call["probabilities"][name] >= threshold
            ]
            reached.sort(key=lambda name: -call["probabilities"][name])
            called = [f"ensemble:{ensemble['name']}" for ensemble in call["ensembles"]]
            assert called == reached[:MAX_ENSEMBLES]
    assert objects[-1]["probabilities"] is None
    assert objects[-1]["neighbours"] == []


def test_a_called_ensemble_has_a_probability_and_a_word_for_it(model, awkward_call, written):
    call = json.loads(written(jsonl.Writer, model, awkward_call))
    assert call["id"] == awkward_call.id
    assert call["ensembles"] == [
        {"name": "mono_pinene", "probability": 0.8, "confidence": "confident"},
        {"name": "mono_thujene", "probability": 0.7, "confidence": "likely"},
        {"name": "mono_sabinene", "probability": 0.3, "confidence": "possible"},
    ]
    assert call["neighbours"][0]["alignment"]["coverage"] == 0.9


def test_all_products_are_there_with_what_is_known_of_them(model, awkward_call, written):
    call = json.loads(written(jsonl.Writer, model, awkward_call))
    assert [product["probability"] for product in call["products"]] == [0.96, 0.8, 0.5, 0.25]
    assert call["products"][1] == {
        "smiles": "CC1=CCC2CC1C2(C)C",
        "name": "α-pinene",
        "chebi": "CHEBI:36740",
        "formula": "C10H16",
        "probability": 0.8,
    }
    unknown = {"name": None, "chebi": None, "formula": None}
    assert call["products"][2] == {"smiles": "C%;C", "probability": 0.5} | unknown
    assert call["terms"] == {
        "ec": ["4.2.3.108", "4.2.3.119", "4.2.3.121"],
        "rhea": ["RHEA:32543", "RHEA:25488", "RHEA:32575"],
        "chebi": ["CHEBI:27961", "CHEBI:36740"],
        "go": ["GO:0010333"],
        "tps_class": "I",
        "enzyme": "putative 1,8-cineole/α-pinene synthase",
    }


def test_a_missing_number_is_null(model, awkward_call, written):
    probabilities = awkward_call.probabilities.copy()
    probabilities[0] = float("nan")
    unknown = awkward_call._replace(probabilities=probabilities)
    call = json.loads(written(jsonl.Writer, model, unknown))
    assert call["probabilities"][model.labels[0].column] is None
    assert call["probabilities"][model.labels[1].column] == 0.25


def test_a_protein_that_was_not_scored_has_no_numbers(model, unscored_call, written):
    call = json.loads(written(jsonl.Writer, model, unscored_call))
    assert (call["tps_probability"], call["probabilities"], call["features"]) == (None, None, None)
    assert (call["products"], call["terms"]) == ([], None)
    assert call["provenance"]["model"] == model.training_record["name"]


def test_an_ensemble_that_is_never_called_has_no_threshold(model, unscored_call, written):
    strict = model.with_promises(1.0, None)
    call = json.loads(written(jsonl.Writer, strict, unscored_call))
    names = {name.removeprefix("ensemble:") for name in call["thresholds"]} - {"tps", "uncertain"}
    assert names == set(strict.callable_ensembles()) < set(model.callable_ensembles())
