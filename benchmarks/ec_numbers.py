#!/usr/bin/env python3
"""Compare out-of-fold EC numbers with those of the best BLAST hit.

    ec_numbers.py --data DATA --level random|70|50|40 --identifiers ids.tsv --products ranking.tsv

The tables are those of out_of_fold.py --identifiers and --products. The enzymes are the terpene
synthases of the benchmark that have an EC number with four digits in marts_ec.tsv, which gives an
enzyme the numbers of all stereoisomers of its products.

A row is a method: `column ec`, which has four digits where a product is confident and fewer digits
elsewhere; `likeliest product` and `three likeliest`, the numbers of the first of the ranked
products, however unlikely; `best BLAST hit`, the numbers of the most similar enzyme outside the
fold. `given` is the share of the enzymes for which it has a number with so many digits, `numbers`
how many on average, `right` the share of the enzymes for which one of these is among their own,
`precision` the share of those that it has a number for.
"""

import argparse
import collections
import csv
import gzip
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tpspred.dataset.products import product_of

LEVELS = ("random", "70", "50", "40")
RELATED = {"pt", "sqs", "psy"}  # product types of enzymes that are not terpene synthases


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--level", choices=LEVELS, required=True)
    parser.add_argument("--identifiers", type=pathlib.Path, required=True)
    parser.add_argument("--products", type=pathlib.Path, required=True)
    options = parser.parse_args()
    rows = read_table(options.data / "benchmark/truth.tsv")
    fold_of = {row["id"]: row[fold_column(options.level)] for row in rows}
    synthases = {row["id"] for row in rows if not RELATED.issuperset(types_of(row))}
    every_own = own_numbers(options.data)
    own = {name: numbers for name, numbers in every_own.items() if name in synthases}
    methods = {
        "column ec": {
            row["id"]: set(filter(None, row["ec"].split(";")))
            for row in read_table(options.identifiers)
        },
        "likeliest product": of_likeliest(options.products, 1),
        "three likeliest": of_likeliest(options.products, 3),
        "best BLAST hit": of_best_hit(options.data, fold_of, every_own),
    }
    print("method", "digits", "enzymes", "given", "numbers", "right", "precision", sep="\t")
    for digits in (4, 3):
        for method, given in methods.items():
            scores = score(own, given, digits)
            print(method, digits, len(own), *(f"{share:.3f}" for share in scores), sep="\t")


def fold_column(level):
    """Return the column of truth.tsv that has the folds of a level."""
    return "fold_random" if level == "random" else f"fold{level}"


def types_of(row):
    """Return the product types of a row of truth.tsv."""
    return row["product_types"].split(";")


def read_table(path):
    """Return the rows of a table with tabs."""
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def own_numbers(data):
    """Return id → EC numbers with four digits of every enzyme that has some."""
    numbers = {}
    for row in read_table(data / "data/marts_ec.tsv"):
        numbers.setdefault(row["enzyme"], set()).update(prefixes(row["ec"].split(","), 4))
    return {name: own for name, own in numbers.items() if own}


def of_likeliest(path, count):
    """Return id → EC numbers of the likeliest products."""
    best = collections.defaultdict(list)
    for row in read_table(path):
        best[row["id"]].append(row["product"])
    return {
        name: {number for smiles in ranked[:count] for number in product_of(smiles).ec}
        for name, ranked in best.items()
    }


def of_best_hit(data, fold_of, own):
    """Return id → EC numbers of the best hit outside the fold that has a number."""
    best = {}
    with gzip.open(data / "benchmark/blast_hits.tsv.gz", "rt", newline="") as handle:
        for row in csv.DictReader(handle, delimiter="\t"):
            query, subject = row["query"], row["subject"]
            if fold_of[query] != fold_of[subject] and subject in own:
                hit = float(row["bitscore"]), subject
                best[query] = max(best.get(query, hit), hit)
    return {query: own[subject] for query, (_, subject) in best.items()}


def prefixes(numbers, digits):
    """Return the first digits of EC numbers, of those that have as many.

    >>> sorted(prefixes(["4.2.3.15", "4.2.3.-", "5.5.1.12"], 3))
    ['4.2.3', '5.5.1']
    """
    split = (number.split(".")[:digits] for number in numbers)
    return {".".join(parts) for parts in split if len(parts) == digits and "-" not in parts}


def score(own, given, digits):
    """Return the shares given and right, with numbers and precision, as in the table."""
    named = {name: prefixes(given.get(name, ()), digits) for name in own}
    right = np.mean([bool(named[name] & prefixes(own[name], digits)) for name in own])
    some = np.mean([bool(named[name]) for name in own])
    count = sum(map(len, named.values())) / max(1, sum(map(bool, named.values())))
    return some, count, right, right / some if some else np.nan


if __name__ == "__main__":
    main()
