"""What a model has to beat, fitted on the same training proteins.

Every method takes (predictor, data, table, rows, seed, threads): the fitted recipe, its training.Examples, the left-out
proteins' representations and which of them to score; and gives (rows, labels) scores.
"""

import pathlib
import shutil
import subprocess
import tempfile

import numpy as np

from ..errors import MissingDependency
from ..family import profiles
from ..model import training

HITS, POWER = 20, 6  # of the alignment vote: so many best hits, weighted by (bits / best bits) ** 6


def alignment(predictor, data, table, rows, seed, threads):
    """Vote of the most similar training enzymes: blastp or DIAMOND if one is on PATH, else pyhmmer's phmmer."""
    labelled = np.flatnonzero(data.mask.all(1))
    search = (
        _blast
        if shutil.which("blastp")
        else _diamond
        if shutil.which("diamond")
        else profiles.align_each
    )
    found = search(
        [table.sequences[i] for i in rows], [data.sequences[i] for i in labelled], threads
    )
    scores = np.zeros((len(rows), len(predictor.labels)))
    for score, hits in zip(scores, found):
        best = sorted(hits, reverse=True)[:HITS]
        if best:
            weight = np.array([bits / best[0][0] for bits, _ in best]) ** POWER
            score[:] = weight @ data.targets[labelled[[i for _, i in best]]] / weight.sum()
    return scores


def logistic_regression(predictor, data, table, rows, seed, threads):
    """One regularised logistic regression per label on the network's inputs."""
    from sklearn.linear_model import LogisticRegression

    train, test = _inputs(predictor, data, table, rows)
    scores = np.zeros((len(rows), len(predictor.labels)))
    for c in range(scores.shape[1]):
        known = data.mask[:, c] > 0
        answers = data.targets[known, c]
        if 0 < answers.sum() < len(answers):
            model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000).fit(
                train[known], answers
            )
            scores[:, c] = model.predict_proba(test)[:, 1]
    return scores


def random_forest(predictor, data, table, rows, seed, threads):
    """A random forest for all labels of enzymes, and one for what negatives answer too, on the network's inputs.

    Breiman 2001, 10.1023/A:1010933404324
    """
    from sklearn.ensemble import RandomForestClassifier

    train, test = _inputs(predictor, data, table, rows)
    scores = np.zeros((len(rows), len(predictor.labels)))
    always = data.mask.all(0)
    for columns, known in (
        (np.flatnonzero(~always), data.mask.all(1)),
        (np.flatnonzero(always), slice(None)),
    ):
        forest = RandomForestClassifier(500, min_samples_leaf=2, n_jobs=threads, random_state=seed)
        answers = data.targets[known][:, columns]
        varied = np.ptp(answers, axis=0) > 0
        columns, answers = columns[varied], answers[:, varied]
        if len(columns):
            found = forest.fit(train[known], answers.squeeze()).predict_proba(test)
            scores[:, columns] = np.stack(
                [part[:, 1] for part in (found if isinstance(found, list) else [found])], 1
            )
    return scores


METHODS = {
    "alignment": alignment,
    "logistic_regression": logistic_regression,
    "random_forest": random_forest,
}


def check():
    """Say now what would be missing later.

    Raises:
        MissingDependency: If scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingDependency(
            "the baselines need scikit-learn: pip install 'tpspred[evaluate]', or --no-baselines"
        ) from None


def _inputs(predictor, data, table, rows):
    """The network's inputs for training and left-out proteins, (proteins, dimension + 64) each."""
    return (
        np.concatenate(
            [
                part.numpy()
                for part in training.scale(embedding, features, predictor.fitted.scaling)
            ],
            1,
        )
        for embedding, features in (
            (data.embedding, data.features),
            (table.embedding[rows], table.features[rows]),
        )
    )


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
