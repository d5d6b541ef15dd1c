#!/usr/bin/env python3
"""Score the enzymes of the benchmark with models that have not seen them.

    out_of_fold.py --data DATA --level random|70|50|40 -o predictions.tsv [--tables FOLDER]
                   [--products ranking.tsv] [--identifiers identifiers.tsv]
                   [--report page.html] [--baselines] [--encoder esm2_NAME --weights FILE]
                   [--added TABLE]

For every fold the whole pipeline (profiles, column weights, projection, scaling, networks,
calibration, thresholds) is fitted on the other folds with the defaults of tpspred train. Negatives
that are more similar to a protein of the left-out fold than the level allows are left out too.

The table has one column per label of truth.tsv and, for reading, the status. A score is the
log-odds of the probability, because a threshold lies half-way between two scores, and half-way
between two small probabilities would be next to the larger one.

With --added the enzymes of a further table (see tpspred prepare) train too, each in the folds whose
left-out enzymes are less similar to it than the level allows. They are not scored.

Tables and page are those of tpspred evaluate, with both sets of negatives. With --encoder the
pipeline is also fitted on the vectors of that language model, alone and joined to those of the
profile encoder; gaps.tsv says how much better each is.
"""

import argparse
import csv
import gzip
import pathlib
import sys
import time

import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tpspred.dataset.labels import IS_TPS
from tpspred.dataset.tables import merge_tables, read_tables
from tpspred.dataset.terms import Terms
from tpspred.encoders.runtime import Runtime
from tpspred.evaluation import cross_validation, other_encoders
from tpspred.evaluation import report as reports
from tpspred.evaluation.tables import tables_of
from tpspred.family.alignment import identity_matrix
from tpspred.io import fasta
from tpspred.model import calibration, hyperparameters, metrics
from tpspred.model.hyperparameters import Config
from tpspred.writers.identifiers import describe

NEAREST_NEGATIVE = {"random": 0.9, "70": 0.7, "50": 0.5, "40": 0.4}  # identity to the left-out fold


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=pathlib.Path, required=True, help="folder with benchmark/ and data/"
    )
    parser.add_argument("--level", choices=list(NEAREST_NEGATIVE), required=True)
    parser.add_argument("-o", "--output", required=True, help="predictions.tsv to write")
    parser.add_argument("--tables", type=pathlib.Path, help="folder for the report's tables")
    parser.add_argument("--products", help="ranking of single products to write")
    parser.add_argument("--identifiers", help="table of EC numbers and GO terms to write")
    parser.add_argument("--report", help="page to write")
    parser.add_argument(
        "--baselines", action="store_true", help="score the baselines on the same folds"
    )
    parser.add_argument("--encoder", metavar="esm2_NAME", help="ESM-2 to compare with")
    parser.add_argument("--weights", help="weights of this ESM-2 (.pt)")
    parser.add_argument("--added", help="table of additional enzymes that train")
    parser.add_argument("--threads", type=int, default=2)
    hyperparameters.add_arguments(parser, Config)
    parsed = parser.parse_args()
    if parsed.weights and not parsed.encoder:
        parser.error("--weights is for --encoder")
    options = vars(parsed)
    config = hyperparameters.from_arguments(parsed, Config)

    sources = [options["data"] / "data/marts_reactions.csv.gz", options["added"]]
    enzymes = merge_tables(read_tables([source for source in sources if source]))
    fold_of = read_folds(options["data"] / "benchmark/truth.tsv", options["level"])
    folds = [fold_of.get(enzyme.id, cross_validation.ALWAYS_TRAINS) for enzyme in enzymes]
    began = time.monotonic()
    device = torch.device("cpu")
    runtime = Runtime(weights=options["weights"])
    methods = other_encoders.methods_to_compare(
        options["baselines"], options["encoder"], runtime, config, device
    )
    scored = cross_validation.cross_validate(
        enzymes,
        identity_matrix([enzyme.sequence for enzyme in enzymes], options["threads"]),
        read_negatives(options["data"] / "data"),
        np.array(folds),
        NEAREST_NEGATIVE[options["level"]],
        config,
        device,
        methods,
        options["threads"],
        lambda text: print(
            f"{text}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True
        ),
    )
    write(scored, options["output"])
    if options["products"]:
        write_products(scored, options["products"])
    if options["identifiers"]:
        write_identifiers(scored, options["identifiers"])
    report(scored)
    if options["tables"] or options["report"]:
        results = tables_of(scored, config.seed)
        if options["tables"]:
            reports.write_tables(results, options["tables"])
        if options["report"]:
            reports.write_page(scored, results, options["report"])


def read_folds(path, level):
    """Return id → fold of every sequence at a level."""
    with open(path, newline="") as handle:
        column = "fold_random" if level == "random" else "fold" + level
        return {line["id"]: int(line[column]) for line in csv.DictReader(handle, delimiter="\t")}


def read_negatives(folder):
    """Return the Swiss-Prot and the hard negatives: name of the set → records."""
    with gzip.open(folder / "hard_negatives.tsv.gz", "rt", newline="") as handle:
        hard = [
            fasta.protein_record(line["id"], line["sequence"], line["category"])
            for line in csv.DictReader(handle, delimiter="\t")
        ]
    swissprot = fasta.read_fasta(folder / "swissprot_negatives.fasta.gz")
    return {
        "swissprot": [record for record in swissprot if not record.problem],
        "hard": [record for record in hard if not record.problem],
    }


def write(scored, path):
    """Write the scores of the enzymes as score.py reads them."""
    with open(path, "w", newline="") as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        table.writerow(["id", *(label.name for label in scored.labels), "status"])
        for i in scored.rows(cross_validation.ENZYMES):
            odds = calibration.log_odds(scored.scores[cross_validation.OURS][i])
            table.writerow([scored.ids[i], *(f"{score:.6f}" for score in odds), scored.statuses[i]])


def write_products(scored, path):
    """Write the ranked products of the enzymes as score_products.py reads them."""
    with open(path, "w", newline="") as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        table.writerow(["id", "product", "score"])
        for i in scored.rows(cross_validation.ENZYMES):
            for product in scored.calls[i].products:
                table.writerow([scored.ids[i], product.smiles, f"{product.probability:.6f}"])


def write_identifiers(scored, path):
    """Write the EC numbers and GO terms of the enzymes as ec_numbers.py reads them."""
    with open(path, "w", newline="") as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        table.writerow(["id", "ec", "go"])
        for i in scored.rows(cross_validation.ENZYMES):
            described = describe(scored.calls[i])
            terms = described.terms if described else Terms()
            table.writerow([scored.ids[i], ";".join(terms.ec), ";".join(terms.go)])


def report(scored):
    """Print how many terpene synthases were recognised, and how the statuses fall."""
    rows = scored.rows(cross_validation.ENZYMES)
    tps = scored.labels.index(IS_TPS)
    status = np.array(scored.statuses)[rows]
    is_tps = scored.targets[rows, tps] > 0
    for kind in (True, False):
        names, counts = np.unique(status[is_tps == kind], return_counts=True)
        print(
            "terpene synthases" if kind else "pt, sqs, psy only",
            *(f"{n} {c}" for n, c in zip(names, counts)),
            sep="\t",
        )
    recall = np.isin(status[is_tps], ["tps", "uncertain"]).mean()
    precision = metrics.average_precision(is_tps, scored.scores[cross_validation.OURS][rows, tps])
    print(f"recall (tps or uncertain)\t{recall:.4f}\tAP among MARTS-DB\t{precision:.4f}")


if __name__ == "__main__":
    main()
