import json

import numpy as np

from tpspred.model.description import describe


def test_a_model_is_described_in_sections(model):
    about = describe(model)
    assert list(about) == [
        "model",
        "encoder",
        "training",
        "calibration",
        "held_out_ensembles",
        "labels",
    ]
    assert about["model"] == {"name": "tpspred-profile", "sha256": model.checksum}
    assert about["encoder"]["dimension"] == model.references.vectors.shape[1]
    assert about["training"]["networks"] == about["training"]["options"]["members"]
    assert about["training"]["references"] == len(model.references.about)
    assert about["held_out_ensembles"] == model.training_record["held_out_ensembles"]
    assert "held_out_ensembles" not in about["training"]
    assert json.loads(json.dumps(about, allow_nan=False)) == about


def test_every_label_is_described(model):
    rows = describe(model)["labels"]
    assert [row["label"] for row in rows] == [label.column for label in model.labels]
    for row, count, threshold, precision in zip(
        rows, model.positives, model.calibration.thresholds, model.calibration.precision
    ):
        assert row["positives"] == count
        assert row["threshold"] == (threshold if count else None)
        assert row["precision"] == (None if np.isnan(precision) else precision)


def test_an_uncalibrated_model_has_no_scores(small):
    about = describe(small.predictor)
    assert about["held_out_ensembles"] == {}
    assert about["calibration"] == {
        "proteins": 0,
        "tps_from": 0.5,
        "uncertain_from": 0.5,
        "least_similarity": 0.0,
    }
    assert {row["precision"] for row in about["labels"]} == {None}
