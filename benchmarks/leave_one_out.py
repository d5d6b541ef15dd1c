#!/usr/bin/env python3
"""Say how well the enzymes of a small family are found when each of them is left out.

    leave_one_out.py --data DATA --ids ID,ID,... --category NAME [--threads 2]

The ids are enzymes of data/marts_2026_02_new.tsv, such as the seven membrane-bound ones of the UbiA
superfamily; the category is that of the hard negatives that they must be told from, such as
UbiA. Two questions are answered, one after the other:

Does the screen find the enzyme? For each, a profile is built from the others alone; it searches the
enzyme and the negatives of the category.

Does the model tell it from the negatives? Each protein that passes is scored by the network of the
bundled model that left its fold out. This network has not seen the protein, but the profiles and
the encoder have seen the enzymes.
"""

import argparse
import pathlib
import sys

import numpy as np

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent / "benchmarks")]
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent.parent)]

import out_of_fold

from tpspred import building
from tpspred.dataset.tables import read_tables
from tpspred.encoders.representations import represent
from tpspred.family.profile_building import build_hmm
from tpspred.family.profiles import Profile, search
from tpspred.io.fasta import ProteinRecord
from tpspred.model import checkpoint
from tpspred.model.examples import gather_examples
from tpspred.model.held_out import held_out_scores


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--ids", required=True)
    parser.add_argument("--category", required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    folder = options.data / "data"
    (table,) = read_tables([folder / "marts_2026_02_new.tsv"])
    wanted = options.ids.split(",")
    family = [enzyme for enzyme in table.enzymes if enzyme.id in wanted]
    hard = out_of_fold.read_negatives(folder)["hard"]
    negatives = [record for record in hard if record.description == options.category]
    if len(family) != len(wanted) or not negatives:
        parser.error("no such enzymes, or no such category")
    screen_alone(family, negatives, options.threads)
    tell_apart(family, negatives, options.threads)


def screen_alone(family, negatives, threads):
    """Print whether a profile of the other members finds each member, and what else it finds."""
    print("left out\tbits\tnegatives found\ttheir highest bits")
    others = [record.sequence for record in negatives]
    for left_out in family:
        members = [enzyme.sequence for enzyme in family if enzyme is not left_out]
        profile = Profile("others", build_hmm("others", members, threads), (), ())
        own, *rest = search([profile], [left_out.sequence, *others], threads)
        bits = [hits[0].bits for hits in rest if hits]
        own_bits = f"{own[0].bits:.0f}" if own else "not found"
        print(f"{left_out.id}\t{own_bits}\t{len(bits)}\t{max(bits, default=0):.0f}")


def tell_apart(family, negatives, threads):
    """Print which status each protein gets from a network that has not seen it."""
    model = checkpoint.load()
    encoder = model.encoder
    records = [ProteinRecord(enzyme.id, "", enzyme.sequence) for enzyme in family]
    enzymes = represent(building.screen_all(records, encoder, threads), encoder, threads)
    others = represent(building.screen_all(negatives, encoder, threads), encoder, threads)
    examples = gather_examples(family, enzymes, [others], model.labels, model.feature_names)
    logits, similarity, _ = held_out_scores(model, examples, threads)
    probabilities = model.calibration.probabilities(logits, similarity)[:, model.tps_column]
    is_tps = probabilities >= model.calibration.tps_threshold
    is_uncertain = ~is_tps & (probabilities >= model.calibration.uncertain_threshold)
    print("\nproteins\tof them pass the screen\ttps\tuncertain")
    for name, count, rows in (
        ("enzymes", len(family), examples.is_enzyme),
        ("negatives", len(negatives), ~examples.is_enzyme),
    ):
        print(name, f"of {count}", rows.sum(), is_tps[rows].sum(), is_uncertain[rows].sum())
    print("probabilities of the enzymes", np.sort(probabilities[examples.is_enzyme]).round(2))


if __name__ == "__main__":
    main()
