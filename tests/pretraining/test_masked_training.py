"""Masked-language-model training, at a tiny size, through the real script too."""

import csv
import gzip
import lzma
import random
import re
import signal
import subprocess
import sys

import esm
import numpy as np
import pytest
import torch
from support import DATA, ROOT

from tpspred.encoders import esm2
from tpspred.errors import InputError, ModelError, TpspredError
from tpspred.io import fasta, store
from tpspred.pretraining import corpus as corpora
from tpspred.pretraining import masked_training

PLAN = {
    "layers": 2,
    "dimension": 16,
    "heads": 2,
    "residues": 24_000,
    "batch_residues": 600,
    "crop": 80,
    "held_out": 4,
}


def proteins(count, seed, letters=fasta.AMINO_ACIDS):
    rng = random.Random(seed)
    return ["".join(rng.choices(letters, k=rng.randint(60, 150))) for _ in range(count)]


def mutated(sequence, share, rng):
    return "".join(
        rng.choice(fasta.AMINO_ACIDS) if rng.random() < share else residue for residue in sequence
    )


@pytest.fixture(scope="module")
def corpus():
    return corpora.Corpus.of(proteins(60, 0), proteins(30, 1, "ACDEF"), 4, 0)


def training(corpus, **other):
    return masked_training.Training(
        masked_training.Plan(**PLAN | other), corpus, torch.device("cpu")
    )


def test_relatives_of_what_is_left_out_do_not_train():
    rng = random.Random(2)
    alone = proteins(40, 3)
    relatives = [mutated(sequence, 0.15, rng) for sequence in alone]
    several = corpora.Proteins(alone + relatives)
    alike = corpora.related(several, np.arange(40))
    assert (alike[40:].diagonal() & alike[:40].diagonal()).all()
    assert alike.sum() == 80
    corpus = corpora.Corpus.of(alone + relatives, [], 10, 0)
    assert len(corpus.held_out["pool"]) == 10 and "family" not in corpus.train
    assert not set(corpus.train["pool"] % 40) & set(corpus.held_out["pool"] % 40)


def test_a_protein_of_both_files_belongs_to_the_family():
    pool, family = proteins(30, 4), proteins(30, 5)
    corpus = corpora.Corpus.of(pool + family[:10], family, 2, 0)
    assert len(corpus.proteins) == 60
    assert {
        name: len(corpus.train[name]) + len(corpus.held_out[name]) for name in corpus.train
    } == {"pool": 30, "family": 30}


def test_batches_hold_the_budget_and_follow_from_the_step(corpus):
    plan = masked_training.Plan(**PLAN, family_share=1.0)
    batches = [corpus.batch(step, plan)[0] for step in range(plan.steps)]
    assert all(sum(map(len, batch)) == 600 and max(map(len, batch)) <= 80 for batch in batches)
    assert all(np.array_equal(*pair) for pair in zip(batches[7], corpus.batch(7, plan)[0]))
    family = [np.mean([piece.max() < 5 for piece in batch]) for batch in batches]
    assert family[0] == 0 < np.mean(family[:20]) < np.mean(family[20:])
    letters = "".join(proteins(60, 0))
    assert all(
        "".join(fasta.AMINO_ACIDS[code] for code in piece) in letters for piece in batches[0]
    )


def test_fifteen_per_cent_are_masked_and_never_an_end(corpus):
    plan, rng = masked_training.Plan(**PLAN), np.random.default_rng(0)
    pieces = [np.arange(20, dtype=np.uint8)] * 2000
    tokens, _, places, answers = masked_training.masked(pieces, plan, rng, "cpu")
    tokens, places, answers = tokens.numpy(), places.numpy(), answers.numpy()
    whole = np.concatenate([np.r_[0, masked_training.TOKENS[piece], 2] for piece in pieces])
    assert np.array_equal(whole[places], answers) and np.array_equal(
        np.delete(whole, places), np.delete(tokens, places)
    )
    assert len(places) / 40_000 == pytest.approx(0.15, abs=0.01)
    assert (tokens[places] == masked_training.ALPHABET.mask_idx).mean() == pytest.approx(
        0.8, abs=0.02
    )
    assert (tokens[places] == answers).mean() == pytest.approx(0.1 + 0.1 / 20, abs=0.02)
    assert set(tokens[places].tolist()) <= {
        *masked_training.TOKENS[:-1],
        masked_training.ALPHABET.mask_idx,
    }


def test_loss_is_that_of_fair_esm(corpus):
    """Packed pieces of several lengths through the trained path, beside fair-esm's own forward pass on the padded ones."""
    plan = masked_training.Plan(**PLAN, precision="float32")
    pieces, rng = corpus.batch(0, plan)
    tokens, packing, places, answers = masked_training.masked(pieces, plan, rng, "cpu")
    model = masked_training.network(plan).eval()
    padded = torch.where(packing.valid, tokens[packing.index], model.padding_idx)
    with torch.no_grad():
        found = masked_training.loss(model, tokens, packing, places, answers, torch.float32)
        lower = masked_training.loss(model, tokens, packing, places, answers, torch.bfloat16)
        wanted = model(padded)["logits"][packing.valid][places]
        wanted = torch.nn.functional.cross_entropy(wanted, answers)
    assert float(found) == pytest.approx(float(wanted), abs=1e-5)
    assert float(lower) != float(found) and float(lower) == pytest.approx(float(wanted), rel=0.01)


def test_a_new_network_looks_at_neighbours():
    """Of two residues at the offset of a head, one looks at the other."""
    plan = masked_training.Plan(layers=3, dimension=64, heads=2)
    tokens = torch.tensor(np.random.default_rng(0).choice(masked_training.TOKENS[:-1], (3, 40)))
    with torch.no_grad():
        weights = (
            masked_training.network(plan)
            .eval()(tokens, need_head_weights=True)["attentions"]
            .mean(0)
        )  # (layers, heads, 40, 40)
    for layer, head, offset in ((0, 0, -1), (0, 1, 1), (1, 0, -2), (1, 1, 2)):
        seen = {d: weights[layer, head].diagonal(d).mean() for d in range(-9, 10)}
        assert max(seen, key=seen.get) == offset and seen[offset] > 0.15
    assert weights[2].max() < 0.1


class Stop(Exception):
    pass


def test_a_stopped_training_goes_on_exactly(corpus, tmp_path):
    whole = training(corpus)
    whole.run()
    stopped = training(corpus)

    def stop(row):
        stopped.save(tmp_path / "x.partial")
        if row["step"] > 15:
            raise Stop

    with pytest.raises(Stop):
        stopped.run(report=stop)
    resumed = training(corpus)
    resumed.resume(tmp_path / "x.partial")
    assert 15 < resumed.step < 40
    resumed.run()
    assert all(
        torch.equal(*pair)
        for pair in zip(whole.model.state_dict().values(), resumed.model.state_dict().values())
    )
    clock = ("seconds", "residues_per_second")
    assert [
        [value for name, value in row.items() if name not in clock] for row in whole.history
    ] == [[value for name, value in row.items() if name not in clock] for row in resumed.history]


def test_what_cannot_be_gone_on_with_is_refused(corpus, tmp_path):
    path = tmp_path / "x.partial"
    begun = training(corpus)
    begun.save(path)
    with pytest.raises(
        ModelError,
        match=r"x.partial: found a training with crop 80; wanted 70 \(or delete the file",
    ):
        training(corpus, crop=70).resume(path)
    other = corpora.Corpus.of(proteins(60, 8), [], 4, 0)
    with pytest.raises(ModelError, match="found a training with corpus"):
        training(other).resume(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="found a file that cannot be read"):
        begun.resume(path)
    torch.save({"format": "other"}, path)
    with pytest.raises(
        ModelError, match="found something else; wanted a training that was stopped"
    ):
        begun.resume(path)


def test_plans_and_proteins_that_cannot_be_trained_are_refused(tmp_path):
    for wrong, message in (
        ({"dimension": 16, "heads": 3}, "--dimension: found 16 for 3 heads"),
        ({"crop": 0}, "--crop: found 0; wanted at least 1"),
        ({"family_share": 1.5}, "--family-share: found 1.5; wanted 0 to 1"),
    ):
        with pytest.raises(TpspredError, match=message):
            masked_training.Plan(**wrong)
    with pytest.raises(InputError, match="pool: found 3 proteins"):
        corpora.Corpus.of(proteins(3, 0), [], 100, 0)
    path = tmp_path / "p.txt"
    for text, message in (
        ("MKV\nMK1\n", "p.txt, line 2: found '1' at residue 3"),
        ("MKV\n\nMKV\n", "p.txt, line 2: found empty"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=re.escape(message)):
            corpora.read_sequences(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_sequences_are_read_plain_or_compressed(pack, tmp_path):
    path = tmp_path / "p.txt"
    path.write_bytes(pack(b"mkv\nMKU\n"))
    assert corpora.read_sequences(path) == ["MKV", "MKC"]


def test_script_trains_stops_goes_on_and_its_weights_embed(tmp_path, run):
    """Either file has eight letters of its own: a masked one can only be told from the others of its protein."""
    for name, count, letters in (("pool.txt", 150, "ACDEFGHI"), ("family.txt", 60, "KLMNPQRS")):
        (tmp_path / name).write_text("\n".join(proteins(count, count, letters)) + "\n")
    weights = tmp_path / "esm2_small.pt"
    command = [
        sys.executable,
        ROOT / "bin/pretrain-encoder",
        tmp_path / "pool.txt",
        "--family",
        tmp_path / "family.txt",
        "-o",
        weights,
        "--history",
        tmp_path / "h.tsv",
        "-t",
        "2",
        "--residues",
        "120000",
        "--batch-residues",
        "1000",
        "--held-out",
        "5",
        "--learning-rate",
        "0.01",
        "--family-share",
        "0.8",
        *(f"--{name}={PLAN[name]}" for name in ("layers", "dimension", "heads", "crop")),
    ]
    stopped = subprocess.run([*command, "--minutes", "0"], capture_output=True, text=True)
    assert stopped.returncode == 0, stopped.stderr
    assert weights.exists() and (tmp_path / "esm2_small.pt.partial").exists()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (
        "going on after step 0 of 120" in done.stderr
        and "of what the matrix products alone would allow" in done.stderr
    )
    assert not (tmp_path / "esm2_small.pt.partial").exists()
    with open(tmp_path / "h.tsv", newline="") as handle:
        history = list(csv.DictReader(handle, delimiter="\t"))
    assert int(history[0]["step"]) == 0 and int(history[-1]["step"]) == 120
    for name in ("pool_perplexity", "family_perplexity"):
        assert float(history[0][name]) > 25 and float(history[-1][name]) < 10
    assert (
        run(
            "embed",
            DATA / "proteins.faa",
            "-o",
            tmp_path / "x.h5",
            "--encoder",
            "esm2_small",
            "--weights",
            weights,
        ).code
        == 0
    )
    assert store.read(tmp_path / "x.h5").embedding.shape[1] == 16
    about = torch.load(weights, weights_only=False)["training"]
    assert about["residues"] == 120_000 and about["family_perplexity"] == pytest.approx(
        float(history[-1]["family_perplexity"])
    )
    model, _ = esm2.load(weights, "esm2_small")
    assert isinstance(model, esm.ESM2) and model.lm_head.weight is model.embed_tokens.weight
    frequencies = (
        masked_training.network(masked_training.Plan(dimension=16, heads=2))
        .layers[0]
        .self_attn.rot_emb.inv_freq
    )
    assert torch.equal(
        model.layers[0].self_attn.rot_emb.inv_freq, frequencies
    )  # not in half precision
    weights.unlink()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    begun = [
        process.stderr.readline() for _ in range(3)
    ]  # the size, step 0, and the step after the first part
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130 and "step 4" in begun[2], begun
    assert (
        "the same command goes on from the last line above" in process.stderr.read()
        and not weights.exists()
    )
    process.stderr.close()
    wrong = subprocess.run(
        [*command[:-1], "--crop=81", "--precision", "float8"], capture_output=True, text=True
    )
    assert (
        wrong.returncode == 1
        and "--precision: found float8; wanted" in wrong.stderr
        and "Traceback" not in wrong.stderr
    )
