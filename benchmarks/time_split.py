#!/usr/bin/env python3
"""Score the enzymes that MARTS-DB gained after the training data, beside BLAST.

    time_split.py --data DATA [--model FILE ...] [--threads 2]

DATA contains data/marts_reactions.csv.gz, the negatives and data/marts_2026_02_new.tsv. A model is
trained on marts_reactions.csv.gz and the negatives with the defaults of tpspred train. Models that
are named are scored beside it; it is said how many of the new enzymes they have seen, because the
bundled model, for one, was trained on them.

Prints a Markdown table over the ensembles with at least three of the new enzymes: macro AP, macro
F1 of the calls, and how many product types are right. BLAST is the vote of the 20 best hits (AP)
and the labels of the best hit (F1, product type) among the enzymes of marts_reactions.csv.gz.

Nothing is to be chosen by these figures: the new enzymes are there to be looked at once.
"""

import argparse
import csv
import pathlib
import sys

import numpy as np
import torch

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / "benchmarks")]
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent)]

import out_of_fold

from tpspred import building
from tpspred.dataset import ensembles
from tpspred.dataset.enzymes import from_reactions
from tpspred.dataset.reactions import read_reactions
from tpspred.evaluation import baselines
from tpspred.io.fasta import protein_record
from tpspred.model import checkpoint, metrics
from tpspred.model.hyperparameters import Config
from tpspred.model.trained import sequence_hash

MIN_POSITIVES = 3
COLUMNS = ("what", "macro AP", "macro F1", "product types", "not found")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--model", action="append", default=[], metavar="FILE")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    folder = options.data / "data"
    with open(folder / "marts_2026_02_new.tsv", newline="") as handle:
        new = list(csv.DictReader(handle, delimiter="\t"))
    known = from_reactions(read_reactions(folder / "marts_reactions.csv.gz"))
    records = [protein_record(line["id"], line["sequence"]) for line in new]
    truth = in_columns([set(line["ensembles"].split(";")) for line in new], ensembles.SLUGS)
    scored = truth.sum(0) >= MIN_POSITIVES
    types = [set(line["product_types"].split(";")) for line in new]

    negatives = [record for each in out_of_fold.read_negatives(folder).values() for record in each]
    trained, _ = building.build_model(
        known, negatives, Config(), "here", torch.device("cpu"), threads=options.threads
    )
    models = {"trained here": trained} | {path: checkpoint.load(path) for path in options.model}
    print(f"{len(new)} enzymes, {scored.sum()} ensembles with {MIN_POSITIVES} or more of them\n")
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for name, model in models.items():
        calls = list(model.predict(records, options.threads))
        scores = np.array([ensemble_scores(model, call) for call in calls])
        called = in_columns([{e.name for e in call.ensembles} for call in calls], ensembles.SLUGS)
        right = sum(call.product_type in own for call, own in zip(calls, types))
        missed = sum(not call.is_scored for call in calls)
        seen = sum(sequence_hash(x.sequence) in model.trained.fold_of for x in records)
        print_row(f"{name}, which has seen {seen}", truth, scored, scores, called, right, missed)

    sequences = [record.sequence for record in records]
    hits_of = baselines.search(sequences, [enzyme.sequence for enzyme in known], options.threads)
    labels = in_columns([set(enzyme.ensembles) for enzyme in known], ensembles.SLUGS)
    scores, called, right, missed = np.zeros(truth.shape), np.zeros(truth.shape), 0, 0
    for i, hits in enumerate(hits_of):
        best = sorted(hits, reverse=True)[: baselines.BEST_HITS]
        if not best:
            missed += 1
            continue
        scores[i] = baselines.vote(best, labels)
        called[i] = labels[best[0][1]]
        right += bool(types[i] & set(known[best[0][1]].product_types))
    print_row("BLAST", truth, scored, scores, called, right, missed)


def in_columns(names_of, columns):
    """Return (rows, columns) 0/1: which of the names each row has."""
    return np.array([[float(name in names) for name in columns] for names in names_of])


def ensemble_scores(model, call):
    """Return the probability of each ensemble; 0 for a protein or ensemble without one."""
    scores = dict.fromkeys(ensembles.SLUGS, 0.0)
    if call.probabilities is not None:
        scores |= {name: float(call.probabilities[i]) for i, name in model.ensembles.items()}
    return [scores[slug] for slug in ensembles.SLUGS]


def print_row(name, truth, scored, scores, called, right, missed):
    """Print one row of the table."""
    columns = np.flatnonzero(scored)
    precision = np.mean([metrics.average_precision(truth[:, c], scores[:, c]) for c in columns])
    f1 = np.mean([metrics.f1(truth[:, c], called[:, c] > 0) for c in columns])
    print(f"| {name} | {precision:.3f} | {f1:.3f} | {right} | {missed} |", flush=True)


if __name__ == "__main__":
    main()
