"""Baselines: what a model has to beat, fitted on the same training proteins."""

import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency
from ..family.alignment import align_each
from .fold import Fold, Method

# The alignment vote: the best hits, weighted by (bits / best bits) ** 6.
BEST_HITS = 20
BITS_POWER = 6

Hits = list[tuple[float, int]]  # (bits, index of the reference)
Search = Callable[[Sequence[str], Sequence[str], int], list[Hits]]


def alignment(fold: Fold) -> NDArray[np.float64]:
    """Vote of the training enzymes that align best.

    The program is blastp or DIAMOND if one of them is on PATH, else pyhmmer's phmmer.
    """
    examples = fold.examples
    enzymes = np.flatnonzero(examples.is_enzyme)
    references = [examples.sequences[i] for i in enzymes]
    hits_of = _search_program()(fold.passed_sequences, references, fold.threads)
    scores = np.zeros((len(fold.passed), examples.targets.shape[1]))
    for score, hits in zip(scores, hits_of):
        best = sorted(hits, reverse=True)[:BEST_HITS]
        if best:
            score[:] = vote(best, examples.targets[enzymes])
    return scores


def vote(hits: Hits, targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the share of each label among hits, the better ones weighing more.

    Args:
        hits: (bits, index of the enzyme), best first.
        targets: (enzymes, labels) 0/1.

    Returns:
        (labels,) shares, 0–1.

    >>> vote([(90.0, 0), (45.0, 1)], np.array([[1, 0], [1, 1]]))
    array([1.        , 0.01538462])
    """
    bits = np.array([score for score, _ in hits])
    weight = (bits / bits[0]) ** BITS_POWER
    shares = weight @ targets[[i for _, i in hits]] / weight.sum()
    return shares.clip(0, 1)  # rounding can lead to 1 + 2e-16


def logistic_regression(fold: Fold) -> NDArray[np.float64]:
    """One regularised logistic regression per label on the network's inputs."""
    from sklearn.linear_model import LogisticRegression

    examples = fold.examples
    train, test = _inputs(fold)
    scores = np.zeros((len(test), examples.targets.shape[1]))
    for c in range(scores.shape[1]):
        known = examples.mask[:, c] > 0
        truth = examples.targets[known, c]
        if 0 < truth.sum() < len(truth):
            model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000)
            scores[:, c] = model.fit(train[known], truth).predict_proba(test)[:, 1]
    return scores


def random_forest(fold: Fold) -> NDArray[np.float64]:
    """A random forest on the network's inputs. Breiman 2001, 10.1023/A:1010933404324.

    One forest learns the labels that are known for enzymes alone, another one those that are known
    for negatives too.
    """
    from sklearn.ensemble import RandomForestClassifier

    examples = fold.examples
    train, test = _inputs(fold)
    scores = np.zeros((len(test), examples.targets.shape[1]))
    always_known = examples.mask.all(0)
    everything = np.ones(len(examples), bool)
    for of_labels, rows in ((~always_known, examples.is_enzyme), (always_known, everything)):
        columns = np.flatnonzero(of_labels)
        truth = examples.targets[rows][:, columns]
        varied = np.ptp(truth, axis=0) > 0
        columns, truth = columns[varied], truth[:, varied]
        if len(columns):
            forest = RandomForestClassifier(
                500, min_samples_leaf=2, n_jobs=fold.threads, random_state=fold.seed
            )
            answers = forest.fit(train[rows], truth.squeeze()).predict_proba(test)
            per_label = answers if isinstance(answers, list) else [answers]
            scores[:, columns] = np.stack([answer[:, 1] for answer in per_label], 1)
    return scores


METHODS: dict[str, Method] = {
    "alignment": alignment,
    "logistic_regression": logistic_regression,
    "random_forest": random_forest,
}


def check() -> None:
    """Check at the start what the baselines need later.

    Raises:
        MissingDependency: If scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingDependency(
            "the baselines need scikit-learn: pip install 'tpspred[evaluate]', or --no-baselines"
        ) from None


def _inputs(fold: Fold) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the network's inputs, (proteins, dimension + features), for training and scoring."""
    scaling, examples, table = fold.predictor.trained.scaling, fold.examples, fold.left_out
    assert table.features is not None
    train = [scaling.embeddings(examples.embedding), scaling.features(examples.features)]
    test = [
        scaling.embeddings(table.embedding[fold.passed]),
        scaling.features(table.features[fold.passed]),
    ]
    return np.concatenate(train, 1), np.concatenate(test, 1)


def _search_program() -> Search:
    """Return the function that runs the best search program on this machine."""
    if shutil.which("blastp"):
        return _blast
    return _diamond if shutil.which("diamond") else align_each


def _blast(queries, references, threads):
    return _tabular(
        queries,
        references,
        ["makeblastdb", "-dbtype", "prot", "-in", "references.faa"],
        [
            "blastp",
            "-db",
            "references.faa",
            "-query",
            "queries.faa",
            "-num_threads",
            str(threads),
            "-max_target_seqs",
            "150",
            "-outfmt",
            "6 qseqid sseqid bitscore",
        ],
    )


def _diamond(queries, references, threads):
    return _tabular(
        queries,
        references,
        ["diamond", "makedb", "--quiet", "--in", "references.faa", "-d", "references"],
        [
            "diamond",
            "blastp",
            "--quiet",
            "--very-sensitive",
            "-d",
            "references",
            "-q",
            "queries.faa",
            "-p",
            str(threads),
            "-k",
            "150",
            "-f",
            "6",
            "qseqid",
            "sseqid",
            "bitscore",
        ],
    )


def _tabular(queries, references, index, search):
    """Run a search program in a folder of its own; a list of (bits, reference) per query."""
    with tempfile.TemporaryDirectory(prefix="tpspred-") as folder:
        for name, sequences in (("queries", queries), ("references", references)):
            text = "".join(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences))
            pathlib.Path(folder, f"{name}.faa").write_text(text)
        subprocess.run(index, cwd=folder, check=True, capture_output=True)
        lines = subprocess.run(
            search, cwd=folder, check=True, capture_output=True, text=True
        ).stdout.splitlines()
    best = [{} for _ in queries]
    for query, reference, bits in (line.split("\t") for line in lines):
        found = best[int(query)]
        found[int(reference)] = max(float(bits), found.get(int(reference), 0.0))
    return [[(bits, i) for i, bits in found.items()] for found in best]
