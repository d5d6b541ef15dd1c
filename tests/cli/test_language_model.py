"""ESM-2 through the commands from embed to predict, and a run that is killed."""

import csv
import io
import random
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from support import DATA, ROOT, random_weights

from tpspred.io import fasta, store
from tpspred.model import checkpoint

PROTEINS = DATA / "proteins.faa"
NAME = "esm2_tiny"
JOINED = f"profile+{NAME}"
SHORT_TRAINING = ("--folds", 3, "--members", 3, "--epochs", 2)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """Let every attempt to open a connection fail."""

    def forbidden(*args, **options):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", forbidden)
    monkeypatch.delenv("TPSPRED_WEIGHTS", raising=False)


def write_proteins(path, count, longest, seed=0):
    rng = random.Random(seed)
    path.write_text(
        "".join(
            f">p{i}\n{''.join(rng.choices(fasta.AMINO_ACIDS, k=rng.randint(20, longest)))}\n"
            for i in range(count)
        )
    )
    return path


@pytest.mark.slow
def test_esm2_from_prepare_to_predict(run, tmp_path, monkeypatch, tiny_weights):
    """Embed, featurize, train, calibrate; predict from FASTA and from a store, as in the README."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TPSPRED_WEIGHTS", str(tiny_weights.parent))
    assert run("prepare", DATA / "reactions.csv", "-o", "d.tsv", "--fasta", "d.faa").code == 0
    for proteins, target in (("d.faa", "d.h5"), (DATA / "negatives.faa", "n.h5")):
        assert run("embed", proteins, "-o", target, "--encoder", NAME).code == 0
        assert run("featurize", target).code == 0
    table = store.read("d.h5")
    assert (table.encoder, table.embedding.shape, table.precision) == (NAME, (24, 32), "float32")
    assert set(table.windows) == {1} and table.features.any(1).all()

    done = run(
        *("train", "d.tsv", "d.h5", "--negatives", "n.h5", "-o", "raw.h5"),
        *SHORT_TRAINING,
        *("--device", "cpu"),
    )
    assert done.code == 0, done.err
    assert (
        run("calibrate", "raw.h5", "d.tsv", "d.h5", "--negatives", "n.h5", "-o", "m.h5").code == 0
    )
    negatives = ("--negatives", DATA / "negatives.faa")  # embedded on the way
    assert run("calibrate", "raw.h5", "d.tsv", "d.h5", *negatives, "-o", "again.h5").code == 0
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "m.h5").read_bytes()
    from_fasta = run("predict", "d.faa", "-m", "m.h5")
    assert from_fasta.code == 0 and from_fasta.out.count(f"tpspred-{NAME}:".encode()) == 24
    nearest = list(csv.DictReader(io.StringIO(from_fasta.out.decode()), delimiter="\t"))
    assert all(row["id"] == row["nearest_enzyme"] for row in nearest)
    assert all(float(row["nearest_similarity"]) > 0.999 for row in nearest)

    monkeypatch.delenv("TPSPRED_WEIGHTS")
    assert run("predict", "d.h5", "-m", "m.h5").out == from_fasta.out  # a store needs no weights
    assert (
        run("predict", "-", "-m", "m.h5", stdin=(tmp_path / "d.h5").read_bytes()).out
        == from_fasta.out
    )
    otherwise = run(
        *("predict", "d.faa", "-m", "m.h5", "--weights", tiny_weights),
        *("-t", 1, "--batch-residues", 5000, "--attention", "original"),
    )
    assert otherwise.out == from_fasta.out
    assert run("predict", "d.h5", "-m", "m.h5", "--device", "cpu").code == 2
    missing = run("predict", "d.faa", "-m", "m.h5", "-o", "x.tsv")
    assert (
        missing.code == 1
        and "esm2_tiny: no weights at" in missing.err
        and not (tmp_path / "x.tsv").exists()
    )
    other = random_weights(tmp_path / "other.pt", seed=1)
    assert (
        "with which the model was trained"
        in run("predict", "d.faa", "-m", "m.h5", "--weights", other).err
    )

    screened = run(
        "embed", "d.faa", "-o", "more.h5", "--encoder", "m.h5", "--weights", tiny_weights
    )
    assert screened.code == 0 and np.array_equal(store.read("more.h5").embedding, table.embedding)
    foreign = run("predict", "d.h5")  # the bundled model is of another encoder
    assert (
        foreign.code == 1
        and f"found an embedding by {NAME}" in foreign.err
        and "wanted profile" in foreign.err
    )
    mixed = run(
        "train", "d.tsv", "d.h5", "--negatives", "more.h5", "--encoder", "m.h5", "-o", "x.h5"
    )
    assert "no features" in mixed.err


@pytest.mark.slow
def test_language_model_joined_to_the_profile_encoder(
    run, tmp_path, monkeypatch, tiny_weights, small
):
    """The vectors of both encoders in one store go through the same commands."""
    monkeypatch.chdir(tmp_path)
    checkpoint.save_encoder(small.predictor.encoder, "e.h5")
    assert run("prepare", DATA / "reactions.csv", "-o", "d.tsv", "--fasta", "d.faa").code == 0
    weights = ("--weights", tiny_weights)
    for name, options in (
        ("profile", ("--encoder", "e.h5")),
        (NAME, ("--encoder", NAME, "--screen", "e.h5", *weights)),
        (JOINED, ("--encoder", JOINED, "--screen", "e.h5", *weights)),
    ):
        assert run("embed", "d.faa", "-o", f"{name}.h5", *options).code == 0
    tables = [store.read(f"{name}.h5") for name in ("profile", NAME, JOINED)]
    assert np.array_equal(
        tables[2].embedding, np.concatenate([tables[0].embedding, tables[1].embedding], 1)
    )
    assert (tables[2].encoder, tables[2].checksum) == (
        JOINED,
        f"{tables[0].checksum}+{tables[1].checksum}",
    )

    assert run("featurize", f"{JOINED}.h5", "--encoder", "e.h5").code == 0
    done = run(
        *("train", "d.tsv", f"{JOINED}.h5", "--encoder", "e.h5", "-o", "raw.h5"),
        *SHORT_TRAINING,
    )
    assert done.code == 0, done.err
    assert run("calibrate", "raw.h5", "d.tsv", f"{JOINED}.h5", "-o", "m.h5").code == 0
    from_fasta = run("predict", "d.faa", "-m", "m.h5", *weights)
    assert from_fasta.code == 0 and from_fasta.out.count(f"tpspred-{JOINED}:".encode()) == 24
    rows = list(csv.DictReader(io.StringIO(from_fasta.out.decode()), delimiter="\t"))
    assert all(row["id"] == row["nearest_enzyme"] for row in rows)
    assert all(float(row["nearest_similarity"]) > 0.999 for row in rows)
    assert run("predict", f"{JOINED}.h5", "-m", "m.h5").out == from_fasta.out
    other = random_weights(tmp_path / "other.pt", seed=1)
    assert (
        "with which the model was trained"
        in run("predict", "d.faa", "-m", "m.h5", "--weights", other).err
    )
    foreign = run("predict", f"{NAME}.h5", "-m", "m.h5")
    assert (
        foreign.code == 1
        and f"found an embedding by {NAME} " in foreign.err
        and f"wanted {JOINED} " in foreign.err
    )
    again = run("embed", "d.faa", "-o", "x.h5", "--encoder", JOINED, "--screen", "m.h5", *weights)
    assert (
        again.code == 1
        and f"found an encoder named {JOINED}; wanted the profile encoder to join with" in again.err
    )


@pytest.mark.slow
def test_profile_model_predicts_from_its_store(run, tmp_path):
    target = tmp_path / "s.h5"
    assert run("embed", PROTEINS, "-o", target).code == 0
    assert run("predict", target).out == (DATA / "expected.tsv").read_bytes()


@pytest.mark.slow
def test_screen_chooses_what_is_embedded(run, tmp_path, tiny_weights, small):
    checkpoint.save_encoder(small.predictor.encoder, tmp_path / "e.h5")
    options = ("--encoder", NAME, "--weights", tiny_weights)
    tables = {}
    for screen in ((), ("--screen", "none"), ("--screen", tmp_path / "e.h5")):
        target = tmp_path / f"{len(tables)}.h5"
        assert run("embed", PROTEINS, "-o", target, *options, *screen).code == 0
        tables[len(tables)] = store.read(target)
    assert [problem == store.NO_MATCH for problem in tables[0].problems] == [False] * 4 + [True] * 3
    assert (
        not any(tables[1].problems)
        and tables[1].embedding.any(1).all()
        and tables[1].screen == store.UNSCREENED
    )
    assert tables[2].screen == small.predictor.encoder.screen != tables[0].screen
    assert np.array_equal(tables[0].embedding[:4], tables[1].embedding[:4])
    assert (
        run("featurize", tmp_path / "1.h5").code == 0
        and store.read(tmp_path / "1.h5").features.any(1).all()
    )
    for screen, message in (
        (("--screen", "none"), "rows screened by"),
        (("--precision", "bfloat16"), "vectors in float32"),
    ):
        refused = run("embed", PROTEINS, "-o", tmp_path / "0.h5", *options, *screen)
        assert refused.code == 1 and message in refused.err
    refused = run("featurize", tmp_path / "2.h5")
    assert refused.code == 1 and "found rows screened by profiles" in refused.err
    nothing = run("embed", "-", "-o", tmp_path / "empty.h5", *options)
    assert nothing.code == 0 and store.read(tmp_path / "empty.h5").embedding.shape == (0, 32)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("predict", PROTEINS, "--weights", "w.pt"), "--weights is for ESM-2 encoders"),
        (("predict", PROTEINS, "--device", "cuda"), "--device is for ESM-2 encoders"),
        (
            ("embed", PROTEINS, "-o", "x.h5", "--batch-residues", "5"),
            "--batch-residues is for ESM-2 encoders",
        ),
        (
            ("embed", PROTEINS, "-o", "x.h5", "--screen", "none"),
            "--screen none: the profile encoder has no vector",
        ),
        (
            ("embed", PROTEINS, "-o", "x.h5", "--encoder", JOINED, "--screen", "none"),
            "the profile encoder has no vector",
        ),
        (
            ("embed", PROTEINS, "-o", "x.h5", "--screen", "e.h5"),
            "--screen FILE is for ESM-2 by name",
        ),
        (
            ("embed", PROTEINS, "-o", "x.h5", "--encoder", NAME, "--batch-residues", "0"),
            "0 is not in the range",
        ),
    ],
)
def test_options_that_would_do_nothing_are_usage_errors(run, arguments, message):
    done = run(*arguments)
    assert done.code == 2 and message in done.err


def test_without_weights_embed_says_what_to_run(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    done = run("embed", PROTEINS, "-o", tmp_path / "x.h5", "--encoder", "esm2_t33_650M_UR50D")
    assert done.code == 1 and "run: tpspred fetch-weights esm2_t33_650M_UR50D" in done.err
    assert run("embed", PROTEINS, "-o", tmp_path / "x.h5", "--encoder", "esm3").err.endswith(
        "esm3: No such file or directory\n"
    )
    assert not list(tmp_path.iterdir())


def test_failed_run_leaves_the_store_as_it_was(run, tmp_path, tiny_weights):
    """If a record cannot be read, nothing is computed and the store stays as it was."""
    target = tmp_path / "s.h5"
    options = ("--encoder", NAME, "--weights", tiny_weights, "--screen", "none")
    command = ("embed", "-", "-o", target, *options)
    assert run(*command, stdin=b">a\nMKV\n").code == 0
    before = target.read_bytes()
    assert run(*command, stdin=b">a\nMKV\n>b\nMKLL\n>c\nMK\0\n").code == 1
    assert target.read_bytes() == before and list(tmp_path.iterdir()) == [target]


@pytest.mark.slow
def test_killed_run_continues_and_gives_the_same_store(tmp_path):
    """After a kill in the middle of 500 sequences, the same command computes the rest exactly."""
    weights = random_weights(tmp_path / f"{NAME}.pt", layers=4, dimension=64)
    proteins = write_proteins(tmp_path / "p.faa", 500, 600)
    options = ["--encoder", NAME, "--weights", weights, "--screen", "none"]
    command = [sys.executable, ROOT / "bin/tpspred", "embed", proteins, *options, "-o"]
    assert subprocess.run([*command, tmp_path / "whole.h5"], capture_output=True).returncode == 0
    target, partial = tmp_path / "killed.h5", tmp_path / "killed.h5.partial"
    process = subprocess.Popen([*command, target], stderr=subprocess.DEVNULL)
    while process.poll() is None and (not partial.exists() or partial.stat().st_size < 20_000):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and partial.exists() and not target.exists()
    again = subprocess.run([*command, target], capture_output=True, text=True)
    kept = int(re.search(r"continuing with (\d+) vectors", again.stderr)[1])
    assert 50 < kept < 500 and not partial.exists()
    assert np.array_equal(store.read(target).embedding, store.read(tmp_path / "whole.h5").embedding)
