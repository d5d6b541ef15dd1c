#!/usr/bin/env python3
"""Out-of-fold predictions of the shipped recipe for the benchmark's labels.

    out_of_fold.py --data DATA --level random|70|50|40 -o predictions.tsv

For every fold the whole recipe (profiles, projection, scaling, networks, calibration, thresholds) is fitted on the other
folds with the defaults of tpspred train; negatives that are more similar to a sequence of the left-out fold than the level
allows are left out too. The table has a column per label of truth.tsv, and, for reading, status and is_tps.
"""

import argparse
import csv
import dataclasses
import gzip
import pathlib
import sys
import time

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tpspred import dataset, metrics, recipe, records  # noqa: E402
from tpspred.hyperparameters import Config  # noqa: E402

NEAREST_NEGATIVE = {"random": 0.9, "70": 0.7, "50": 0.5, "40": 0.4}   # identity to the left-out fold


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder with benchmark/ and data/")
    parser.add_argument("--level", choices=list(NEAREST_NEGATIVE), required=True)
    parser.add_argument("-o", "--output", required=True, help="predictions.tsv to write")
    parser.add_argument("--threads", type=int, default=2)
    for field in dataclasses.fields(Config):
        if type(field.default) is not bool:
            parser.add_argument("--" + field.name.replace("_", "-"), type=type(field.default), default=field.default,
                                help=f"{field.metadata['help']} [{field.default}]")
    options = vars(parser.parse_args())
    config = Config(**{field.name: options[field.name] for field in dataclasses.fields(Config) if field.name in options})

    enzymes = dataset.from_reactions(dataset.read_reactions(options["data"] / "data/marts_reactions.csv.gz"))
    fold_of = read_folds(options["data"] / "benchmark/truth.tsv", options["level"])
    negatives = read_negatives(options["data"] / "data")
    labels = dataset.labels(enzymes)
    rows = {}
    for fold in sorted(set(fold_of.values())):
        began = time.monotonic()
        test = [enzyme for enzyme in enzymes if fold_of[enzyme.id] == fold]
        train = [enzyme for enzyme in enzymes if fold_of[enzyme.id] != fold]
        predictor = recipe.from_sequences(
            train, negatives, config, f"fold{fold}", torch.device("cpu"), labels, options["threads"],
            held_out=[enzyme.sequence for enzyme in test], identity=NEAREST_NEGATIVE[options["level"]])
        calls = predictor.predict((records.ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in test),
                                  options["threads"])
        rows.update((call.id, row(call, labels)) for call in calls)
        print(f"fold {fold}: {len(train)} enzymes, {predictor.record['negatives_used']} negatives, {time.monotonic() - began:.0f} s",
              file=sys.stderr, flush=True)
    names = [label.name for label in labels]
    with open(options["output"], "w", newline="") as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        table.writerow(["id", *names, "status"])
        table.writerows([enzyme.id, *rows[enzyme.id]] for enzyme in enzymes)
    report(enzymes, rows)


def read_folds(path, level):
    """Fold of every sequence at a level."""
    with open(path, newline="") as handle:
        column = "fold_random" if level == "random" else "fold" + level
        return {line["id"]: int(line[column]) for line in csv.DictReader(handle, delimiter="\t")}


def read_negatives(folder):
    """Swiss-Prot and hard negatives as records."""
    found = list(records.read_fasta(folder / "swissprot_negatives.fasta.gz"))
    with gzip.open(folder / "hard_negatives.tsv.gz", "rt", newline="") as handle:
        found += [records.protein_record(line["id"], line["sequence"], line["category"])
                  for line in csv.DictReader(handle, delimiter="\t")]
    return [record for record in found if not record.problem]


def row(call, labels):
    """Scores of one protein: 0 where no profile matched or the label had no training positive."""
    scores = np.zeros(len(labels)) if call.probabilities is None else np.nan_to_num(call.probabilities)
    return [*(f"{score:.6f}" for score in scores), call.status]


def report(enzymes, rows):
    """How many terpene synthases were seen, and how their statuses fall."""
    status = np.array([rows[enzyme.id][-1] for enzyme in enzymes])
    is_tps = np.array([enzyme.is_tps for enzyme in enzymes])
    score = np.array([float(rows[enzyme.id][len(dataset.ensembles.SLUGS)]) for enzyme in enzymes])
    for kind in (True, False):
        names, counts = np.unique(status[is_tps == kind], return_counts=True)
        print("terpene synthases" if kind else "pt, sqs, psy only", *(f"{n} {c}" for n, c in zip(names, counts)), sep="\t")
    seen = np.isin(status[is_tps], ["tps", "uncertain"]).mean()
    print(f"recall (tps or uncertain)\t{seen:.4f}\tAP among MARTS-DB\t{metrics.average_precision(is_tps, score):.4f}")


if __name__ == "__main__":
    main()
