import numpy as np
import pytest

from tpspred.errors import ModelError
from tpspred.model import metrics
from tpspred.model.decision import SAME
from tpspred.model.examples import gather_examples
from tpspred.model.held_out import calibrate, held_out_scores
from tpspred.model.trained import sequence_hash


def test_calibration_uses_the_networks_that_left_a_sequence_out(small):
    predictor, examples = small.predictor, small.examples
    trained = predictor.trained
    logits = predictor.logits(examples.embedding, examples.features)
    folds = dict(zip(trained.sequence_hashes.tolist(), trained.sequence_folds))
    held_out, similarity, product_shares = held_out_scores(predictor, examples)
    references = predictor.references
    for i, sequence in enumerate(examples.sequences):
        fold = folds[sequence_hash(sequence)]
        network = logits[fold, i]
        alike = references.similarity(examples.embedding[i])
        cosines = alike / np.linalg.norm(examples.embedding[i])
        vote = references.vote(alike, left_out=fold)
        (regression,) = references.regressions([fold])
        scaled = trained.scaling.features(examples.features[i])
        (decision,) = predictor.decision.regressions([trained.sequence_folds != fold])
        expected, expected_shares = predictor.blend(
            network,
            vote,
            regression.shares(cosines, scaled),
            decision.shares(SAME, scaled),
        )
        assert similarity[i] == pytest.approx(cosines[references.folds != fold].max())
        assert np.allclose(held_out[i], expected)
        assert np.allclose(product_shares[i], expected_shares)
    calibrated = calibrate(predictor, examples)
    assert calibrated.calibration.sequences == len(examples)
    assert not np.array_equal(calibrated.calibration.thresholds, predictor.calibration.thresholds)


def test_calibration_refuses_training_sequences(small, enzymes, train_small):
    single = train_small(members=1, epochs=1)
    with pytest.raises(
        ModelError, match=r"\d+ sequences that the model was trained on, first sampled_"
    ):
        calibrate(single, small.examples)
    left_out = single.trained.sequence_hashes[single.trained.sequence_folds == 0]
    fresh = [enzyme for enzyme in enzymes if sequence_hash(enzyme.sequence) in left_out]
    examples = gather_examples(fresh, small.table, [], small.labels)
    assert calibrate(single, examples).calibration.sequences == len(fresh)


def test_a_new_sequence_is_scored_by_all_networks_and_enzymes(small):
    predictor, examples = small.predictor, small.examples
    new = examples.subset(np.array([0]))
    new.sequences[0] = "M" + new.sequences[0]
    logits, similarity, _ = held_out_scores(predictor, new)
    mean = predictor.logits(new.embedding, new.features)[:, 0].mean(0)
    alike = predictor.references.similarity(new.embedding[0])
    references = predictor.references
    scaled = predictor.trained.scaling.features(new.features[0])
    regression = references.regression.shares(alike / np.linalg.norm(new.embedding[0]), scaled)
    decision = predictor.decision.regression.shares(SAME, scaled)
    expected, _ = predictor.blend(mean, references.vote(alike), regression, decision)
    assert logits[0] == pytest.approx(expected, abs=1e-6)
    assert similarity[0] == pytest.approx(1, abs=1e-3)  # all enzymes, the twin among them


def test_scores_of_the_ensembles_are_remembered(calibrated, small):
    scores = calibrated.training_record["held_out_ensembles"]
    fitted, columns = calibrated.calibration, list(calibrated.ensembles)
    expected = metrics.macro(
        fitted.held_out.targets[:, columns],
        fitted.held_out.probabilities[:, columns],
        fitted.thresholds[columns],
    )
    assert scores == pytest.approx(expected, abs=0.05)
    assert "held_out_ensembles" not in small.predictor.training_record
    other = {name: calibrated.training_record[name] for name in small.predictor.training_record}
    assert other == small.predictor.training_record
