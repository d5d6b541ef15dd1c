import copy
import dataclasses

import numpy as np
import pytest

from tpspred.dataset import ensembles
from tpspred.encoders.representations import RepresentedProtein, represent_records
from tpspred.errors import ModelError
from tpspred.io.fasta import ProteinRecord, protein_record
from tpspred.model.calibration import bounded_log_odds
from tpspred.model.calls import MAX_ENSEMBLES
from tpspred.model.decision import SAME
from tpspred.model.predictor import KNOWN, MIN_PRODUCT


def with_calibration(predictor, **changes):
    """The same model, with some numbers of its calibration replaced."""
    changed = dataclasses.replace(predictor.calibration, **changes)
    return predictor.with_calibration(changed, predictor.training_record)


def plain(call):
    """A call as something that can be compared."""
    return call._replace(probabilities=None, features=None), call.probabilities.tobytes()


def test_labels_without_positives_are_never_called(small, records):
    predictor = small.predictor
    unsupported = {label.column for label in predictor.unsupported()}
    assert "product_type:psy" in unsupported and "ensemble:di_taxane" in unsupported
    eager = with_calibration(
        predictor, thresholds=np.zeros(len(predictor.labels)), tps_threshold=0.0
    )
    call = next(eager.predict(records[:1]))
    assert {ensemble.name for ensemble in call.ensembles} == {
        "mono_sabinene",
        "sesq_germacrane",
        "tri_lanostane",
        "specialized_oxygenated",
    }
    assert np.isnan(
        [p for p, label in zip(call.probabilities, predictor.labels) if label.column in unsupported]
    ).all()


def test_a_characterised_enzyme_is_recognised(calibrated, enzymes):
    """It is its own nearest enzyme, also beside another one with the same vector."""
    assert len({enzyme.sequence for enzyme in enzymes}) == len(enzymes)
    records = [ProteinRecord(f"p{i}", "", enzyme.sequence) for i, enzyme in enumerate(enzymes)]
    twins = copy.copy(calibrated)
    twins.references = dataclasses.replace(
        calibrated.references,
        vectors=np.broadcast_to(
            calibrated.references.vectors[0], calibrated.references.vectors.shape
        ),
    )
    for predictor in (calibrated, twins):
        for enzyme, call in zip(enzymes, predictor.predict(records), strict=True):
            assert call.flags[0] == "characterised" and call.nearest.id == enzyme.id
            assert len({neighbour.id for neighbour in call.neighbours}) == len(call.neighbours)
    near = [record._replace(sequence="M" + record.sequence[2:]) for record in records]
    for enzyme, call in zip(enzymes, calibrated.predict(near), strict=True):
        assert call.flags[0] == "characterised" and call.nearest.id == enzyme.id
        # What is known of the enzyme is likely.
        probability_of = {product.smiles: product.probability for product in call.products}
        assert all(probability_of[smiles] >= KNOWN for smiles in enzyme.structures)
        assert {"tps": True, "related": False}[call.status] == enzyme.is_tps
        known = np.array([label.name in enzyme.ensembles for label in calibrated.labels])
        assert (call.probabilities[known] >= KNOWN).all()
    fragments = [record._replace(sequence=record.sequence[:-9]) for record in records[:3]]
    assert all("characterised" not in call.flags for call in calibrated.predict(fragments))


def test_a_dissimilar_protein_gets_the_flag_no_similar_enzyme(calibrated, records):
    assert "no_similar_enzyme" not in next(calibrated.predict(records[:1])).flags
    far = dataclasses.replace(
        calibrated.calibration.held_out, similarity=np.full(24, 1.5, np.float32)
    )
    strange = with_calibration(calibrated, held_out=far)
    assert "no_similar_enzyme" in next(strange.predict(records[:1])).flags


def test_only_a_calibrated_model_can_promise(small):
    for promise in ({"target_precision": 0.9}, {"coverage": 0.9}):
        with pytest.raises(
            ModelError,
            match="found no calibration; wanted a model that went through tpspred calibrate",
        ):
            small.predictor.with_promises(**promise)
    assert small.predictor.with_promises() is small.predictor


def test_a_promise_changes_the_copy_and_not_the_model(model, records):
    before = [plain(call) for call in model.predict(records[:4])]
    thresholds = model.calibration.thresholds.copy()
    strict = model.with_promises(target_precision=0.99, coverage=0.95)
    strict_calls = list(strict.predict(records[:4]))
    assert [plain(call) for call in model.predict(records[:4])] == before
    assert np.array_equal(model.calibration.thresholds, thresholds) and model.sets is None

    # The copy calls with its own thresholds, and with the precision at these.
    columns = {name: i for i, name in strict.ensembles.items()}
    assert strict.ensembles == model.ensembles
    for call in strict_calls:
        expected = {
            name
            for name, i in columns.items()
            if call.is_called and call.probabilities[i] >= strict.calibration.thresholds[i]
        }
        assert {ensemble.name for ensemble in call.ensembles} == expected
        for ensemble in call.ensembles:
            column = columns[ensemble.name]
            assert ensemble.precision == strict.calibration.precision[column] >= 0.99
        assert (call.ensemble_set is not None) == call.is_called
        probable = [call.probabilities[columns[name]] for name in call.ensemble_set or ()]
        assert probable == sorted(probable, reverse=True)
    assert set(strict.callable_ensembles()) < set(model.callable_ensembles())
    assert all(strict.calibration.thresholds[columns[x]] <= 1 for x in strict.callable_ensembles())


def test_each_promise_can_be_given_alone(model):
    precise = model.with_promises(target_precision=0.9)
    assert precise.sets is None
    covering = model.with_promises(coverage=0.9)
    assert covering.sets is not None and covering.calibration is model.calibration


def test_a_call_does_not_depend_on_the_batch(model, records):
    together = [plain(call) for call in model.predict(records[:5], threads=2)]
    alone = [plain(call) for record in records[:5] for call in model.predict([record])]
    assert together == alone


def test_proteins_without_a_match_or_with_a_problem_are_not_scored(model):
    records = [
        ProteinRecord("stranger", "", "MKV" * 30),
        protein_record("nothing", ""),
        protein_record("stopped", "MK*L"),
    ]
    calls = list(model.predict(records))
    assert [(call.id, call.status) for call in calls] == [
        ("stranger", "not_tps"),
        ("nothing", "empty"),
        ("stopped", "internal_stop"),
    ]
    assert not any(call.is_scored or call.is_called or call.neighbours for call in calls)
    assert {call.model for call in calls} == {f"tpspred-profile:{model.checksum[:8]}"}


def test_status_follows_the_thresholds(calibrated, first):
    represented = RepresentedProtein(first.protein, first.embedding, first.features)
    call = calibrated.call(represented)
    for tps, uncertain, status in (
        (call.tps_probability, 0.0, "tps"),
        (1.0, call.tps_probability, "uncertain"),
        (1.0, 1.0, "not_tps"),
    ):
        other = with_calibration(calibrated, tps_threshold=tps, uncertain_threshold=uncertain)
        again = other.call(represented)
        assert again.status == status
        assert again.is_called == (status != "not_tps") and again.is_scored
        assert again.probabilities.tobytes() == call.probabilities.tobytes()
        assert again.ensemble_set is None


def test_related_enzymes_have_their_own_status(calibrated, enzymes, records):
    related = [record for enzyme, record in zip(enzymes, records) if not enzyme.is_tps]
    labels = len(calibrated.labels)
    for threshold, status in ((0.0, "related"), (1.0, "not_tps")):
        other = with_calibration(
            calibrated,
            thresholds=np.full(labels, threshold),
            tps_threshold=1.0,
            uncertain_threshold=1.0,
        )
        assert {call.status for call in other.predict(related)} == {status}


def test_scores_blend_networks_vote_and_regression(small, first):
    predictor = small.predictor
    probabilities, similarity, products = predictor.scores(first.embedding, first.features)
    logits = predictor.logits(first.embedding[None], first.features[None])
    assert logits.shape == (3, 1, len(predictor.labels))
    mean = logits.mean(0)[0]
    references = predictor.references
    vote = references.vote(references.similarity(first.embedding))
    scaled = predictor.trained.scaling.features(first.features)
    regression = references.regression.shares(similarity, scaled)
    decision = predictor.decision.regression.shares(SAME, scaled)
    blended, product_shares = predictor.blend(mean, vote, regression, decision)
    tps, count = predictor.tps_column, len(predictor.labels)
    assert blended[tps] == pytest.approx((mean[tps] + bounded_log_odds(decision)[0]) / 2)
    voices = bounded_log_odds(vote[0]), bounded_log_odds(regression[:count])
    mixed = 0.3 * mean + 0.3 * voices[0] + 0.4 * voices[1]
    assert np.allclose(np.delete(blended, tps), np.delete(mixed, tps))
    assert product_shares == pytest.approx(0.3 * vote[1] + 0.7 * regression[count:])
    assert len(products) == len(references.structures) > 0
    supported = predictor.positives > 0
    expected = 1 / (1 + np.exp(-blended))
    assert np.isnan(probabilities[~supported]).all()
    assert probabilities[supported] == pytest.approx(expected[supported])
    assert similarity.max() == pytest.approx(1, abs=1e-3)  # the enzyme itself is a reference


def test_products_are_ranked_and_their_enzyme_is_known_again(calibrated, enzymes, records):
    for enzyme, call in zip(enzymes, calibrated.predict(records)):
        probabilities = [product.probability for product in call.products]
        assert probabilities == sorted(probabilities, reverse=True)
        assert all(MIN_PRODUCT <= probability <= 1 for probability in probabilities)
        assert len({product.smiles for product in call.products}) == len(probabilities)
        if call.is_called and call.products:
            known = calibrated.references.structures
            assert {product.smiles for product in call.products} <= set(known)
        assert call.is_called or not call.products
        assert call.nearest is None or call.nearest.id == enzyme.id


def test_a_product_is_no_likelier_than_its_ensemble(small, first):
    """Below the probability from which an ensemble is called, products are left as they are."""
    predictor = copy.copy(small.predictor)
    count, ensembles = len(predictor.labels), list(predictor.ensembles)
    belongs = np.zeros((3, count), bool)
    belongs[0, ensembles[0]] = belongs[1, ensembles[:2]] = True
    predictor._is_in_ensemble = belongs
    products = np.array([0.9, 0.9, 0.9])
    probabilities = np.full(count, np.nan)
    probabilities[ensembles[:2]] = 0.7, 0.1
    assert predictor._not_above_ensembles(products, probabilities) == pytest.approx([0.7, 0.2, 0.9])
    probabilities[:] = np.nan
    assert predictor._not_above_ensembles(products, probabilities) == pytest.approx(products)


def test_products_belong_to_the_ensembles_of_their_structure(small):
    belongs = small.predictor._is_in_ensemble
    structures = small.predictor.references.structures
    for smiles, row in zip(structures, belongs):
        slugs = {small.predictor.labels[i].name for i in np.flatnonzero(row)}
        assert slugs == set(ensembles.of_structure(smiles)) & set(
            small.predictor.ensembles.values()
        )


def test_no_more_ensembles_are_called_than_a_reader_can_use(calibrated, records):
    everything = with_calibration(
        calibrated, thresholds=np.zeros(len(calibrated.labels)), tps_threshold=0.0
    )
    for call in everything.predict(records[:4]):
        probabilities = [ensemble.probability for ensemble in call.ensembles]
        assert len(probabilities) == min(MAX_ENSEMBLES, len(everything.ensembles))
        best = np.sort(call.probabilities[list(everything.ensembles)])[::-1]
        assert probabilities == pytest.approx(best[: len(probabilities)])


def test_progress_and_neighbours_are_counted(calibrated, records):
    counts = []
    batches = represent_records(records[:4], calibrated.encoder, calibrated.feature_names)
    calls = list(calibrated.calls(batches, counts.append, neighbours=2))
    assert sum(counts) == 4 and [len(call.neighbours) for call in calls] == [2] * 4


def test_called_proteins_are_aligned_with_known_sequences(calibrated, records):
    sequence_of = {record.id: record.sequence for record in records}
    batches = represent_records(records[:2], calibrated.encoder, calibrated.feature_names)
    for call, record in zip(calibrated.calls(batches, sequence_of=sequence_of), records):
        assert call.nearest.id == record.id and call.nearest.alignment.identity == 1


def test_the_features_of_a_model_are_those_of_its_networks(model):
    assert model.feature_names == model.trained.feature_names and len(model.feature_names) == 64
