"""The methods that a model has to beat."""

import shutil
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import MissingDependency
from tpspred.evaluation import baselines
from tpspred.family.alignment import align_each

PROGRAMS = {"blastp": ("blastp", "makeblastdb"), "diamond": ("diamond",), "phmmer": ()}


@pytest.fixture(params=PROGRAMS)
def search_program(request, monkeypatch, tmp_path):
    """One search program on PATH, and no other; phmmer is a part of pyhmmer and always there."""
    for name in PROGRAMS[request.param]:
        place = shutil.which(name)
        if place is None:
            pytest.skip(f"{name} is not installed on this machine")
        (tmp_path / name).symlink_to(place)
    monkeypatch.setenv("PATH", str(tmp_path))
    return request.param


@pytest.mark.slow
def test_alignment_votes_with_every_search_program(search_program, left_out_folds, scored):
    """Every program that is installed runs on the folds of the evaluation."""
    search = {"blastp": baselines._blast, "diamond": baselines._diamond, "phmmer": align_each}
    assert baselines._search_program() is search[search_program]
    for number, fold in enumerate(left_out_folds):
        scores = baselines.alignment(fold)
        assert scores.shape == (len(fold.passed), len(scored.labels))
        assert (scores >= 0).all() and (scores <= 1).all()
        rows = np.flatnonzero(scored.folds == number)[fold.passed]
        phmmer = scored.scores["alignment"][rows]
        is_enzyme = scored.sources[rows] == "enzymes"
        # An enzyme's best hit is of its own family, whatever the program.
        assert scores[is_enzyme].any(1).all()
        truth = scored.targets[rows][is_enzyme] > 0
        assert scores[is_enzyme][truth].mean() > 2 * scores[is_enzyme][~truth].mean()
        if search_program == "phmmer":
            assert np.array_equal(scores, phmmer)
        else:
            assert np.abs(scores - phmmer)[is_enzyme].mean() < 0.1


@given(
    st.lists(st.floats(20, 2000), min_size=1, max_size=baselines.BEST_HITS),
    st.integers(0, 2**32 - 1),
)
def test_votes_are_shares(bits, seed):
    """Weights that are added up in another order can give 1 + 2e-16, which is no share."""
    hits = [(score, i) for i, score in enumerate(sorted(bits, reverse=True))]
    targets = np.random.default_rng(seed).integers(0, 2, (len(hits), 5)).astype(np.float32)
    targets[:, 0] = 1  # a label that all hits have
    shares = baselines.vote(hits, targets)
    assert shares.shape == (5,) and (shares >= 0).all() and (shares <= 1).all()
    assert shares[0] == pytest.approx(1)


def test_a_label_that_all_hits_have_gets_no_more_than_one():
    """Without clipping, some of these 300 votes are 1 + 2e-16."""
    rng = np.random.default_rng(0)
    targets = np.ones((baselines.BEST_HITS, 1), np.float32)
    for _ in range(300):
        bits = np.sort(rng.uniform(20, 2000, baselines.BEST_HITS))[::-1]
        share = baselines.vote([(score, i) for i, score in enumerate(bits)], targets)[0]
        assert 1 - 1e-12 < share <= 1


def test_better_hits_weigh_more():
    targets = np.eye(3, dtype=np.float32)
    shares = baselines.vote([(200.0, 2), (100.0, 0)], targets)
    assert shares.tolist() == pytest.approx([1 / 65, 0, 64 / 65])  # (100 / 200) ** 6 = 1 / 64


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logistic_regression", "random_forest"])
def test_a_fold_is_scored_again_with_the_same_result(name, left_out_folds, scored):
    fold = left_out_folds[0]
    rows = np.flatnonzero(scored.folds == 0)[fold.passed]
    assert np.array_equal(baselines.METHODS[name](fold), scored.scores[name][rows])
    # A label that no example or every example has cannot be learned: it is 0.
    examples = fold.examples
    known = [examples.targets[examples.mask[:, c] > 0, c] for c in range(len(scored.labels))]
    constant = [c for c, truth in enumerate(known) if len(set(truth.tolist())) < 2]
    assert constant and not scored.scores[name][rows][:, constant].any()
    assert scored.scores[name][rows].any(1).all()


@pytest.mark.parametrize("program", ["blastp", "diamond"])
def test_search_programs_on_path_are_used(program, monkeypatch, tmp_path):
    """A stand-in on PATH answers as the program does; the hits are its own."""
    for name in ("makeblastdb", program):
        script = tmp_path / name
        script.write_text(
            '#!/bin/sh\ncase "$1" in makedb|-dbtype) exit 0;; esac\n'
            "printf '0\\t1\\t90\\n0\\t1\\t95\\n0\\t0\\t50\\n'\n"
        )
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    search = {"blastp": baselines._blast, "diamond": baselines._diamond}[program]
    assert [sorted(hits) for hits in search(["MKV", "MKL"], ["MKV", "MKL"], 1)] == [
        [(50.0, 0), (95.0, 1)],
        [],
    ]


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingDependency, match="pip install scikit-learn, or give --no-baselines"):
        baselines.require_sklearn()
