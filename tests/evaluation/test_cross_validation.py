"""Cross-validation: folds, what may not leak, what is reported."""

import csv
import dataclasses
import io
import re

import numpy as np
import pytest
import torch
from support import DATA

from tpspred.dataset import folds as splits
from tpspred.dataset import reactions
from tpspred.errors import InputError, MissingDependency, ModelError, StoreError
from tpspred.evaluation import baselines, cross_validation, other_encoders
from tpspred.io import fasta
from tpspred.model import metrics, training
from tpspred.model.hyperparameters import Config


@pytest.fixture(scope="module")
def scored(enzymes):
    """The sampled enzymes and negatives, out of fold, beside the baselines."""
    negatives = {"random": list(fasta.read_fasta(DATA / "negatives.faa"))}
    folds = np.arange(len(enzymes)) % 2
    return cross_validation.out_of_fold(
        enzymes,
        negatives,
        folds,
        0.9,
        Config(folds=3, members=3, epochs=2),
        torch.device("cpu"),
        baselines.METHODS,
        2,
    )


def test_every_protein_is_scored_once_by_every_method(scored, enzymes):
    assert len(scored.ids) == len(enzymes) + 8 and set(scored.scores) == {
        "tpspred",
        *baselines.METHODS,
    }
    assert set(scored.sources) == {"enzymes", "random"} and all(scored.statuses)
    for scores in scored.scores.values():
        assert (
            scores.shape == (len(scored.ids), len(scored.labels))
            and (scores >= 0).all()
            and (scores <= 1).all()
        )
        assert scores[scored.of("enzymes")].any(1).all()
    tps = scored.labels.index(reactions.IS_TPS)
    assert not scored.targets[scored.of("random")].any() and scored.targets[:, tps].sum() == 18
    assert (scored.nearest[scored.of("enzymes")] > 0.2).all()


def test_sampled_families_are_told_apart(scored):
    for row in cross_validation.tables(scored, 0)["summary"]:
        if row["group"] == "ensemble":
            assert (
                row["average_precision"] > 0.9
                and row["pooled_low"] <= row["average_precision_pooled"] <= row["pooled_high"]
            )


def test_tables_agree_with_the_scores(scored):
    found = cross_validation.tables(scored, 0)
    row = next(
        row
        for row in found["labels"]
        if row["method"] == "tpspred" and row["label"] == "mono_sabinene"
    )
    rows, c = scored.of("enzymes"), [label.name for label in scored.labels].index("mono_sabinene")
    truth, score = scored.targets[rows, c], scored.scores["tpspred"][rows, c]
    assert row["positives"] == truth.sum() and row[
        "average_precision_pooled"
    ] == metrics.average_precision(truth, score)
    assert row["f1"] == metrics.f1(truth, scored.called[rows, c])
    assert {row["against"] for row in found["terpene_synthases"]} == {"random", "random, related"}
    assert sum(row["enzymes"] for row in found["identity"] if row["method"] == "tpspred") == len(
        rows
    )
    assert sum(
        row["predictions"] for row in found["reliability"] if row["group"] == "is_tps"
    ) == len(scored.ids)


def test_confusion_counts_wrong_calls_and_finds():
    labels = [reactions.Label("ensemble", name) for name in "ab"]
    targets = np.repeat(np.eye(2), 5, axis=0)
    called = targets.copy().astype(bool)
    called[0] = [False, True]
    nothing = np.zeros(10)
    scored = cross_validation.Scored(
        ["x"] * 10,
        np.array(["enzymes"] * 10),
        [""] * 10,
        nothing,
        nothing,
        nothing,
        labels,
        targets,
        called,
        {},
        {"tpspred": targets},
    )
    names, table = cross_validation.confusion(scored)
    assert names == ["a", "b"] and table == pytest.approx(np.array([[0.8, 0.2], [0, 1]]))


def test_promises_are_counted_over_enzymes():
    labels = [reactions.Label("ensemble", name) for name in "ab"]
    targets = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
    promised = {
        (cross_validation.PRECISION, 0.7): np.array([[1, 0], [1, 0], [0, 0], [1, 0]], bool),
        (cross_validation.COVERAGE, 0.9): np.array([[1, 0], [1, 0], [1, 0], [1, 1]], bool),
    }
    nearest = np.array([0.3, 0.5, 0.5, 0.9])
    scored = cross_validation.Scored(
        ["x"] * 4,
        np.array(["enzymes"] * 4),
        [""] * 4,
        nearest,
        nearest,
        nearest,
        labels,
        targets,
        targets > 0,
        promised,
        {"tpspred": targets},
    )
    rows = {
        (row["promise"], row["identity_from"], row["identity_to"]): row
        for row in cross_validation.promises(scored)
    }
    everything = rows[cross_validation.PRECISION, 0.0, 1.0]
    assert (everything["seen"], everything["recall"], everything["enzymes"]) == (2 / 3, 2 / 4, 4)
    covered = rows[
        cross_validation.COVERAGE, 0.0, 1.0
    ]  # half of the first, all of the second, none of the third; the last has none
    assert (covered["seen"], covered["enzymes"], covered["ensembles_per_enzyme"]) == (0.5, 3, 1)
    assert (
        rows[cross_validation.COVERAGE, 0.4, 0.6]["seen"] == 0.5
        and (cross_validation.COVERAGE, 0.8, 1.0) not in rows
    )


def test_a_language_model_is_scored_on_the_same_folds(enzymes, scored, tiny_weights):
    """Alone and joined; what is tpspred's stays as it is without."""
    config, device = Config(folds=3, members=3, epochs=2), torch.device("cpu")
    for name, message in (
        ("profile", "--encoder: found profile; wanted the name of a language model"),
        ("esm2_other", "no weights at"),
    ):
        with pytest.raises(ModelError, match=message):
            other_encoders.methods(name, {"weights": "nowhere.pt"}, config, device)
    methods = other_encoders.methods("esm2_tiny", {"weights": str(tiny_weights)}, config, device)
    both = cross_validation.out_of_fold(
        enzymes,
        {"random": list(fasta.read_fasta(DATA / "negatives.faa"))},
        np.arange(24) % 2,
        0.9,
        config,
        device,
        methods,
        2,
    )
    assert set(both.scores) == {"tpspred", "esm2_tiny", "profile+esm2_tiny"}
    assert np.array_equal(both.scores["tpspred"], scored.scores["tpspred"])
    matched = both.scores["tpspred"].any(1)
    for name in methods:
        found = both.scores[name]
        assert np.array_equal(found.any(1), matched) and ((found >= 0) & (found <= 1)).all()
        assert not np.array_equal(found, both.scores["tpspred"])


def test_gap_is_that_of_the_macro_average_precision():
    labels = [reactions.Label("ensemble", name) for name in "ab"]
    targets = np.tile([[1, 0], [0, 1], [0, 0], [1, 1]], (5, 1))
    worse = 1.0 - targets
    rows = np.arange(20)
    scored = cross_validation.Scored(
        ["x"] * 20,
        np.array(["enzymes"] * 20),
        [""] * 20,
        rows % 5,
        rows,
        rows,
        labels,
        targets,
        targets > 0,
        {},
        {"tpspred": worse, "other": targets.astype(float)},
    )
    (row,) = cross_validation.gaps(scored, "other", np.random.default_rng(0))
    assert row["gap"] == 1 - metrics.macro_average_precision(targets, worse)
    assert 0 < row["low"] <= row["gap"] <= row["high"] < 1
    (same,) = cross_validation.gaps(scored, "tpspred", np.random.default_rng(0))
    assert (same["gap"], same["low"], same["high"]) == (0, 0, 0)


def test_nothing_of_a_left_out_fold_reaches_its_models(enzymes, monkeypatch):
    """What the recipe is given in a fold holds neither its enzymes nor its negatives, nor negatives near them."""
    seen = []
    fit = cross_validation.pipeline.from_sequences

    def spy(train, negatives, *args):
        predictor, data = fit(train, negatives, *args)
        seen.append((set(data.sequences), set(args[5]), predictor))
        return predictor, data

    monkeypatch.setattr(cross_validation.pipeline, "from_sequences", spy)
    negatives = {
        "random": [
            *fasta.read_fasta(DATA / "negatives.faa"),
            fasta.ProteinRecord("twin", "", enzymes[-1].sequence[:-3] + "AAA"),
        ]
    }
    scored = cross_validation.out_of_fold(
        enzymes,
        negatives,
        np.arange(len(enzymes)) % 2,
        0.9,
        Config(folds=3, members=3, epochs=1),
        torch.device("cpu"),
    )
    for fold, (used, held_out, predictor) in enumerate(seen):
        assert not used & held_out and len(held_out) == (scored.folds == fold).sum()
        assert {
            enzyme.sequence for enzyme, own in zip(enzymes, np.arange(24) % 2) if own == fold
        } <= held_out
        known = set(predictor.fitted.sequence_hashes.tolist())
        assert not known & {training.sequence_hash(sequence) for sequence in held_out}
    assert negatives["random"][-1].sequence not in seen[1][0]  # its twin is left out there


def test_labels_of_a_left_out_fold_change_no_score_of_it(enzymes, scored):
    """The same evaluation with other labels in fold 0 gives fold 0 the same scores."""
    lie = {
        "products": ("?",),
        "ensembles": ("di_taxane",),
        "product_types": ("di",),
        "kingdom": ("Bacteria",),
    }
    liars = [
        dataclasses.replace(enzyme, **lie) if i % 2 == 0 else enzyme
        for i, enzyme in enumerate(enzymes)
    ]
    again = cross_validation.out_of_fold(
        liars,
        {"random": list(fasta.read_fasta(DATA / "negatives.faa"))},
        np.arange(24) % 2,
        0.9,
        Config(folds=3, members=3, epochs=2),
        torch.device("cpu"),
        threads=2,
    )
    rows = [i for i in scored.of("enzymes") if scored.folds[i] == 0]
    assert np.array_equal(again.scores["tpspred"][rows], scored.scores["tpspred"][rows])


def test_folds_with_near_identical_sequences_on_both_sides_are_refused(enzymes):
    twin = dataclasses.replace(enzymes[0], id="twin", sequence=enzymes[0].sequence[:-2] + "AA")
    both = [*enzymes, twin]
    folds = np.append(np.zeros(len(enzymes), int), 1)
    with pytest.raises(
        InputError,
        match=f"found {enzymes[0].id} and twin in different folds, 100% identical; wanted less than 95%",
    ):
        cross_validation.checked_folds(both, folds, 0.5, 5, 0.95, 0)
    own = cross_validation.checked_folds(both, None, 0.5, 3, 0.95, 0)
    assert own[0] == own[-1] and set(own) == {0, 1, 2}


def test_similar_negatives_share_a_fold(enzymes):
    family = [
        fasta.ProteinRecord(f"n{i}", "", enzyme.sequence[:-5] + "A" * (5 + i))
        for i, enzyme in enumerate(enzymes[:6])
    ]
    strangers = list(fasta.read_fasta(DATA / "negatives.faa"))
    clusters, folds = cross_validation.negative_folds(
        enzymes,
        splits.identity([enzyme.sequence for enzyme in enzymes]),
        family + strangers,
        0.4,
        4,
        np.random.default_rng(0),
        2,
    )
    assert len(set(folds[:6])) == 1 and len(set(folds)) > 1
    identities = splits.identity([record.sequence for record in family])
    assert identities.min() > 0.4 and len(set(clusters[:6])) == 1


def test_fold_tables_are_checked(enzymes, tmp_path):
    path = tmp_path / "f.tsv"
    path.write_text(
        "id\tfold\n" + "".join(f"{enzyme.id}\t{'ab'[i % 2]}\n" for i, enzyme in enumerate(enzymes))
    )
    assert cross_validation.read_folds(path, enzymes).tolist() == [0, 1] * 12
    for text, message in (
        ("id\tgroup\n", "f.tsv, line 1: found id\tgroup; wanted columns id and fold"),
        ("id\tfold\n", f"no fold for {enzymes[0].id} and 23 others"),
        ("id\tfold\n" + "".join(f"{enzyme.id}\t1\n" for enzyme in enzymes), "a single fold"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=re.escape(message)):
            cross_validation.read_folds(path, enzymes)


def test_inputs_that_are_made_of_the_labels_are_refused():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, (300, 4)).astype(np.float32)
    data = training.Examples(
        [""] * 300,
        [""] * 300,
        rng.normal(size=(300, 3)).astype(np.float32),
        rng.normal(size=(300, 2)).astype(np.float32),
        targets,
        np.ones_like(targets),
        targets,
        np.zeros((300, 300)),
    )
    training._refuse_answers(data, ("length", "kind"))
    told = dataclasses.replace(data, features=np.stack([data.features[:, 0], targets.sum(1)], 1))
    with pytest.raises(StoreError, match="found feature kind, which is a function of the labels"):
        training._refuse_answers(told, ("length", "kind"))
    told = dataclasses.replace(
        data, embedding=np.concatenate([data.embedding[:, :2], targets[:, :1]], 1)
    )
    with pytest.raises(
        StoreError, match="found embedding axis 3, which is a function of the labels"
    ):
        training._refuse_answers(told, ("length", "kind"))


@pytest.mark.parametrize("program", ["blastp", "diamond"])
def test_search_programs_on_path_are_used(program, monkeypatch, tmp_path):
    """A stand-in on PATH answers as the program does; the hits are its own."""
    for name in ("makeblastdb", program):
        script = tmp_path / name
        script.write_text(
            "#!/bin/sh\ncase \"$1\" in makedb|-dbtype) exit 0;; esac\nprintf '0\\t1\\t90\\n0\\t1\\t95\\n0\\t0\\t50\\n'\n"
        )
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    search = {"blastp": baselines._blast, "diamond": baselines._diamond}[program]
    assert [sorted(hits) for hits in search(["MKV", "MKL"], ["MKV", "MKL"], 1)] == [
        [(50.0, 0), (95.0, 1)],
        [],
    ]


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    with pytest.raises(MissingDependency, match="tpspred\\[evaluate\\]"):
        baselines.check()


def test_command_prints_means_and_writes_the_rest(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("prepare", DATA / "reactions.csv", "-o", "d.tsv").code == 0
    command = (
        "evaluate",
        "d.tsv",
        "--negatives",
        DATA / "negatives.faa",
        "--max-identity",
        101,
        "--identity",
        90,
        "--fold-count",
        2,
        "--inner-folds",
        3,
        "--members",
        3,
        "--epochs",
        1,
        "--no-baselines",
        "-t",
        2,
    )
    done = run(*command, "-o", "p.tsv", "--tables", "t", "--report", "r.html")
    assert done.code == 0, done.err
    rows = list(csv.DictReader(io.StringIO(done.out.decode()), delimiter="\t"))
    assert [row["group"] for row in rows] == ["ensemble", "is_tps", "product_type", "substrate"]
    with open("p.tsv", newline="") as handle:
        predictions = list(csv.DictReader(handle, delimiter="\t"))
    assert len(predictions) == 32 and predictions[-1]["source"] == "negatives"
    assert {path.name for path in (tmp_path / "t").iterdir()} == {
        f"{name}.tsv"
        for name in (
            "summary",
            "labels",
            "terpene_synthases",
            "identity",
            "promises",
            "reliability",
            "confusion",
            "gaps",
        )
    }
    page = (tmp_path / "r.html").read_text()
    assert page.count("<svg") == 4 and "mono_sabinene" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.replace("http://www.w3.org", ""))
    idle = run("evaluate", "d.tsv", "--weights", "w.pt")
    assert idle.code == 2 and "--weights is for --encoder" in idle.err
    refused = run("evaluate", "d.tsv", "--folds", "nowhere.tsv")
    assert refused.code == 1 and "nowhere.tsv" in refused.err
