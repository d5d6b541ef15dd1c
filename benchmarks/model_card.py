#!/usr/bin/env python3
"""Write the card of the bundled model.

    model_card.py --benchmark DATA/benchmark --predictions FOLDER > tpspred/resources/model_card.md

FOLDER holds the predictions of out_of_fold.py as random.tsv, 70.tsv, 50.tsv and 40.tsv, and its tables in the folders random, 70,
50 and 40. The scores of the labels are those of the benchmark's own score.py, which also scores the BLAST vote on the same folds.
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
from tpspred.model.predictor import NETWORK_SHARE

LEVELS = ("random", "70", "50", "40")
GROUPS = ("ensembles", "product_types", "substrates")
INTRODUCTION = """# The bundled model

`tpspred.h5`, {name}, {size:.1f} MB. Made by `bin/build-model DATA_DIR` (seed {seed}); the same data, seed and versions give
the same checksum.

## Data

- Positives: MARTS-DB export of October 2025, {enzymes} distinct sequences of experimentally characterised enzymes, {used} of which
  match a profile. {related} are only prenyl diphosphate, squalene or phytoene synthases: negatives for "is it a terpene
  synthase", positives for their own types.
- Negatives: Swiss-Prot sample and annotated look-alikes (isoprenyl diphosphate synthases, squalene and phytoene synthases, UbiA,
  tRNA and protein prenyltransferases, lycopene cyclases); {negatives} match a profile and were used. The sample of negatives
  holds uncharacterised terpene synthases: what is nearest to a characterised terpene synthase, at 40 % identity or more, was left out.
- Encoder: {profiles} family profiles built from the positives, a weight per match column learned from their labels, {dimension}
  dimensions. The file holds profiles, weights and one {dimension}-number vector per enzyme with MARTS-DB id, accession, species and
  product names; no sequence.
- Networks: {members}, each of which left one fold of {folds} out; beside the labels they learn single products, whose head is not kept. Their
  logit (share {share:g}) and that of the vote of similar enzymes were calibrated on what they left out ({calibrated} proteins), without
  the vote of enzymes of the same fold.
- Versions: {versions}.

## Scores on left-out folds

Everything (profiles, column weights, projection, scaling, networks, calibration, thresholds) was fitted on the other folds:
`benchmarks/out_of_fold.py`, scored by the benchmark's `score.py`. Macro over labels; the levels are the identity above which two
sequences always share a fold. BLAST is the vote of the 20 best hits on the same folds. The interval is that of the difference in
pooled AP, 95 %, bootstrap over identity clusters.

"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--benchmark", type=pathlib.Path, required=True)
    parser.add_argument("--predictions", type=pathlib.Path, required=True)
    options = parser.parse_args()
    model = checkpoint.load()
    scores = {(level, group): score(options, level, group) for level in LEVELS for group in GROUPS}
    print(introduction(model), end="")
    print(
        "| labels | level | AP | BLAST | F1 | BLAST | gap in pooled AP |\n|---|---|---|---|---|---|---|"
    )
    for group in GROUPS:
        for level in LEVELS:
            ours, theirs, gap = scores[level, group][1:]
            print(
                f"| {group.replace('_', ' ')} | {level} | {ours[1]} | {theirs[1]} | {ours[5]} | {theirs[5]} | {gap} |"
            )
    print("\n## Statuses of MARTS-DB's enzymes on left-out folds\n")
    print(
        "| level | terpene synthases | tps | uncertain | related | not_tps | tps or uncertain | pt, sqs, psy only | tps |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for level in LEVELS:
        print(statuses(options, level))
    print(
        "\n## Is it a terpene synthase\n\nAgainst negatives that were left out as well, similar ones together; `related` are the enzymes "
        "that are pt, sqs or psy only. The\nprecision is that of the status `tps`, the calibration error (ECE, ten bins) that of the "
        "probability.\n"
    )
    print(
        "| level | against | negatives | AP | 95 % interval | ROC AUC | precision of tps | recall of tps | calibration error |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for level in LEVELS:
        with open(options.predictions / level / "terpene_synthases.tsv", newline="") as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                print(
                    f"| {level} | {row['against']} | {row['negatives']} | {row['average_precision']} | {row['low']}–{row['high']} | "
                    f"{row['roc_auc']} | {row['precision_of_tps']} | {row['recall_of_tps']} | {row['calibration_error']} |"
                )
    print(
        "\n## Promises\n\nWhat `predict --target-precision` and `--coverage` were asked for, and what was seen over all left-out enzymes: "
        "the share of\ncalled ensembles that is right, and the mean share of an enzyme's ensembles that its set holds. Thresholds come from "
        "the other\nfolds, whose enzymes are closer to each other than to the left-out ones, except at `random`.\n"
    )
    print(
        f"| promise | asked | {' | '.join(f'seen, {level}' for level in LEVELS)} | {' | '.join(f'per enzyme, {level}' for level in LEVELS)} |"
    )
    print("|---|---|" + "---|" * 2 * len(LEVELS))
    for rows in zip(*(promises(options.predictions / level / "promises.tsv") for level in LEVELS)):
        print(
            f"| {rows[0]['promise'].replace('_', ' ')} | {float(rows[0]['asked']):g} "
            f"| {' | '.join(row['seen'] for row in rows)} | {' | '.join(row['ensembles_per_enzyme'] for row in rows)} |"
        )
    print(
        "\n## Per class\n\nTraining positives in the bundled model, and left-out AP and F1 (BLAST in brackets) at `random` "
        "and `50`; `–` below five positives, which the benchmark does not score.\n"
    )
    print(
        "| class | positives | AP random | F1 random | AP 50 | F1 50 |\n|---|---|---|---|---|---|"
    )
    for label, positives in zip(model.labels, model.positives):
        group = {
            "ensemble": "ensembles",
            "product_type": "product_types",
            "substrate": "substrates",
        }.get(label.group)
        if group:
            cells = [
                cell
                for level in ("random", "50")
                for cell in per_label(scores[level, group][0], label.name)
            ]
            print(f"| {label.name} | {positives} | {' | '.join(cells)} |")
    print("\n" + (pathlib.Path(__file__).parent / "known_failures.md").read_text().strip())


def promises(path):
    """Rows over all identities."""
    with open(path, newline="") as handle:
        return [
            row
            for row in csv.DictReader(handle, delimiter="\t")
            if (row["identity_from"], row["identity_to"]) == ("0.0000", "1.0000")
        ]


def introduction(model):
    """Text with what the model file says of itself."""
    record, options = model.training_record, model.training_record["options"]
    positives = {label.column: int(count) for label, count in zip(model.labels, model.positives)}
    return INTRODUCTION.format(
        name=model.name,
        size=checkpoint.bundled().stat().st_size / 1e6,
        seed=options["seed"],
        enzymes=record["enzymes"],
        used=record["enzymes_used"],
        related=record["enzymes_used"] - positives[IS_TPS.column],
        negatives=record["negatives_used"],
        profiles=len(model.encoder.profiles),
        dimension=model.encoder.dimension,
        members=len(model.trained.members),
        folds=options["folds"],
        share=NETWORK_SHARE,
        calibrated=model.calibration.sequences,
        versions=", ".join(
            f"{name} {version}" for name, version in sorted(record["versions"].items())
        ),
    )


def score(options, level, group):
    """(per-label rows, model cells, BLAST cells, gap) from score.py."""
    command = [
        sys.executable,
        options.benchmark / "score.py",
        options.predictions / f"{level}.tsv",
        "--level",
        level,
        "--group",
        group,
        "--per-label",
    ]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = {cells[0]: cells for cells in (line.split("\t") for line in lines[:-3])}
    ours, theirs, ratio = (line.split("\t") for line in lines[-3:])
    # "macro AP 0.6", "AP all 0.5", "macro F1 0.5" → flat words, values at 1, 3 and 5
    flat = [
        [word for cell in cells[1:4] for word in (cell.rsplit(" ", 1))] for cells in (ours, theirs)
    ]
    return rows, *flat, ratio[-1].removeprefix("gap in AP all ")


def per_label(rows, name):
    """AP and F1 with BLAST's in brackets."""
    if name not in rows:
        return ["–", "–"]
    _, _, ap, ap_blast, f1, f1_blast = rows[name]
    return [f"{ap} ({ap_blast})", f"{f1} ({f1_blast})"]


def statuses(options, level):
    """A table row of how statuses fall for terpene synthases and for their relatives."""
    with open(options.benchmark / "truth.tsv", newline="") as handle:
        types = {
            row["id"]: set(row["product_types"].split(";"))
            for row in csv.DictReader(handle, delimiter="\t")
        }
    with open(options.predictions / f"{level}.tsv", newline="") as handle:
        status = {row["id"]: row["status"] for row in csv.DictReader(handle, delimiter="\t")}
    tps = [status[name] for name, kinds in types.items() if not kinds <= RELATED_TYPES]
    others = [status[name] for name, kinds in types.items() if kinds <= RELATED_TYPES]
    counts = [tps.count(name) for name in ("tps", "uncertain", "related", "not_tps")]
    return (
        f"| {level} | {len(tps)} | {' | '.join(map(str, counts))} | {sum(counts[:2]) / len(tps):.1%} | {len(others)} "
        f"| {others.count('tps')} |"
    )


if __name__ == "__main__":
    main()
