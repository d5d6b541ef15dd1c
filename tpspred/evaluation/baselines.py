"""Baselines: simple methods that a model has to beat, fitted on the same training proteins."""

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

BEST_HITS = 20  # hits that have a vote
BITS_POWER = 6  # a hit weighs (bits / best bits) ** 6
REPORTED_HITS = "150"  # hits per query that a search program reports

Hits = list[tuple[float, int]]  # (bits, index of the reference)
Search = Callable[[Sequence[str], Sequence[str], int], list[Hits]]


def alignment(fold: Fold) -> NDArray[np.float64]:
    """Score by the vote of the training enzymes that align best.

    The program is blastp or DIAMOND if one of them is on PATH, else pyhmmer's phmmer.
    """
    examples = fold.examples
    enzymes = np.flatnonzero(examples.is_enzyme)
    references = [examples.sequences[i] for i in enzymes]
    hits_of = search(fold.passed_sequences, references, fold.threads)
    scores = np.zeros((len(fold.passed), examples.targets.shape[1]))
    for score, hits in zip(scores, hits_of):
        best_hits = sorted(hits, reverse=True)[:BEST_HITS]
        if best_hits:
            score[:] = vote(best_hits, examples.targets[enzymes])
    return scores


def search(queries: Sequence[str], references: Sequence[str], threads: int) -> list[Hits]:
    """Return the hits of each query, by the best search program on this machine."""
    return _search_program()(queries, references, threads)


def vote(hits: Hits, targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the share of each label among hits; better hits weigh more.

    Args:
        hits: (bits, index of the enzyme) of at least one hit, best first.
        targets: (enzymes, labels) 0/1.

    Returns:
        (labels,) shares, 0–1.

    >>> vote([(90.0, 0), (45.0, 1)], np.array([[1, 0], [1, 1]]))
    array([1.        , 0.01538462])
    """
    bits = np.array([score for score, _ in hits])
    weight = (bits / bits[0]) ** BITS_POWER
    shares = weight @ targets[[i for _, i in hits]] / weight.sum()
    return shares.clip(0, 1)  # rounding can give 1 + 2e-16


def logistic_regression(fold: Fold) -> NDArray[np.float64]:
    """Score with one regularised logistic regression per label, on the network's inputs."""
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
    """Score with random forests on the network's inputs. Breiman 2001, 10.1023/A:1010933404324.

    One forest learns the labels that are known of enzymes alone, another one those that are known
    of negatives too.
    """
    from sklearn.ensemble import RandomForestClassifier

    examples = fold.examples
    train, test = _inputs(fold)
    scores = np.zeros((len(test), examples.targets.shape[1]))
    always_known = examples.mask.all(0)
    everything = np.ones(len(examples), bool)
    for of_labels, rows in ((~always_known, examples.is_enzyme), (always_known, everything)):
        # A forest learns labels that are present in some of its examples and absent in others.
        columns = np.flatnonzero(of_labels)
        truth = examples.targets[rows][:, columns]
        varied = np.ptp(truth, axis=0) > 0
        columns = columns[varied]
        truth = truth[:, varied]
        if not len(columns):
            continue
        forest = RandomForestClassifier(
            500, min_samples_leaf=2, n_jobs=fold.threads, random_state=fold.seed
        )
        # (proteins, 2) probabilities of absence and presence, in a list if there are more labels.
        forest.fit(train[rows], truth.squeeze())
        forest.set_params(n_jobs=1)  # several threads add up the trees in any order
        answers = forest.predict_proba(test)
        per_label = answers if isinstance(answers, list) else [answers]
        scores[:, columns] = np.stack([answer[:, 1] for answer in per_label], 1)
    return scores


METHODS: dict[str, Method] = {
    "alignment": alignment,
    "logistic_regression": logistic_regression,
    "random_forest": random_forest,
}


def require_sklearn() -> None:
    """Check that what the baselines need is installed.

    Raises:
        MissingDependency: If scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingDependency(
            "the baselines need scikit-learn: pip install scikit-learn, or give --no-baselines"
        ) from None


def _inputs(fold: Fold) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the scaled inputs of the network, for training and for scoring.

    Returns:
        (examples, dimension + features) and (passed, dimension + features).
    """
    scaling = fold.predictor.trained.scaling
    examples = fold.examples
    table = fold.left_out
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


def _blast(queries: Sequence[str], references: Sequence[str], threads: int) -> list[Hits]:
    """Search with blastp. Camacho et al. 2009, 10.1186/1471-2105-10-421."""
    index = ["makeblastdb", "-dbtype", "prot", "-in", "references.faa"]
    search = ["blastp", "-db", "references.faa", "-query", "queries.faa"]
    search += ["-num_threads", str(threads), "-max_target_seqs", REPORTED_HITS]
    search += ["-outfmt", "6 qseqid sseqid bitscore"]
    return _run_search(queries, references, index, search)


def _diamond(queries: Sequence[str], references: Sequence[str], threads: int) -> list[Hits]:
    """Search with DIAMOND. Buchfink et al. 2021, 10.1038/s41592-021-01101-x."""
    index = ["diamond", "makedb", "--quiet", "--in", "references.faa", "-d", "references"]
    search = ["diamond", "blastp", "--quiet", "--very-sensitive"]
    search += ["-d", "references", "-q", "queries.faa", "-p", str(threads), "-k", REPORTED_HITS]
    search += ["-f", "6", "qseqid", "sseqid", "bitscore"]
    return _run_search(queries, references, index, search)


def _run_search(
    queries: Sequence[str],
    references: Sequence[str],
    index: Sequence[str],
    search: Sequence[str],
) -> list[Hits]:
    """Run a search program in a folder of its own.

    Args:
        queries: Sequences to search with.
        references: Sequences to search in.
        index: Command that makes a database of references.faa.
        search: Command that searches queries.faa and prints query, reference and bits per line.

    Returns:
        Per query, its best bits with every reference that it hits.
    """
    with tempfile.TemporaryDirectory(prefix="tpspred-") as folder:
        for name, sequences in (("queries", queries), ("references", references)):
            text = "".join(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences))
            pathlib.Path(folder, f"{name}.faa").write_text(text)
        subprocess.run(index, cwd=folder, check=True, capture_output=True)
        searched = subprocess.run(search, cwd=folder, check=True, capture_output=True, text=True)
    bits_of: list[dict[int, float]] = [{} for _ in queries]  # reference → best bits
    for line in searched.stdout.splitlines():
        query, reference, bits = line.split("\t")
        best_bits = bits_of[int(query)]
        best_bits[int(reference)] = max(float(bits), best_bits.get(int(reference), 0.0))
    return [[(bits, i) for i, bits in best_bits.items()] for best_bits in bits_of]
