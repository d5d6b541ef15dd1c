"""ESM-2 as an encoder, on random weights in fair-esm's layout, through the real loader."""

import argparse
import os
import pickle
import random
import sys
import types

import esm
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import random_weights
from tpspred.encoders.vector_parts import Block

from tpspred.encoders import esm2, esm2_forward, esm2_weights, windows
from tpspred.errors import MissingDependency, ModelError, TpspredError
from tpspred.family import features
from tpspred.io import fasta
from tpspred.model import neighbours, training

RNG = random.Random(0)
PROTEINS = [
    "".join(RNG.choices(fasta.AMINO_ACIDS, k=length))
    for length in (30, 70, 70, 5, 200, 1, 1022, 1023, 2500)
]
sequences = st.lists(
    st.text(fasta.AMINO_ACIDS + "X", min_size=1, max_size=40), min_size=1, max_size=6
)


def encoder(path, **runtime):
    return esm2.ESM2Encoder("esm2_tiny", [], {"weights": str(path)} | runtime)


def vectors(encoder, proteins, **options):
    views = (features.View(fasta.ProteinRecord("p", "", sequence), [], []) for sequence in proteins)
    return dict(encoder.encode(views, **options))


@pytest.fixture(scope="module")
def alone(tiny_weights):
    """Every protein embedded by itself."""
    model = encoder(tiny_weights)
    return {sequence: vectors(model, [sequence])[sequence] for sequence in PROTEINS}


def test_vector_is_the_mean_of_fair_esm_without_begin_and_end(tiny_weights, alone):
    model, alphabet = esm2.load(tiny_weights, "esm2_tiny")
    convert = alphabet.get_batch_converter()
    for sequence in PROTEINS[:7]:
        _, _, tokens = convert([("p", sequence)])
        with torch.no_grad():
            layer = model.eval()(tokens, repr_layers=[2])["representations"][2][0]
        assert np.abs(layer[1:-1].mean(0).numpy() - alone[sequence]).max() < 1e-5


def test_windows_are_averaged_by_residue(tiny_weights, alone):
    model, alphabet = esm2.load(tiny_weights, "esm2_tiny")
    sequence = PROTEINS[-1]
    total, seen = np.zeros((len(sequence), 32)), np.zeros(len(sequence))
    for start, stop in windows.spans(len(sequence)):
        _, _, tokens = alphabet.get_batch_converter()([("p", sequence[start:stop])])
        with torch.no_grad():
            total[start:stop] += model.eval()(tokens, repr_layers=[2])["representations"][2][
                0, 1:-1
            ].numpy()
        seen[start:stop] += 1
    assert set(seen) == {1, 2}
    assert np.abs((total / seen[:, None]).mean(0) - alone[sequence]).max() < 1e-5


@given(st.integers(1, 20_000))
def test_windows_cover_every_residue_and_overlap(length_aa):
    spans = windows.spans(length_aa)
    assert spans[0][0] == 0 and spans[-1][1] == length_aa
    assert all(stop - start == spans[0][1] <= windows.LENGTH for start, stop in spans)
    assert all(
        before[1] - after[0] >= windows.OVERLAP - 1 for before, after in zip(spans, spans[1:])
    )
    assert len(spans) == 1 or length_aa > windows.LENGTH
    assert sum(
        part.sum(dtype=float) for part in windows.weights(length_aa).values()
    ) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_on_a_cpu_neighbours_order_and_threads_change_no_bit(tiny_weights, alone, threads):
    together = vectors(encoder(tiny_weights), PROTEINS[::-1], threads=threads)
    assert all(np.array_equal(together[sequence], alone[sequence]) for sequence in PROTEINS)


@settings(deadline=None, max_examples=30)
@given(sequences, st.integers(1, 300))
def test_same_vector_alone_and_in_any_batch(tiny_weights, proteins, batch_residues):
    batched = vectors(encoder(tiny_weights, batch_residues=batch_residues), proteins)
    model = encoder(tiny_weights)
    for sequence in proteins:
        assert np.abs(batched[sequence] - vectors(model, [sequence])[sequence]).max() < 1e-5


@pytest.mark.parametrize("batch_residues", [1, 3000])
def test_fused_attention_is_the_original(tiny_weights, alone, batch_residues):
    original = vectors(
        encoder(tiny_weights, attention="original", batch_residues=batch_residues),
        PROTEINS,
        threads=3,
    )
    assert all(np.abs(original[sequence] - alone[sequence]).max() < 1e-5 for sequence in PROTEINS)
    assert any(not np.array_equal(original[sequence], alone[sequence]) for sequence in PROTEINS)


@pytest.mark.parametrize("attention", ["fused", "original"])
def test_lower_precision_is_close_and_says_so(tiny_weights, alone, attention):
    model = encoder(tiny_weights, precision="bfloat16", attention=attention)
    found = vectors(model, PROTEINS[:5])
    assert model.precision == "bfloat16" and encoder(tiny_weights).precision == "float32"
    for sequence in PROTEINS[:5]:
        assert (
            0
            < np.abs(found[sequence] - alone[sequence]).max()
            < 0.1 * np.abs(alone[sequence]).max()
        )


def test_identical_sequences_are_computed_once(tiny_weights, monkeypatch):
    seen = []
    means = esm2_forward.LanguageModel._means
    monkeypatch.setattr(
        esm2_forward.LanguageModel,
        "_means",
        lambda self, batch, texts: seen.extend(batch) or means(self, batch, texts),
    )
    assert len(vectors(encoder(tiny_weights), ["MKV", "MKVL", "MKV"])) == 2
    assert len(seen) == 2


def test_batches_hold_so_many_residues_longest_first():
    planned = list(
        windows.batches(windows.longest_first(["M" * n for n in (3, 9, 4, 5, 20)]), lambda: 12)
    )
    assert [[w.stop - w.start for w in batch] for batch in planned] == [[20], [9], [5, 4, 3]]


def test_a_resumed_run_keeps_the_batches(tiny_weights):
    """What is left comes out to the last bit as it would have, and nothing finished is given again."""
    whole = vectors(encoder(tiny_weights, batch_residues=120), PROTEINS)
    finished = set(PROTEINS[2:5])
    rest = vectors(encoder(tiny_weights, batch_residues=120), PROTEINS, finished=finished)
    assert set(rest) == set(PROTEINS) - finished
    assert all(np.array_equal(rest[sequence], whole[sequence]) for sequence in rest)


def test_out_of_memory_halves_batches_and_ends_on_the_cpu(tiny_weights, alone, monkeypatch):
    said, means = [], esm2_forward.LanguageModel._means
    model = encoder(tiny_weights, batch_residues=3000)
    first = model.ready()

    def full(self, batch, texts):
        if self is first and sum(window.stop - window.start for window in batch) > 150:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return means(self, batch, texts)

    monkeypatch.setattr(esm2_forward.LanguageModel, "_means", full)
    monkeypatch.setattr(esm2_forward, "notify", lambda text, *values: said.append(text % values))
    found = vectors(model, PROTEINS)
    assert all(np.abs(found[sequence] - alone[sequence]).max() < 1e-5 for sequence in PROTEINS)
    assert first.batch_residues <= 1500 and "going on with" in said[0]
    assert any("a window of 200 residues is computed on the CPU" in line for line in said)


def test_other_errors_of_the_network_are_not_taken_for_memory(tiny_weights, monkeypatch):
    monkeypatch.setattr(
        esm2_forward.LanguageModel,
        "_means",
        lambda *args: (_ for _ in ()).throw(RuntimeError("broken")),
    )
    with pytest.raises(RuntimeError, match="broken"):
        vectors(encoder(tiny_weights), ["MKV"])


def test_damaged_and_foreign_files_are_refused(tiny_weights, tmp_path):
    path = tmp_path / "w.pt"
    data = tiny_weights.read_bytes()
    for size in (0, 10, len(data) // 2, len(data) - 100):
        path.write_bytes(data[:size])
        with pytest.raises(ModelError, match="w.pt: found a file that is cut short or damaged"):
            esm2.load(path, "esm2_tiny")
    torch.save({"args": argparse.Namespace(arch="roberta_large"), "model": {}}, path)
    with pytest.raises(ModelError, match="found weights of another model; wanted ESM-2"):
        esm2.load(path, "esm2_tiny")
    whole = torch.load(tiny_weights, weights_only=False)
    torch.save(whole | {"model": dict(list(whole["model"].items())[:-5])}, path)
    with pytest.raises(ModelError, match="found a network that ESM-2 cannot hold"):
        esm2.load(path, "esm2_tiny")
    with pytest.raises(
        ModelError, match="found an ESM-2 of 2 layers and 32 dimensions; wanted 6 layers and 320"
    ):
        esm2.load(tiny_weights, "esm2_t6_8M_UR50D")


class Trap:
    def __reduce__(self):
        return os.mkdir, ("trap",)


@pytest.mark.parametrize(
    "save", [lambda value, path: path.write_bytes(pickle.dumps(value)), torch.save]
)
def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch, save):
    monkeypatch.chdir(tmp_path)
    save({"cfg": Trap(), "model": {}}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match="w.pt: found"):
        esm2.load(tmp_path / "w.pt", "esm2_tiny")
    assert not (tmp_path / "trap").exists()


def test_the_other_package_called_esm_is_named(tiny_weights, monkeypatch):
    other = types.ModuleType("esm")
    other.__spec__ = esm.__spec__
    monkeypatch.setitem(sys.modules, "esm", other)
    with pytest.raises(MissingDependency, match="of another vendor.*pip install --force-reinstall"):
        esm2.load(tiny_weights, "esm2_tiny")


def test_weights_are_found_where_they_should_be(tmp_path, monkeypatch):
    name = "esm2_t6_8M_UR50D"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(esm2_weights.VARIABLE, raising=False)
    cached = tmp_path / "torch/hub/checkpoints" / f"{name}.pt"
    with pytest.raises(
        ModelError, match=f"no weights at {cached}; run: tpspred fetch-weights {name}"
    ):
        esm2_weights.locate(name)
    with pytest.raises(
        ModelError, match="esm2_mine.pt; give --weights FILE, or one of esm2_t6_8M_UR50D"
    ):
        esm2_weights.locate("esm2_mine")
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert esm2_weights.locate(name) == cached and esm2_weights.home(name) == cached
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path))
    assert (
        esm2_weights.locate(name) == cached and esm2_weights.home(name) == tmp_path / f"{name}.pt"
    )
    (tmp_path / f"{name}.pt").touch()
    assert esm2_weights.locate(name) == tmp_path / f"{name}.pt"
    (tmp_path / "one.pt").touch()
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path / "one.pt"))
    assert esm2_weights.locate(name) == tmp_path / "one.pt"
    assert esm2_weights.locate(name, cached) == cached
    with pytest.raises(ModelError, match="nowhere.pt; run: tpspred fetch-weights"):
        esm2_weights.locate(name, "nowhere.pt")
    monkeypatch.setenv(esm2_weights.VARIABLE, "nowhere")
    with pytest.raises(ModelError, match="TPSPRED_WEIGHTS: found nowhere, which is not there"):
        esm2_weights.locate(name)


def test_weights_that_changed_since_they_were_fetched_are_refused(tiny_weights, tmp_path):
    path = tmp_path / "w.pt"
    path.write_bytes(tiny_weights.read_bytes())
    checksum = esm2_weights.sha256(path)
    (tmp_path / "w.pt.sha256").write_text(f"{checksum}  w.pt\n")
    assert esm2_weights.check(path, checksum.upper()) == checksum
    with pytest.raises(ModelError, match=f"w.pt: found a file with SHA-256 {checksum}; wanted 00"):
        esm2_weights.check(path, "00")
    path.write_bytes(tiny_weights.read_bytes() + b"x")
    with pytest.raises(ModelError, match="as w.pt.sha256 says"):
        esm2_weights.sha256(path)


def test_a_model_refuses_other_weights(tiny_weights, tmp_path):
    other = random_weights(tmp_path / "other.pt", seed=1)
    trained = encoder(tiny_weights)
    trained.ready()
    kept = esm2.ESM2Encoder.from_tree(
        {"name": trained.name} | trained.to_tree(), [], {"weights": str(other)}
    )
    with pytest.raises(
        ModelError,
        match=f"other.pt: found weights with SHA-256 [0-9a-f]+; wanted {trained.checksum[:12]}",
    ):
        vectors(kept, ["MKV"])


def test_absent_device_is_an_error(tiny_weights):
    with pytest.raises(TpspredError, match="--device: found no cuda:99 on this machine"):
        encoder(tiny_weights, device="cuda:99").ready()


def test_blocks_share_the_similarity_and_keep_or_lose_their_scale():
    """The dot product of comparable vectors is the weighted mean of those of the blocks; the network's inputs scale by block."""
    rng = np.random.default_rng(0)
    kept, own = rng.normal(size=(50, 4)) * [4, 3, 2, 1], rng.normal(size=(50, 3)) * [1, 10, 100]
    kept /= np.linalg.norm(kept, axis=1, keepdims=True)
    parts = [Block(4, False, 0.7), Block(3, True, 0.3)]
    data = types.SimpleNamespace(
        embedding=np.concatenate([kept, own], 1).astype(np.float32),
        features=rng.normal(size=(50, 2)),
    )
    scaling = training._scaling(data, parts)
    assert np.ptp(scaling["embedding_scale"][:4]) == 0 and scaling["embedding_scale"][
        4:
    ] == pytest.approx(own.std(0), rel=1e-5)
    found = neighbours.comparable(data.embedding, types.SimpleNamespace(blocks=parts), scaling)
    standard = (own - own.mean(0)) / own.std(0)
    standard /= np.linalg.norm(standard, axis=1, keepdims=True)
    assert found @ found.T == pytest.approx(
        0.7 * kept @ kept.T + 0.3 * standard @ standard.T, abs=1e-5
    )
    alone = types.SimpleNamespace(embedding=data.embedding[:, :4], features=data.features)
    assert np.array_equal(
        training._scaling(alone, parts[:1])["embedding_scale"], scaling["embedding_scale"][:1]
    )
