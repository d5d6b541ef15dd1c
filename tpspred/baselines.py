"""What a model has to beat, fitted on the same training proteins.

Every method takes (predictor, data, table, rows, seed, threads): the fitted recipe, its training.Examples, the left-out
proteins' representations and which of them to score; and gives (rows, labels) scores.
"""

import pathlib
import shutil
import subprocess
import tempfile

import numpy as np

from . import profiles, training
from .errors import MissingDependency

HITS, POWER = 20, 6         # of the alignment vote: so many best hits, weighted by (bits / best bits) ** 6


def alignment(predictor, data, table, rows, seed, threads):
    """Vote of the most similar training enzymes: blastp or DIAMOND if one is on PATH, else pyhmmer's phmmer."""
    labelled = np.flatnonzero(data.mask.all(1))
    search = _blast if shutil.which("blastp") else _diamond if shutil.which("diamond") else profiles.align_each
    found = search([table.sequences[i] for i in rows], [data.sequences[i] for i in labelled], threads)
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
    return _per_label(lambda: LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000), predictor, data, table, rows)


def random_forest(predictor, data, table, rows, seed, threads):
    """One random forest per label on the network's inputs. Breiman 2001, 10.1023/A:1010933404324"""
    from sklearn.ensemble import RandomForestClassifier
    return _per_label(lambda: RandomForestClassifier(200, class_weight="balanced_subsample", n_jobs=threads, random_state=seed),
                      predictor, data, table, rows)


METHODS = {"alignment": alignment, "logistic_regression": logistic_regression, "random_forest": random_forest}


def check():
    """Say now what would be missing later.

    Raises:
        MissingDependency: If scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise MissingDependency("the baselines need scikit-learn: pip install 'tpspred[evaluate]', or --no-baselines") from None


def _per_label(new, predictor, data, table, rows):
    scaling = predictor.fitted.scaling
    train, test = (np.concatenate([part.numpy() for part in training.scale(embedding, features, scaling)], 1)
                   for embedding, features in ((data.embedding, data.features), (table.embedding[rows], table.features[rows])))
    scores = np.zeros((len(rows), len(predictor.labels)))
    for c in range(scores.shape[1]):
        known = data.mask[:, c] > 0
        answers = data.targets[known, c]
        if 0 < answers.sum() < len(answers):
            scores[:, c] = new().fit(train[known], answers).predict_proba(test)[:, 1]
    return scores


def _blast(queries, references, threads):
    return _tabular(queries, references, ["makeblastdb", "-dbtype", "prot", "-in", "references.faa"],
                    ["blastp", "-db", "references.faa", "-query", "queries.faa", "-num_threads", str(threads),
                     "-max_target_seqs", "150", "-outfmt", "6 qseqid sseqid bitscore"])


def _diamond(queries, references, threads):
    return _tabular(queries, references, ["diamond", "makedb", "--quiet", "--in", "references.faa", "-d", "references"],
                    ["diamond", "blastp", "--quiet", "--very-sensitive", "-d", "references", "-q", "queries.faa", "-p",
                     str(threads), "-k", "150", "-f", "6", "qseqid", "sseqid", "bitscore"])


def _tabular(queries, references, index, search):
    """Run a search program in a folder of its own; a list of (bits, reference) per query."""
    with tempfile.TemporaryDirectory(prefix="tpspred-") as folder:
        for name, sequences in (("queries", queries), ("references", references)):
            text = "".join(f">{i}\n{sequence}\n" for i, sequence in enumerate(sequences))
            pathlib.Path(folder, f"{name}.faa").write_text(text)
        subprocess.run(index, cwd=folder, check=True, capture_output=True)
        lines = subprocess.run(search, cwd=folder, check=True, capture_output=True, text=True).stdout.splitlines()
    best = [{} for _ in queries]
    for query, reference, bits in (line.split("\t") for line in lines):
        found = best[int(query)]
        found[int(reference)] = max(float(bits), found.get(int(reference), 0.0))
    return [[(bits, i) for i, bits in found.items()] for found in best]
