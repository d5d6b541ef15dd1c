"""Cross-validation: folds, what may not leak, and which scores a protein gets."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from tpspred import console
from tpspred.dataset.labels import IS_TPS
from tpspred.errors import InputError
from tpspred.evaluation import baselines, cross_validation
from tpspred.evaluation.cross_validation import NearHeldOut, cross_validate
from tpspred.family.alignment import identity_matrix
from tpspred.io.fasta import ProteinRecord
from tpspred.model.hyperparameters import Config
from tpspred.model.trained import sequence_hash


@pytest.fixture(scope="module")
def twins(enzymes):
    """The sampled enzymes and a near-identical sequence of the first one."""
    twin = dataclasses.replace(enzymes[0], id="twin", sequence=enzymes[0].sequence[:-2] + "AA")
    both = [*enzymes, twin]
    return both, identity_matrix([enzyme.sequence for enzyme in both])


@pytest.mark.slow
def test_every_protein_is_scored_once_by_every_method(scored, enzymes):
    assert len(scored.ids) == len(enzymes) + 8
    assert set(scored.scores) == {"tpspred", *baselines.METHODS}
    assert set(scored.sources) == {"enzymes", "random"} and all(scored.statuses)
    for scores in scored.scores.values():
        assert scores.shape == (len(scored.ids), len(scored.labels))
        assert (scores >= 0).all() and (scores <= 1).all()
        assert scores[scored.rows("enzymes")].any(1).all()
    tps = scored.labels.index(IS_TPS)
    assert not scored.targets[scored.rows("random")].any()
    assert scored.targets[:, tps].sum() == 18


@pytest.mark.slow
def test_identity_to_the_nearest_training_enzyme_is_known(scored, enzymes, identities):
    rows = scored.rows("enzymes")
    assert (scored.nearest[rows] > 0.2).all()
    fold_of = np.arange(len(enzymes)) % 2
    for i, fold in enumerate(fold_of):
        assert scored.nearest[i] == identities[i, fold_of != fold].max()
    # Of the negatives, those that matched a profile and trained in some fold have one.
    assert (scored.nearest[scored.rows("random")] > 0).sum() == 4


@pytest.mark.slow
def test_promises_call_more_where_less_is_promised(scored):
    columns = [i for i, label in enumerate(scored.labels) if label.group == "ensemble"]
    named = {promise: answers[:, columns].sum() for promise, answers in scored.promised.items()}
    assert set(named) == set(cross_validation.PROMISES)
    assert named["target_precision", 0.7] >= named["target_precision", 0.9]
    assert named["coverage", 0.8] <= named["coverage", 0.9]
    assert named["coverage", 0.9] > 0
    others = [i for i in range(len(scored.labels)) if i not in columns]
    assert not any(answers[:, others].any() for answers in scored.promised.values())


@pytest.mark.slow
def test_nothing_of_a_left_out_fold_reaches_its_models(enzymes, negatives, evaluate, monkeypatch):
    """A model is given neither enzymes nor negatives of its fold, nor negatives similar to them."""
    seen = []
    build = cross_validation.building.build_model

    def spy(train, others, config, name, device, labels, threads, exclude):
        predictor, examples = build(train, others, config, name, device, labels, threads, exclude)
        held_out = {record.sequence for record in exclude.__self__.held_out}
        seen.append((set(examples.sequences), held_out, predictor))
        return predictor, examples

    monkeypatch.setattr(cross_validation.building, "build_model", spy)
    twin = ProteinRecord("twin", "", enzymes[-1].sequence[:-3] + "AAA")
    scored = evaluate(epochs=1, own_negatives={"random": [*negatives["random"], twin]})
    assert len(seen) == 2
    for fold, (used, held_out, predictor) in enumerate(seen):
        assert not used & held_out and len(held_out) == (scored.folds == fold).sum()
        own = {enzyme.sequence for i, enzyme in enumerate(enzymes) if i % 2 == fold}
        assert own <= held_out
        known = set(predictor.trained.sequence_hashes.tolist())
        assert known and not known & {sequence_hash(sequence) for sequence in held_out}
    assert twin.sequence not in seen[1][0]  # the enzyme that it resembles is left out there


@pytest.mark.slow
def test_a_fold_in_which_nothing_matches_a_profile_is_scored_too(enzymes):
    stranger = dataclasses.replace(enzymes[0], id="stranger", sequence="MKVL" * 40)
    everyone = [*enzymes, stranger]
    folds = np.append(np.arange(len(enzymes)) % 2, 2)
    identities = identity_matrix([enzyme.sequence for enzyme in everyone])
    config = Config(folds=3, members=3, epochs=1)
    device = torch.device("cpu")
    scored = cross_validate(everyone, identities, {}, folds, 0.9, config, device, baselines.METHODS)
    assert scored.statuses[-1] == "not_tps"
    assert not any(scores[-1].any() for scores in scored.scores.values())
    assert all(scores[:-1].any(1).all() for scores in scored.scores.values())


@pytest.mark.slow
def test_labels_of_a_left_out_fold_change_no_score_of_it(enzymes, scored, evaluate):
    """The same evaluation with other labels in fold 0 gives fold 0 the same scores."""
    lie = {
        "products": ("?",),
        "ensembles": ("di_taxane",),
        "product_types": ("di",),
        "kingdom": ("Bacteria",),
    }
    mislabelled = [
        dataclasses.replace(enzyme, **lie) if i % 2 == 0 else enzyme
        for i, enzyme in enumerate(enzymes)
    ]
    again = evaluate(mislabelled)
    rows = [i for i in scored.rows("enzymes") if scored.folds[i] == 0]
    assert np.array_equal(again.scores["tpspred"][rows], scored.scores["tpspred"][rows])
    others = [i for i in scored.rows("enzymes") if scored.folds[i] == 1]
    assert not np.array_equal(again.scores["tpspred"][others], scored.scores["tpspred"][others])


def test_folds_with_near_identical_sequences_on_both_sides_are_refused(enzymes, twins):
    both, identities = twins
    folds = np.append(np.zeros(len(enzymes), int), 1)
    message = (
        f"found {enzymes[0].id} and twin, of identity 1.00, in different folds; "
        "wanted an identity of at most 0.95"
    )
    with pytest.raises(InputError, match=message):
        cross_validation.refuse_leaks(both, identities, folds, 0.95)
    cross_validation.refuse_leaks(both, identities, folds, 1)  # a limit that accepts any
    cross_validation.refuse_leaks(both, identities, np.zeros(len(both), int), 0.95)


def test_made_folds_keep_similar_sequences_together(twins):
    both, identities = twins
    folds = cross_validation.make_folds(both, identities, 0.5, 3, 0)
    assert folds[0] == folds[-1] and set(folds) == {0, 1, 2}
    cross_validation.refuse_leaks(both, identities, folds, 0.95)
    assert np.array_equal(folds, cross_validation.make_folds(both, identities, 0.5, 3, 0))


def test_there_are_no_more_folds_than_identity_clusters(enzymes, identities, capfd):
    """The sampled enzymes are four families."""
    console.configure(0)
    folds = cross_validation.make_folds(enzymes, identities, 0.5, 5, 0)
    assert set(folds) == {0, 1, 2, 3}
    assert "4 folds instead of 5: there are no more identity clusters" in capfd.readouterr().err
    for own, message in (
        (enzymes, "found all enzymes in one identity cluster; wanted two clusters or more"),
        (enzymes[:1], "found all enzymes in one identity cluster; wanted two clusters or more"),
        ([], "found no enzyme; wanted two clusters or more"),
    ):
        within = identity_matrix([enzyme.sequence for enzyme in own])
        with pytest.raises(InputError, match=message):
            cross_validation.make_folds(own, within, 0.01, 5, 0)


@pytest.mark.slow
def test_negatives_are_dealt_to_the_folds_of_the_enzymes_alone(enzymes, identities, negatives):
    """A fold without enzymes is never left out, and its negatives would not be scored."""
    folds = np.arange(len(enzymes)) % 2 * 3
    config = Config(folds=3, members=3, epochs=1)
    scored = cross_validate(
        enzymes, identities, negatives, folds, 0.9, config, torch.device("cpu"), threads=2
    )
    assert set(scored.folds) == {0, 3} and all(scored.statuses)


@pytest.mark.slow
def test_similar_negatives_share_a_fold(enzymes, identities, negatives):
    family = [
        ProteinRecord(f"n{i}", "", enzyme.sequence[:-5] + "A" * (5 + i))
        for i, enzyme in enumerate(enzymes[:6])
    ]
    strangers = negatives["random"]
    clusters, folds = cross_validation.negative_folds(
        enzymes, identities, family + strangers, 0.4, 4, np.random.default_rng(0), 2
    )
    assert len(set(folds[:6])) == 1 and len(set(folds)) > 1
    between = identity_matrix([record.sequence for record in family])
    assert between.min() > 0.4 and len(set(clusters[:6])) == 1


def test_fold_tables_are_checked(enzymes, tmp_path):
    path = tmp_path / "f.tsv"
    rows = "".join(f"{enzyme.id}\t{'ab'[i % 2]}\n" for i, enzyme in enumerate(enzymes))
    path.write_text("id\tfold\n" + rows)
    assert cross_validation.read_folds(path, enzymes).tolist() == [0, 1] * 12
    for text, message in (
        ("id\tgroup\n", "f.tsv, line 1: found id\tgroup; wanted columns id and fold"),
        ("", "f.tsv, line 1: found nothing; wanted columns id and fold"),
        ("id\tfold\n", f"no fold for {enzymes[0].id} and 23 others"),
        ("id\tfold\n" + "".join(f"{enzyme.id}\t1\n" for enzyme in enzymes), "a single fold"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=re.escape(message)):
            cross_validation.read_folds(path, enzymes)


@pytest.mark.slow
def test_rows_near_the_held_out_are_marked(small, enzymes):
    encoder = small.predictor.encoder
    held_out = [ProteinRecord("left", "", enzymes[0].sequence[:-5] + "AAAAA")]
    near = NearHeldOut(held_out, 0.9)
    marked = near.exclude(small.table, encoder)
    assert marked.problems[0] == "near_held_out" and not any(marked.problems[1:])
    assert near.identities.shape == (len(small.table), 1) and near.identities[0, 0] > 0.9
    looser = NearHeldOut(held_out, 0.5).exclude(small.table, encoder)
    assert looser.problems[:6] == ["near_held_out"] * 6


@pytest.mark.slow
def test_proteins_that_did_not_pass_the_screen_are_near_nothing(small, enzymes):
    encoder = small.predictor.encoder
    table = dataclasses.replace(small.table, problems=["no_match"] + small.table.problems[1:])
    stranger = ProteinRecord("stranger", "", "MKVL" * 40)
    near = NearHeldOut([stranger, ProteinRecord("left", "", enzymes[0].sequence)], 0.5)
    assert near.exclude(table, encoder).problems[:2] == ["no_match", "near_held_out"]
    assert near.passed == list(range(1, len(table))) and near.passed_held_out == [1]
    assert [protein.record.id for protein in near.proteins] == ["stranger", "left"]
    assert near.identities.shape == (len(table) - 1, 1) and near.identities[0].any()
    for held_out in ([], [stranger]):
        nothing_passed = NearHeldOut(held_out, 0.5)
        assert nothing_passed.exclude(table, encoder).problems == table.problems
        assert nothing_passed.identities.shape == (len(table) - 1, 0)


@pytest.mark.slow
def test_an_enzyme_that_is_never_left_out_trains_where_nothing_is_like_it(
    enzymes, identities, monkeypatch
):
    trained = []
    build = cross_validation.building.build_model

    def spy(train, *arguments):
        trained.append({enzyme.id for enzyme in train})
        return build(train, *arguments)

    monkeypatch.setattr(cross_validation.building, "build_model", spy)
    folds = np.arange(len(enzymes)) % 2
    folds[0] = cross_validation.ALWAYS_TRAINS
    nearest = [identities[0, folds == fold].max() for fold in (0, 1)]
    limit = float(np.mean(nearest))  # like one fold, and unlike the other
    assert nearest[0] != nearest[1]
    config = Config(folds=3, members=3, epochs=1)
    scored = cross_validate(
        enzymes, identities, {}, folds, limit, config, torch.device("cpu"), threads=2
    )
    assert enzymes[0].id not in scored.ids and len(scored.ids) == len(enzymes) - 1
    assert [enzymes[0].id in ids for ids in trained] == [each < limit for each in nearest]


def test_rows_and_columns_are_those_of_a_source_and_of_a_group(scored_by_hand):
    targets = np.array([[1, 0]] * 5 + [[0, 1]] * 4)
    scored = scored_by_hand(targets, sources=np.array(["enzymes"] * 7 + ["random", "hard"]))
    assert scored.rows("random", "hard").tolist() == [7, 8]
    assert scored.columns("ensemble").tolist() == [0]  # b has four positives, and five are needed
    assert scored.columns("substrate").tolist() == []
