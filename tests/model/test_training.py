"""Loss, training, calibration, model files."""

import dataclasses
import shutil

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tpspred import device, pipeline
from tpspred.dataset import reactions
from tpspred.errors import ModelError, StoreError, TpspredError
from tpspred.family import motifs
from tpspred.model import calibration, checkpoint, losses, metrics, neighbours, training


def test_class_weights_are_inverse_frequencies_of_mean_one():
    weights = losses.class_weights(torch.tensor([6.0, 600.0, 0.0]), 1345, 10.0)
    assert weights[0] / weights[1] == pytest.approx(1210 / 22)
    assert weights[:2].mean() == pytest.approx(1) and weights[2] == 1


def test_focal_loss_without_focus_is_cross_entropy():
    logits, targets = torch.randn(4, 3), torch.randint(0, 2, (4, 3)).float()
    plain = (
        torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        .sum(1)
        .mean()
    )
    ones = torch.ones(3)
    assert losses.focal_loss(
        logits, targets, torch.ones(4, 3), ones, 0.5, 0.0, 0.0
    ) == pytest.approx(float(plain) / 2)
    focused = losses.focal_loss(logits, targets, torch.ones(4, 3), ones, 0.5, 2.0, 0.0)
    assert focused < plain / 2


def test_masked_answers_teach_nothing():
    logits = torch.randn(4, 3, requires_grad=True)
    mask = torch.zeros(4, 3)
    mask[:, 1] = 1
    losses.focal_loss(logits, torch.zeros(4, 3), mask, torch.ones(3), 0.5, 2.0, 0.1).backward()
    assert (logits.grad[:, [0, 2]] == 0).all() and (logits.grad[:, 1] != 0).all()


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=30).filter(
        lambda rows: any(hit for hit, _ in rows)
    )
)
def test_best_f1_is_reached_at_its_threshold(rows):
    truth, score = (
        np.array([float(hit) for hit, _ in rows]),
        np.array([float(value) for _, value in rows]),
    )
    best, threshold = metrics.best_f1(truth, score)
    assert metrics.f1(truth, score >= threshold) == pytest.approx(best)
    assert best == pytest.approx(max(metrics.f1(truth, score >= value) for value in score))
    assert 0 < metrics.average_precision(truth, score) <= 1


def test_tied_scores_cannot_be_ranked():
    assert metrics.average_precision(np.array([1, 0, 0, 0]), np.zeros(4)) == pytest.approx(0.25)


def test_members_leave_their_fold_out(small):
    fitted = small.predictor.fitted
    assert fitted.member_folds == [0, 1, 2] and set(fitted.sequence_folds) == {0, 1, 2}
    assert len(fitted.history) == 3 * small.config.epochs
    assert {"member", "epoch", "loss", "macro_f1", "learning_rate"} == set(fitted.history[0])


def test_training_learns(small):
    losses_of = [row["loss"] for row in small.predictor.fitted.history if row["member"] == 0]
    assert losses_of[-1] < losses_of[0]


def test_same_seed_same_weights_other_seed_others(small, enzymes):
    def members(**changes):
        config = dataclasses.replace(small.config, members=1, epochs=1, **changes)
        return pipeline.train(
            enzymes,
            small.predictor.encoder,
            small.table,
            small.negatives,
            config,
            "again",
            torch.device("cpu"),
        ).fitted.members[0]

    first, again, other = members(), members(), members(seed=1)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert any(not np.array_equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 4},
        {"accumulation": 4},
        {"learning_rate": 1e-4},
        {"weight_decay": 0.5},
        {"dropout": 0.0},
        {"alpha": 0.25},
        {"gamma": 0.0},
        {"label_smoothing": 0.1},
        {"weight_smoothing": 100.0},
        {"folds": 4},
        {"fold_identity": 0.3},
    ],
)
def test_every_hyperparameter_changes_the_weights(small, enzymes, change):
    def member(**changes):
        config = dataclasses.replace(small.config, members=1, epochs=2, **changes)
        fitted = pipeline.train(
            enzymes,
            small.predictor.encoder,
            small.table,
            small.negatives,
            config,
            "x",
            torch.device("cpu"),
        ).fitted
        return np.concatenate(
            [array.ravel() for array in fitted.members[0].values()] + [fitted.sequence_folds]
        )

    assert not np.array_equal(member(), member(**change))


def test_patience_and_tolerance_stop_early(small, enzymes):
    def epochs(**changes):
        config = dataclasses.replace(small.config, members=1, epochs=20, **changes)
        return len(
            pipeline.train(
                enzymes,
                small.predictor.encoder,
                small.table,
                small.negatives,
                config,
                "x",
                torch.device("cpu"),
            ).fitted.history
        )

    scores = iter([0.5, 0.4, 0.4] + [0.3] * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "macro_f1_adaptive", lambda truth, score: next(scores))
        assert epochs(patience=2, tolerance=0.15) == 5
        scores = iter([0.5, 0.4, 0.4] + [0.3] * 20)
        assert epochs(patience=2, tolerance=0.0) == 3
        scores = iter([0.5, 0.4, 0.4] + [0.3] * 20)
        assert epochs(patience=30, tolerance=0.0) == 20


def test_negatives_answer_only_whether_they_are_tps(small, enzymes):
    labels = reactions.labels(enzymes)
    data = training.examples(enzymes, small.table, small.negatives, labels)
    negative = ~data.mask.all(1)
    assert negative.sum() == 4
    assert data.mask[negative].sum(1).tolist() == [1.0] * negative.sum()
    assert not data.targets[negative].any()


def test_negatives_that_resemble_a_tps_are_left_out(small, enzymes):
    labels = reactions.labels(enzymes)
    alike = dataclasses.replace(
        small.table,
        ids=[f"copy{i}" for i in range(len(small.table))],
        sequences=[sequence + "A" for sequence in small.table.sequences],
    )
    data = training.examples(enzymes, small.table, [alike], labels)
    kept = [name for name in data.ids if name.startswith("copy")]
    related = [f"copy{i}" for i, enzyme in enumerate(enzymes) if not enzyme.is_tps]
    assert kept == related


def test_rows_near_the_held_out_are_marked(small, enzymes):
    held_out = [enzymes[0].sequence[:-5] + "AAAAA"]
    marked = pipeline.without_near(small.table, held_out, 0.9)
    assert marked.problems[0] == "near_held_out" and not any(marked.problems[1:])
    assert pipeline.without_near(small.table, held_out, 0.5).problems[:6] == ["near_held_out"] * 6


def test_examples_say_what_is_missing(small, enzymes):
    labels = reactions.labels(enzymes)
    with pytest.raises(StoreError, match="no features"):
        training.examples(enzymes, dataclasses.replace(small.table, features=None), [], labels)
    short = dataclasses.replace(small.table, sequences=["M"] + small.table.sequences[1:])
    with pytest.raises(StoreError, match=f"no row for {enzymes[0].id}"):
        training.examples(enzymes, short, [], labels)


def test_platt_recovers_the_line_that_made_the_data():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, (20000, 1))
    targets = (rng.random((20000, 1)) < calibration.sigmoid(0.7 * logits - 1)).astype(float)
    lines = calibration.fit(logits, targets, np.ones_like(targets), 0, np.ones(len(targets)))
    assert lines.slopes[0] == pytest.approx(0.7, abs=0.05) and lines.offsets[0] == pytest.approx(
        -1, abs=0.1
    )


def test_rare_labels_lean_on_the_others():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (500, 3))
    targets = (logits + rng.normal(0, 1, logits.shape) > 1).astype(float)
    targets[:, 2] = 0
    targets[np.argsort(logits[:, 2])[:1], 2] = (
        1  # one positive, at the bottom: no reason to call everything
    )
    lines = calibration.fit(logits, targets, np.ones_like(targets), 0, np.ones(len(targets)))
    assert (lines.slopes > 0).all() and ((lines.thresholds > 0) & (lines.thresholds < 1)).all()
    assert lines.thresholds[2] > 0.1


def held_out(probabilities, targets, similarity=None):
    similarity = np.ones(len(targets)) if similarity is None else similarity
    numbers = calibration.none(targets.shape[1])
    return dataclasses.replace(
        numbers,
        held_out=calibration.HeldOut(
            probabilities.astype(np.float32),
            targets.astype(np.uint8),
            similarity.astype(np.float32),
        ),
    )


def test_thresholds_for_a_precision_are_the_lowest_that_reach_it():
    scores = np.repeat(np.linspace(0.95, 0.05, 10)[:, None], 4, 1)
    hits = np.array(
        [
            [1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
            [1, 1, 1, 1, 0, 0, 0, 0, 0, 0],
            [0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            [1, 1, 1, 1, 1, 1, 0, 0, 0, 0],
        ]
    ).T
    lines = held_out(scores, hits)
    strict = lines.at_precision(0.8, [0, 1, 2])
    assert strict.thresholds[0] == np.float32(
        scores[6, 0]
    )  # 6 of 7 are right, 6 of 8 are not enough
    assert strict.thresholds[1] == np.float32(scores[4, 0])  # 4 of 5
    assert strict.thresholds[2] == calibration.NEVER and strict.thresholds[3] == 0.5
    assert strict.precision[:2] == pytest.approx([6 / 7, 4 / 5]) and np.isnan(strict.precision[2])
    assert (
        lines.at_precision(0.9, [1]).thresholds[1] == calibration.NEVER
    )  # four calls show nothing


def sample(rng, count):
    """Answers that are easy near a known enzyme and hard far from one."""
    similarity = rng.uniform(0, 1, count)
    targets = rng.random((count, 6)) < 0.3
    logits = np.where(targets, 2, -2) * 2 * similarity[:, None] + rng.normal(0, 1.5, targets.shape)
    return calibration.sigmoid(logits), targets, similarity


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_sets_hold_what_they_promise_near_and_far(coverage):
    rng = np.random.default_rng(0)
    sets = held_out(*sample(rng, 2000)).sets(coverage, range(6))
    probabilities, targets, similarity = sample(rng, 20000)
    inside = sets.holds(probabilities, similarity)
    some = targets.any(1)
    held = (inside & targets).sum(1)[some] / targets.sum(1)[some]
    sizes = []
    for band in range(calibration.BANDS):
        own = np.searchsorted(sets.edges, similarity[some], "right") == band
        assert held[own].mean() == pytest.approx(coverage, abs=0.03)
        sizes.append(inside[some][own].sum(1).mean())
    assert sizes == sorted(sizes, reverse=True)  # what is unlike anything known gets larger sets
    assert not sets.holds(np.array([np.nan]), 0.5)[0]


def test_too_few_enzymes_promise_nothing_less_than_everything():
    sets = held_out(np.full((4, 2), 0.9), np.ones((4, 2))).sets(0.9, [0, 1])
    assert (sets.thresholds == 0).all()


def test_calibration_uses_the_networks_that_left_a_sequence_out(small, enzymes):
    data = training.examples(enzymes, small.table, small.negatives, small.predictor.labels)
    logits = small.predictor.logits(data.embedding, data.features)
    folds = dict(
        zip(small.predictor.fitted.sequence_hashes.tolist(), small.predictor.fitted.sequence_folds)
    )
    held_out, similarity = small.predictor.held_out(data)
    tps = small.predictor.labels.index(reactions.IS_TPS)
    references = small.predictor.references
    for i, sequence in enumerate(data.sequences):
        fold = folds[training.sequence_hash(sequence)]
        network = logits[fold, i]
        alike = references.similarity(data.embedding[i])
        vote = references.vote(alike, left_out=fold)
        assert similarity[i] == pytest.approx(
            alike[references.folds != fold].max() / np.linalg.norm(data.embedding[i])
        )
        assert held_out[i, tps] == network[tps]  # enzymes know nothing of what is none
        assert np.allclose(np.delete(held_out[i], tps), np.delete(0.6 * network + 0.4 * vote, tps))
    calibrated = small.predictor.calibrated(data)
    assert calibrated.calibration.sequences == len(data)
    assert not np.array_equal(
        calibrated.calibration.thresholds, small.predictor.calibration.thresholds
    )


def test_enzymes_of_a_fold_that_is_left_out_have_no_vote():
    targets = np.array([[1, 0], [1, 0], [0, 1]])
    references = neighbours.References(
        np.eye(3, dtype=np.float16),
        [],
        targets.astype(np.uint8),
        np.array([0, 1, 1]),
        np.array([1.0]),
        np.array([1.0]),
    )
    near_first = np.array([0.9, 0.1, 0.2])
    sure = np.log(0.99 / 0.01)
    assert references.vote(near_first) == pytest.approx([sure, -sure])
    assert references.vote(near_first, left_out=1) == pytest.approx([sure, -sure])
    share = 1 / (1 + np.exp(neighbours.SHARPNESS * 0.1))
    assert references.vote(near_first, left_out=0)[0] == pytest.approx(np.log(share / (1 - share)))


def test_neighbours_say_what_their_similarity_means():
    similarity, identities = np.full((60, 60), 0.42), np.full((60, 60), 0.3)
    similarity[:30, :30], identities[:30, :30] = 0.91, 0.8
    points, typical = neighbours.typical_identity(similarity, identities)
    assert points == pytest.approx([0.425, 0.925, 1]) and typical == pytest.approx([0.3, 0.8, 1])
    targets = np.array([[1, 0], [0, 1]], np.uint8)
    about = [{"id": name, "accessions": [name], "species": [], "products": []} for name in "ab"]
    references = neighbours.References(
        np.eye(2, dtype=np.float16), about, targets, np.zeros(2), points, typical
    )
    near = references.nearest(np.array([0.675, 0.925]), 2, {0: "x", 1: "y"}, {"x"})
    assert [(enzyme.id, enzyme.ensembles, enzyme.agrees) for enzyme in near] == [
        ("b", ("y",), False),
        ("a", ("x",), True),
    ]
    assert [enzyme.identity for enzyme in near] == pytest.approx([0.8, 0.55])
    assert references.nearest(np.array([0.5, 0.4]), 1, {}, set())[0].agrees is None


def hit(motif, state="intact"):
    return motifs.MotifHit(motif, state, 1, 5, "DDAAD")


@pytest.mark.parametrize(
    "product_type, found, flags",
    [
        ("mono", [hit("DDxxD")], []),
        ("mono", [hit("DDxxD", "altered")], ["no_intact_active_site"]),
        ("mono", [hit("DxDD")], ["motif_conflict"]),
        ("di", [hit("DxDD")], []),
        ("tri", [hit("DCTAE")], []),
        ("mono", [hit("DxDD"), hit("NSE/DTE")], []),
        ("mono", [hit("QW")], ["no_intact_active_site"]),
    ],
)
def test_active_site_and_type_are_compared(small, product_type, found, flags):
    assert list(small.predictor._flags(1.0, [], product_type, found)) == flags


def test_calibration_refuses_training_sequences(small, enzymes):
    config = dataclasses.replace(small.config, members=1, epochs=1)
    single = pipeline.train(
        enzymes,
        small.predictor.encoder,
        small.table,
        small.negatives,
        config,
        "x",
        torch.device("cpu"),
    )
    with pytest.raises(
        ModelError, match=r"\d+ sequences that the model was trained on, first sampled_"
    ):
        pipeline.calibrate(single, enzymes, small.table, small.negatives)
    left_out = single.fitted.sequence_hashes[single.fitted.sequence_folds == 0]
    fresh = [enzyme for enzyme in enzymes if training.sequence_hash(enzyme.sequence) in left_out]
    assert pipeline.calibrate(single, fresh, small.table, []).calibration.sequences == len(fresh)


def test_labels_without_positives_are_never_called(small, enzymes):
    predictor = small.predictor
    unsupported = {label.column for label in predictor.unsupported()}
    assert "product_type:psy" in unsupported and "ensemble:di_taxane" in unsupported
    lowest = dataclasses.replace(
        predictor.calibration, thresholds=np.zeros(len(predictor.labels)), tps_threshold=0.0
    )
    eager = type(predictor)(
        predictor.encoder, predictor.fitted, predictor.references, predictor.record, lowest
    )
    call = next(eager.predict([next(iter_records(enzymes))]))
    assert {found.name for found in call.ensembles} == {
        "mono_sabinene",
        "sesq_germacrane",
        "tri_lanostane",
        "specialized_oxygenated",
    }
    assert np.isnan(
        [p for p, label in zip(call.probabilities, predictor.labels) if label.column in unsupported]
    ).all()


def test_what_is_unlike_any_enzyme_says_so(small, enzymes):
    predictor = small.predictor.calibrated(
        training.examples(enzymes, small.table, small.negatives, small.predictor.labels)
    )
    record = next(iter_records(enzymes))
    assert "no_similar_enzyme" not in next(predictor.predict([record])).flags
    far = dataclasses.replace(
        predictor.calibration.held_out, similarity=np.full(24, 1.5, np.float32)
    )
    strange = type(predictor)(
        predictor.encoder,
        predictor.fitted,
        predictor.references,
        predictor.record,
        dataclasses.replace(predictor.calibration, held_out=far),
    )
    assert "no_similar_enzyme" in next(strange.predict([record])).flags


def test_only_a_calibrated_model_can_promise(small):
    for promise in ({"target_precision": 0.9}, {"coverage": 0.9}):
        with pytest.raises(
            ModelError,
            match="found no calibration; wanted a model that went through tpspred calibrate",
        ):
            small.predictor.answering(**promise)
    assert small.predictor.answering() is small.predictor


def iter_records(enzymes):
    from tpspred.io.fasta import ProteinRecord

    return (ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in enzymes)


def test_model_file_round_trip(small, enzymes, tmp_path):
    path = tmp_path / "m.h5"
    checkpoint.save(small.predictor, path)
    loaded = checkpoint.load(path)
    assert loaded.encoder.checksum == small.predictor.encoder.checksum
    first = [
        dataclasses.replace(call, model="", probabilities=None, features=None)
        for call in small.predictor.predict(iter_records(enzymes))
    ]
    again = [
        dataclasses.replace(call, model="", probabilities=None, features=None)
        for call in loaded.predict(iter_records(enzymes))
    ]
    assert first == again
    checkpoint.save(loaded, tmp_path / "again.h5")
    assert checkpoint.load(tmp_path / "again.h5").checksum == loaded.checksum


@pytest.fixture
def model_file(small, tmp_path):
    path = tmp_path / "m.h5"
    checkpoint.save(small.predictor, path)
    return path


def test_model_cut_short_is_refused(model_file):
    data = model_file.read_bytes()
    for size in (0, 100, len(data) // 2, len(data) - 1):
        model_file.write_bytes(data[:size])
        with pytest.raises(ModelError, match="m.h5: found a file that is cut short or damaged"):
            checkpoint.load(model_file)


def test_altered_model_is_refused(model_file):
    with h5py.File(model_file, "r+") as handle:
        handle["calibration/thresholds"][3] = 0.01
    with pytest.raises(ModelError, match="altered content"):
        checkpoint.load(model_file)


def test_model_of_another_version_or_kind_is_refused(model_file, small, tmp_path):
    with h5py.File(model_file, "r+") as handle:
        handle.attrs["format_version"] = 99
    with pytest.raises(ModelError, match="found format version 99; wanted 3"):
        checkpoint.load(model_file)
    checkpoint.save_encoder(small.predictor.encoder, tmp_path / "e.h5")
    with pytest.raises(ModelError, match="found tpspred-encoder; wanted tpspred-model"):
        checkpoint.load(tmp_path / "e.h5")


@pytest.mark.parametrize("part", checkpoint.MODEL_PARTS)
def test_model_without_a_part_is_refused(model_file, part):
    with h5py.File(model_file, "r+") as handle:
        del handle[part]
    with pytest.raises(ModelError, match=f"found no part {part}"):
        checkpoint.load(model_file)


@pytest.mark.parametrize("part", ["scales", "axes", "mixing"])
def test_model_without_a_part_of_its_encoder_is_refused(model_file, part):
    with h5py.File(model_file, "r+") as handle:
        del handle[f"encoder/{part}"]
    with pytest.raises(ModelError, match="found altered content"):
        checkpoint.load(model_file)


def test_missing_model_is_named():
    with pytest.raises(ModelError, match="nowhere.h5: no such file"):
        checkpoint.load("nowhere.h5")


def test_bundled_model_is_small_and_complete(model):
    assert checkpoint.bundled().stat().st_size <= 25e6
    assert model.calibration.sequences > 1000 and len(model.references.about) > 1000
    assert model.references.vectors.shape[1] <= 768
    assert [label.name for label in model.labels[:30]] == list(reactions.ensembles.SLUGS)
    assert sum(1 for _ in model.fitted.members) == model.record["options"]["members"]


def test_bundled_profiles_hold_no_contiguous_sequence():
    """HMMER's text format has one column per line; nothing in the file reads as a protein of 40 residues."""
    import re

    data = checkpoint.bundled().read_bytes()
    assert not re.search(rb"[ACDEFGHIKLMNPQRSTVWY]{40}", data)


def test_device_that_is_absent_is_refused():
    assert device.resolve("auto").type in ("cpu", "cuda", "mps")
    for name in ("cuda:99", "tpu", "cuda:x"):
        with pytest.raises(TpspredError, match="--device"):
            device.resolve(name)


def test_copied_model_keeps_its_name(model, tmp_path):
    shutil.copy(checkpoint.bundled(), tmp_path / "copy.h5")
    assert checkpoint.load(tmp_path / "copy.h5").name == model.name
