"""The benchmark scripts run; what they measure is not judged here."""

import csv
import gzip
import re
import shutil
import subprocess
import sys

import pytest
import torch
from support import DATA, ROOT

from tpspred import pipeline
from tpspred.dataset import reactions
from tpspred.model import training


@pytest.mark.skipif(not shutil.which("hmmsearch"), reason="HMMER's hmmsearch is not installed")
def test_proteome_times_both_programs():
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks/proteome.py", DATA / "proteins.faa", "--runs", "1"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    cells = done.stdout.splitlines()[2].split("|")
    assert (
        cells[1].strip() == "proteins"
        and cells[2].strip() == "7"
        and float(cells[3]) > 0 < float(cells[4])
    )


def test_out_of_fold_scores_every_enzyme_with_a_model_that_has_not_seen_it(
    tmp_path, enzymes, tiny_weights
):
    """A benchmark folder of sampled enzymes goes through the real script."""
    data, benchmark = tmp_path / "data", tmp_path / "benchmark"
    data.mkdir(), benchmark.mkdir()
    shutil.copy(DATA / "reactions.csv", data / "marts_reactions.csv.gz")
    shutil.copy(DATA / "negatives.faa", data / "swissprot_negatives.fasta.gz")
    with gzip.open(data / "hard_negatives.tsv.gz", "wt") as handle:
        handle.write(
            f"id\tcategory\tevidence\tsequence\nlook_alike\ttransIDS\tname\t{enzymes[-1].sequence}\n"
        )
    with open(benchmark / "truth.tsv", "w") as handle:
        print("id", "fold50", sep="\t", file=handle)
        for i, enzyme in enumerate(enzymes):
            print(enzyme.id, i % 2, sep="\t", file=handle)
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "benchmarks/out_of_fold.py",
            "--data",
            tmp_path,
            "--level",
            "50",
            "-o",
            tmp_path / "p.tsv",
            "--folds",
            "3",
            "--members",
            "3",
            "--epochs",
            "2",
            "--tables",
            tmp_path / "t",
            "--encoder",
            "esm2_tiny",
            "--weights",
            tiny_weights,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    with open(tmp_path / "p.tsv", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert [row["id"] for row in rows] == [enzyme.id for enzyme in enzymes]
    assert set(rows[0]) == {"id", "status"} | {label.name for label in reactions.labels(enzymes)}
    assert all(-17 < float(row[slug]) < 17 for row in rows for slug in reactions.ensembles.SLUGS)
    # Each of the four that match a profile trains in one of two folds. The look-alike, identical to an enzyme, never does.
    assert (
        sum(
            int(count)
            for count in re.findall(r"^fold \d: 12 enzymes, (\d) negatives", done.stderr, re.M)
        )
        == 4
    )
    assert "recall (tps or uncertain)" in done.stdout
    with open(tmp_path / "t/gaps.tsv", newline="") as handle:
        gaps = list(csv.DictReader(handle, delimiter="\t"))
    assert {row["method"] for row in gaps} == {"esm2_tiny", "profile+esm2_tiny"}
    assert all(
        float(row["low"]) <= float(row["high"]) for row in gaps if row["group"] == "ensemble"
    )


def test_nothing_of_a_left_out_fold_reaches_training(small, enzymes):
    """A model fitted beside other left-out proteins is the same to the last bit, and knows none of them."""
    kept, left_out = enzymes[:18], [enzyme.sequence for enzyme in enzymes[18:]]
    (first, _), (second, _) = (
        pipeline.from_sequences(
            kept,
            [],
            small.config,
            "m",
            torch.device("cpu"),
            reactions.labels(enzymes),
            held_out=held_out,
            identity=0.5,
        )
        for held_out in (left_out, [sequence[::-1] for sequence in left_out])
    )
    assert first.encoder.checksum == second.encoder.checksum
    for one, other in zip(first.fitted.members, second.fitted.members):
        assert all((one[name] == other[name]).all() for name in one)
    assert not set(first.fitted.sequence_hashes.tolist()) & set(
        map(training.sequence_hash, left_out)
    )
    assert {about["id"] for about in first.references.about} == {enzyme.id for enzyme in kept}


def test_build_model_script_names_what_it_needs():
    done = subprocess.run([ROOT / "bin/build-model"], capture_output=True, text=True)
    assert done.returncode != 0 and "usage: build-model DATA_DIR" in done.stderr


@pytest.mark.parametrize("mode", [(), ("--passes",)])
def test_embed_is_compared_with_esm_extract(mode):
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "benchmarks/embed.py",
            "--size",
            "tiny",
            "--sequences",
            "8",
            "--runs",
            "1",
            *mode,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names, _, values = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()
    )
    row = dict(zip(names, values))
    assert float(row["ratio"]) > 0
    if not mode:
        assert float(row["cosine"]) > 0.9999 and float(row["cosine, same windows"]) > 0.9999
