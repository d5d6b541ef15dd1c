#!/usr/bin/env python3
"""Write the card of the bundled model.

    model_card.py --benchmark DATA/benchmark --predictions FOLDER > model_card.md

FOLDER contains what out_of_fold.py writes for each LEVEL of random, 70, 50 and 40: LEVEL.tsv, the
folder LEVEL (--tables), LEVEL.products.tsv (--products) and LEVEL.identifiers.tsv (--identifiers).
The benchmark's own score.py and score_products.py score them, and the votes of BLAST on the same
folds. The text of the card is model_card_template.md.
"""

import argparse
import csv
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tpspred.dataset.labels import IS_TPS
from tpspred.dataset.product_types import RELATED_TYPES
from tpspred.model import checkpoint
from tpspred.model.predictor import (
    NETWORK_SHARE,
    PRODUCT_VOTE_SHARE,
    REGRESSION_SHARE,
    VOTE_SHARE,
)

LEVELS = ("random", "70", "50", "40")
GROUPS = ("ensembles", "product_types", "substrates")
GROUP_OF = {"ensemble": "ensembles", "product_type": "product_types", "substrate": "substrates"}
STATUSES = ("tps", "uncertain", "related", "not_tps")
NOT_SCORED = "–"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--benchmark", type=pathlib.Path, required=True)
    parser.add_argument("--predictions", type=pathlib.Path, required=True)
    options = parser.parse_args()
    model = checkpoint.load()
    scores = {(level, group): score(options, level, group) for level in LEVELS for group in GROUPS}
    folder = pathlib.Path(__file__).parent
    card = (
        (folder / "model_card_template.md")
        .read_text()
        .format(
            **numbers_of(model),
            labels=label_table(scores),
            products=product_table(options),
            ec_numbers=ec_table(options),
            statuses=status_table(options),
            negatives_tests=negatives_table(options),
            calibration=calibration_table(options),
            promises=promise_table(options),
            classes=class_table(model, scores),
            known_failures=(folder / "known_failures.md").read_text().strip(),
        )
    )
    print(card, end="")


def markdown(header, rows):
    """Return a Markdown table of a header and rows of cells."""
    lines = [f"| {' | '.join(map(str, cells))} |" for cells in (header, *rows)]
    lines.insert(1, "|" + "---|" * len(header))
    return "\n".join(lines)


def numbers_of(model):
    """Return what the model file says about its data and its training."""
    record = model.training_record
    options, versions = record["options"], record["versions"]
    positives = {label.column: int(count) for label, count in zip(model.labels, model.positives)}
    return {
        "name": model.name,
        "size": checkpoint.bundled().stat().st_size / 1e6,
        "seed": options["seed"],
        "enzymes": record["enzymes"],
        "used": record["enzymes_used"],
        "related": record["enzymes_used"] - positives[IS_TPS.column],
        "negatives": record["negatives_used"],
        "profiles": len(model.encoder.profiles),
        "dimension": model.encoder.dimension,
        "members": len(model.trained.member_folds),
        "folds": options["folds"],
        "networks": NETWORK_SHARE,
        "vote": VOTE_SHARE,
        "regression": REGRESSION_SHARE,
        "product_vote": PRODUCT_VOTE_SHARE,
        "product_regression": 1 - PRODUCT_VOTE_SHARE,
        "calibrated": model.calibration.sequences,
        "versions": ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
    }


def score(options, level, group):
    """Score the labels of a group with score.py.

    Returns:
        Name of a label → its row of cells; cells of the model; cells of BLAST; gap in pooled AP.
    """
    command = [sys.executable, options.benchmark / "score.py"]
    command += [options.predictions / f"{level}.tsv", "--level", level, "--group", group]
    command += ["--per-label"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line.split("\t") for line in text.splitlines()]
    rows = {cells[0]: cells for cells in lines[:-3]}
    ours, theirs, ratio = lines[-3:]
    # "macro AP 0.6", "AP all 0.5", "macro F1 0.5" → flat words, values at 1, 3 and 5
    flat = [
        [word for cell in cells[1:4] for word in cell.rsplit(" ", 1)] for cells in (ours, theirs)
    ]
    return rows, *flat, ratio[-1].removeprefix("gap in AP all ")


def label_table(scores):
    """Return the mean scores of each group of labels at each level."""
    rows = []
    for group in GROUPS:
        for level in LEVELS:
            _, ours, theirs, gap = scores[level, group]
            name = group.replace("_", " ")
            rows.append([name, level, ours[1], theirs[1], ours[5], theirs[5], gap])
    return markdown(["labels", "level", "AP", "BLAST", "F1", "BLAST", "gap in pooled AP"], rows)


def product_table(options):
    """Return how often a made product is among the first of the ranking, with those of BLAST."""
    rows = []
    for level in LEVELS:
        command = [sys.executable, options.benchmark / "score_products.py"]
        command += [options.predictions / f"{level}.products.tsv", "--level", level]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        ours, theirs, ratio = (line.split("\t") for line in text.splitlines())
        # "top 1 0.4", …, "MAP 0.5" → "0.4 (0.3)"
        pairs = zip(*([cell.split()[-1] for cell in cells[1:5]] for cells in (ours, theirs)))
        cells = [f"{one} ({other})" for one, other in pairs]
        rows.append([level, ours[-1].split()[0], *cells, ratio[-1].removeprefix("gap in top 3 ")])
    header = ["level", "enzymes", "first", "first three", "first five", "MAP", "gap in first three"]
    return markdown(header, rows)


def ec_table(options):
    """Return how often an EC number is right, by method."""
    rows = []
    for level in LEVELS:
        command = [sys.executable, pathlib.Path(__file__).parent / "ec_numbers.py"]
        command += ["--data", options.benchmark.parent, "--level", level]
        command += ["--identifiers", options.predictions / f"{level}.identifiers.tsv"]
        command += ["--products", options.predictions / f"{level}.products.tsv"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows += [[level, *line.split("\t")] for line in text.splitlines()[1:]]
    header = ["level", "method", "digits", "enzymes", "given", "numbers", "right", "precision"]
    return markdown(header, rows)


def status_table(options):
    """Return how the statuses of terpene synthases and of their relatives fall."""
    header = ["level", "terpene synthases", *STATUSES, "tps or uncertain", "pt, sqs, psy only"]
    header += ["tps"]
    return markdown(header, [statuses(options, level) for level in LEVELS])


def statuses(options, level):
    """Return the cells of one level."""
    with open(options.benchmark / "truth.tsv", newline="") as handle:
        types = {
            row["id"]: set(row["product_types"].split(";"))
            for row in csv.DictReader(handle, delimiter="\t")
        }
    with open(options.predictions / f"{level}.tsv", newline="") as handle:
        status = {row["id"]: row["status"] for row in csv.DictReader(handle, delimiter="\t")}
    tps = [status[name] for name, kinds in types.items() if not kinds <= RELATED_TYPES]
    others = [status[name] for name, kinds in types.items() if kinds <= RELATED_TYPES]
    counts = [tps.count(name) for name in STATUSES]
    recall = sum(counts[:2]) / len(tps)
    return [level, len(tps), *counts, f"{recall:.1%}", len(others), others.count("tps")]


def negatives_table(options):
    """Return how well terpene synthases are told from each set of negatives."""
    rows = []
    for level in LEVELS:
        for row in read_table(options.predictions / level / "terpene_synthases.tsv"):
            cells = [level, row["against"], row["negatives"], row["average_precision"]]
            cells += [f"{row['low']}–{row['high']}", row["roc_auc"], row["precision_of_tps"]]
            cells += [row["recall_of_tps"], row["calibration_error"]]
            rows.append(cells)
    header = ["level", "against", "negatives", "AP", "95 % interval", "ROC AUC"]
    header += ["precision of tps", "recall of tps", "calibration error"]
    return markdown(header, rows)


def calibration_table(options):
    """Return the calibration errors of the ensembles per band of identity."""
    cells_of = {}  # band → level → cell
    for level in LEVELS:
        for row in read_table(options.predictions / level / "identity.tsv"):
            if row["method"] == "tpspred":
                band = f"{float(row['identity_from']):.0%} to {float(row['identity_to']):.0%}"
                errors = f"{row['calibration_error']} ({row['calibration_error_of_calls']})"
                cells_of.setdefault(band, {})[level] = f"{errors}, n = {row['enzymes']}"
    rows = [
        [band, *(cells.get(level, NOT_SCORED) for level in LEVELS)]
        for band, cells in sorted(cells_of.items(), key=lambda item: int(item[0].split("%")[0]))
    ]
    return markdown(["identity", *LEVELS], rows)


def promise_table(options):
    """Return precision and coverage as set and as measured, over all identities."""
    promises_of = []
    for level in LEVELS:
        promises_of.append(
            [
                row
                for row in read_table(options.predictions / level / "options.tsv")
                if (row["identity_from"], row["identity_to"]) == ("0.0000", "1.0000")
            ]
        )
    rows = []
    for same_promise in zip(*promises_of):
        first = same_promise[0]
        cells = [first["option"].replace("_", " "), f"{float(first['set_to']):g}"]
        cells += [row["measured"] for row in same_promise]
        cells += [row["ensembles_per_enzyme"] for row in same_promise]
        rows.append(cells)
    header = ["option", "set to", *(f"measured, {level}" for level in LEVELS)]
    header += [f"per enzyme, {level}" for level in LEVELS]
    return markdown(header, rows)


def class_table(model, scores):
    """Return the training positives and the scores of every label that the benchmark knows."""
    rows = []
    for label, positives in zip(model.labels, model.positives):
        group = GROUP_OF.get(label.group)
        if group:
            cells = [label.name, positives]
            for level in ("random", "50"):
                cells += per_label(scores[level, group][0], label.name)
            rows.append(cells)
    return markdown(["class", "positives", "AP random", "F1 random", "AP 50", "F1 50"], rows)


def per_label(rows, name):
    """Return AP and F1 of a label, with those of BLAST in brackets."""
    if name not in rows:
        return [NOT_SCORED, NOT_SCORED]
    _, _, ap, ap_blast, f1, f1_blast = rows[name]
    return [f"{ap} ({ap_blast})", f"{f1} ({f1_blast})"]


def read_table(path):
    """Return the rows of a table as dictionaries."""
    with open(path, newline="") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


if __name__ == "__main__":
    main()
