"""Masked-language-model training at a tiny size, in this process and by bin/pretrain-encoder."""

import csv
import signal
import subprocess
import sys

import esm
import numpy as np
import pytest
import torch
from support import DATA, ROOT

from tpspred import device
from tpspred.encoders import esm2
from tpspred.errors import ModelError, TpspredError
from tpspred.io import store
from tpspred.pretraining import masked_training
from tpspred.pretraining.corpus import Corpus
from tpspred.pretraining.masked_training import Plan, Training


@pytest.fixture
def training(corpus, small_plan):
    """Begin a small training: training(corpus, **other values of the plan)."""

    def begin(sequences=corpus, **other):
        return Training(small_plan(**other), sequences, torch.device("cpu"))

    with device.one_thread():
        yield begin


def without_times(history):
    """Rows of a history, without the quantities that differ from run to run."""
    times = ("seconds", "residues_per_second")
    return [{name: row[name] for name in row if name not in times} for row in history]


def same_weights(model, other):
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"dimension": 16, "heads": 3}, "--dimension: found 16 for 3 heads"),
        ({"crop": 0}, "--crop: found 0; wanted at least 1"),
        ({"family_share": 1.5}, "--family-share: found 1.5; wanted 0 to 1"),
        ({"precision": "float8"}, "--precision: found float8; wanted float32, "),
    ],
)
def test_plan_that_cannot_be_trained_is_refused(wrong, message):
    with pytest.raises(TpspredError, match=message):
        Plan(**wrong)


def test_learning_rate_grows_to_its_peak_and_falls_to_nothing():
    plan = Plan(residues=1000, batch_residues=1, warm_up=0.1, learning_rate=0.5)
    rates = [plan.rate(step) for step in range(plan.steps)]
    assert max(rates) == rates[99] == rates[100] == 0.5
    assert rates[:100] == sorted(rates[:100]) and rates[100:] == sorted(rates[100:], reverse=True)
    assert 0 < rates[0] < 0.01 and 0 < rates[-1] < 0.01


def test_training_shorter_than_a_step_has_one():
    assert Plan(residues=10, batch_residues=600).steps == 1


def test_fifteen_per_cent_are_masked_and_never_an_end(small_plan):
    plan, rng = small_plan(), np.random.default_rng(0)
    pieces = [np.arange(20, dtype=np.uint8)] * 2000
    tokens, _, places, answers = masked_training.masked(pieces, plan, rng, "cpu")
    tokens, places, answers = tokens.numpy(), places.numpy(), answers.numpy()
    whole = np.concatenate([np.r_[0, masked_training.TOKENS[piece], 2] for piece in pieces])
    assert np.array_equal(whole[places], answers)
    assert np.array_equal(np.delete(whole, places), np.delete(tokens, places))
    assert len(places) / 40_000 == pytest.approx(0.15, abs=0.01)
    is_mask = tokens[places] == masked_training.ALPHABET.mask_idx
    assert is_mask.mean() == pytest.approx(0.8, abs=0.02)
    assert (tokens[places] == answers).mean() == pytest.approx(0.1 + 0.1 / 20, abs=0.02)
    allowed = {*masked_training.TOKENS[:-1], masked_training.ALPHABET.mask_idx}
    assert set(tokens[places].tolist()) <= allowed


def test_all_chosen_residues_are_hidden_where_perplexity_is_measured(small_plan):
    rng = np.random.default_rng(0)
    pieces = [np.arange(20, dtype=np.uint8)] * 50
    tokens, _, places, _ = masked_training.masked(pieces, small_plan(), rng, "cpu", hidden=1.0)
    assert len(places) > 100 and set(tokens[places].tolist()) == {masked_training.ALPHABET.mask_idx}


def test_loss_is_that_of_fair_esm(corpus, small_plan):
    """Packed pieces of several lengths give the loss of fair-esm's own pass on padded ones."""
    plan = small_plan(precision="float32")
    pieces, rng = corpus.batch(0, plan)
    tokens, packing, places, answers = masked_training.masked(pieces, plan, rng, "cpu")
    model = masked_training.network(plan).eval()
    padded = torch.where(packing.valid, tokens[packing.index], model.padding_idx)
    with torch.no_grad():
        own = masked_training.loss(model, tokens, packing, places, answers, torch.float32)
        lower = masked_training.loss(model, tokens, packing, places, answers, torch.bfloat16)
        logits = model(padded)["logits"][packing.valid][places]
        wanted = torch.nn.functional.cross_entropy(logits, answers)
    assert float(own) == pytest.approx(float(wanted), abs=1e-5)
    assert float(lower) != float(own) and float(lower) == pytest.approx(float(wanted), rel=0.01)


def test_new_network_looks_at_neighbours():
    """A head attends most to the residue at its offset; the last layer attends to none."""
    plan = Plan(layers=3, dimension=64, heads=2)
    tokens = torch.tensor(np.random.default_rng(0).choice(masked_training.TOKENS[:-1], (3, 40)))
    model = masked_training.network(plan).eval()
    with torch.no_grad():
        weights = model(tokens, need_head_weights=True)["attentions"].mean(0)
    # weights: (layers, heads, 40, 40)
    for layer, head, offset in ((0, 0, -1), (0, 1, 1), (1, 0, -2), (1, 1, 2)):
        attention = {d: weights[layer, head].diagonal(d).mean() for d in range(-9, 10)}
        assert max(attention, key=attention.get) == offset and attention[offset] > 0.15
    assert weights[2].max() < 0.1


def test_network_follows_from_the_seed(small_plan):
    first = masked_training.network(small_plan())
    assert same_weights(first, masked_training.network(small_plan()))
    assert not same_weights(first, masked_training.network(small_plan(seed=1)))


def test_perplexity_of_equal_logits_is_the_size_of_the_alphabet(corpus, small_plan):
    plan = small_plan(precision="float32")
    model = masked_training.network(plan)
    torch.nn.init.zeros_(model.embed_tokens.weight)
    for name in ("pool", "family"):
        value = masked_training.perplexity(model, corpus, name, plan, torch.device("cpu"))
        assert value == pytest.approx(len(masked_training.ALPHABET.all_toks))


def test_perplexity_is_measured_on_the_same_residues_every_time(corpus, small_plan):
    plan = small_plan(precision="float32")
    model = masked_training.network(plan)
    with device.one_thread():
        first, second, family = (
            masked_training.perplexity(model, corpus, name, plan, torch.device("cpu"))
            for name in ("pool", "pool", "family")
        )
    assert first == second != family


def test_step_lowers_the_loss_of_its_own_batch(training):
    begun = training(warm_up=0.0, precision="float32", masked_share=1.0)
    plan, model = begun.plan, begun.model

    def batch_loss():
        pieces, rng = begun.corpus.batch(0, plan)
        batch = masked_training.masked(pieces, plan, rng, begun.device)
        with torch.no_grad():
            return float(masked_training.loss(model, *batch, plan.dtype))

    before = batch_loss()
    assert float(begun._advance()) == pytest.approx(before, abs=1e-5)
    assert begun.step == 1 and batch_loss() < before
    assert all(value.grad is None for value in begun._trained)


def test_out_of_time_training_is_only_evaluated(training):
    begun = training()
    reported = []
    begun.run(0.0, reported.append)
    assert begun.step == 0 and reported == begun.history and len(reported) == 1
    assert begun.history[0]["loss"] == 0.0 and begun.history[0]["pool_perplexity"] > 20


def test_exported_weights_are_the_trained_ones_in_half_precision(training, tmp_path):
    begun = training()
    begun.run(0.0)
    begun.export(tmp_path / "esm2_x.pt")
    model, _ = esm2.load(tmp_path / "esm2_x.pt", "esm2_x")
    weights = model.layers[0].fc1.weight
    assert torch.equal(weights, begun.model.layers[0].fc1.weight.half().float())
    training_record = torch.load(tmp_path / "esm2_x.pt", weights_only=False)["training"]
    assert training_record["plan"] == vars(begun.plan)
    assert training_record["sequences_sha256"] == begun.corpus.checksum
    counts = {name: len(rows) for name, rows in begun.corpus.train.items()}
    assert training_record["proteins"] == counts


class Stop(Exception):
    pass


@pytest.mark.slow
def test_interrupted_training_goes_on_exactly(training, tmp_path):
    whole = training()
    whole.run()
    interrupted = training()

    def stop(row):
        interrupted.save(tmp_path / "x.partial")
        if row["step"] > 15:
            raise Stop

    with pytest.raises(Stop):
        interrupted.run(report=stop)
    resumed = training()
    resumed.resume(tmp_path / "x.partial")
    assert 15 < resumed.step < 40
    resumed.run()
    assert same_weights(whole.model, resumed.model)
    assert without_times(whole.history) == without_times(resumed.history)
    assert [row["step"] for row in whole.history] == list(range(41))


def test_state_that_does_not_fit_is_refused(training, random_sequences, tmp_path):
    path = tmp_path / "x.partial"
    begun = training()
    begun.save(path)
    message = r"x.partial: found a training with crop 80; wanted 70 \(or delete the file"
    with pytest.raises(ModelError, match=message):
        training(crop=70).resume(path)
    other = Corpus.of(random_sequences(60, 8), [], 4, 0)
    with pytest.raises(ModelError, match="found a training with corpus"):
        training(other).resume(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="found a file that cannot be read"):
        begun.resume(path)
    torch.save({"format": "other"}, path)
    message = "found a file of another kind; wanted the state of an interrupted training"
    with pytest.raises(ModelError, match=message):
        begun.resume(path)


@pytest.fixture
def command(tmp_path, random_sequences, small_plan):
    """A command of bin/pretrain-encoder that writes esm2_small.pt and h.tsv into tmp_path.

    Either file has eight letters of its own, so that only the other residues of a protein tell
    which letters a masked one may be.
    """
    for name, count, letters in (("pool.txt", 150, "ACDEFGHI"), ("family.txt", 60, "KLMNPQRS")):
        (tmp_path / name).write_text("\n".join(random_sequences(count, count, letters)) + "\n")
    plan = small_plan()
    return [
        *(sys.executable, ROOT / "bin/pretrain-encoder", tmp_path / "pool.txt"),
        *("--family", tmp_path / "family.txt"),
        *("-o", tmp_path / "esm2_small.pt"),
        *("--history", tmp_path / "h.tsv"),
        *("-t", "2", "--residues", "120000", "--batch-residues", "1000", "--held-out", "5"),
        *("--learning-rate", "0.01", "--family-share", "0.8"),
        *(f"--{name}={getattr(plan, name)}" for name in ("layers", "dimension", "heads", "crop")),
    ]


@pytest.mark.slow
def test_script_trains_stops_goes_on_and_its_weights_embed(command, tmp_path, run):
    weights, partial = tmp_path / "esm2_small.pt", tmp_path / "esm2_small.pt.partial"
    stopped = subprocess.run([*command, "--minutes", "0"], capture_output=True, text=True)
    assert stopped.returncode == 0, stopped.stderr
    assert weights.exists() and partial.exists()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "going on after step 0 of 120" in done.stderr
    assert "of what the matrix products alone would allow" in done.stderr
    assert not partial.exists()
    with open(tmp_path / "h.tsv", newline="") as handle:
        history = list(csv.DictReader(handle, delimiter="\t"))
    assert int(history[0]["step"]) == 0 and int(history[-1]["step"]) == 120
    for name in ("pool_perplexity", "family_perplexity"):
        assert float(history[0][name]) > 25 and float(history[-1][name]) < 10

    # The weights work as an encoder.
    table = tmp_path / "x.h5"
    encoder = ("--encoder", "esm2_small", "--weights", weights)
    assert run("embed", DATA / "proteins.faa", "-o", table, *encoder).code == 0
    assert store.read(table).embedding.shape[1] == 16

    # They say what they were trained on, and fair-esm reads them.
    training_record = torch.load(weights, weights_only=False)["training"]
    assert training_record["residues"] == 120_000
    wanted = float(history[-1]["family_perplexity"])
    assert training_record["family_perplexity"] == pytest.approx(wanted)
    model, _ = esm2.load(weights, "esm2_small")
    assert isinstance(model, esm.ESM2) and model.lm_head.weight is model.embed_tokens.weight
    new = masked_training.network(Plan(dimension=16, heads=2))
    frequencies, wanted = (network.layers[0].self_attn.rot_emb.inv_freq for network in (model, new))
    assert torch.equal(frequencies, wanted)  # not in half precision


@pytest.mark.slow
def test_script_can_be_interrupted(command, tmp_path):
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    # The size, step 0, and the step after the first part.
    begun = [process.stderr.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130 and "step 4" in begun[2], begun
    assert "the same command goes on from the last line above" in process.stderr.read()
    assert not (tmp_path / "esm2_small.pt").exists()
    assert (tmp_path / "esm2_small.pt.partial").exists()
    process.stderr.close()


@pytest.mark.slow
def test_script_refuses_wrong_values_without_a_traceback(command):
    wrong = subprocess.run(
        [*command[:-1], "--crop=81", "--precision", "float8"], capture_output=True, text=True
    )
    assert wrong.returncode == 1 and "Traceback" not in wrong.stderr
    assert "--precision: found float8; wanted" in wrong.stderr
