"""The forward pass of ESM-2: the same vectors as fair-esm, alone, in batches and out of memory."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tpspred.encoders import esm2, esm2_forward, windows
from tpspred.encoders.esm2_forward import LanguageModel, Packing, attend, resolve_precision, rotate
from tpspred.encoders.runtime import Runtime
from tpspred.errors import TpspredError
from tpspred.io.fasta import AMINO_ACIDS

CPU = torch.device("cpu")
sequences = st.lists(st.text(AMINO_ACIDS + "X", min_size=1, max_size=40), min_size=1, max_size=6)
window_lengths = st.lists(st.integers(1, 12), min_size=1, max_size=5)


def last_layer(model, alphabet, sequence):
    """Return fair-esm's last layer at the residues of a sequence, (residues, dimension)."""
    _, _, tokens = alphabet.get_batch_converter()([("p", sequence)])
    with torch.no_grad():
        output = model.eval()(tokens, repr_layers=[2])
    return output["representations"][2][0, 1:-1].numpy()


def distance(vectors, others, sequence):
    """Return the largest difference between two vectors of a sequence."""
    return np.abs(vectors[sequence] - others[sequence]).max()


def test_vector_is_the_mean_of_fair_esm_without_begin_and_end(tiny_weights, alone, random_proteins):
    model, alphabet = esm2.load(tiny_weights, "esm2_tiny")
    for sequence in random_proteins[:7]:
        mean = last_layer(model, alphabet, sequence).mean(0)
        assert np.abs(mean - alone[sequence]).max() < 1e-5


def test_windows_are_averaged_by_residue(tiny_weights, alone, random_proteins):
    model, alphabet = esm2.load(tiny_weights, "esm2_tiny")
    sequence = random_proteins[-1]
    total = np.zeros((len(sequence), 32))
    count = np.zeros(len(sequence))
    for start, stop in windows.spans(len(sequence)):
        total[start:stop] += last_layer(model, alphabet, sequence[start:stop])
        count[start:stop] += 1
    assert set(count) == {1, 2}
    assert np.abs((total / count[:, None]).mean(0) - alone[sequence]).max() < 1e-5


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_on_a_cpu_neighbours_order_and_threads_change_no_bit(
    tiny_esm2, encode, alone, random_proteins, threads
):
    together = encode(tiny_esm2(), random_proteins[::-1], threads=threads)
    assert all(np.array_equal(together[sequence], alone[sequence]) for sequence in random_proteins)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(sequences, st.integers(1, 300))
def test_same_vector_alone_and_in_any_batch(tiny_esm2, encode, proteins, batch_residues):
    batched = encode(tiny_esm2(batch_residues=batch_residues), proteins)
    encoder = tiny_esm2()
    for sequence in proteins:
        assert distance(batched, encode(encoder, [sequence]), sequence) < 1e-5


@pytest.mark.parametrize("batch_residues", [1, pytest.param(3000, marks=pytest.mark.slow)])
def test_fused_attention_is_the_original(tiny_esm2, encode, alone, random_proteins, batch_residues):
    encoder = tiny_esm2(attention="original", batch_residues=batch_residues)
    original = encode(encoder, random_proteins, threads=3)
    assert all(distance(original, alone, sequence) < 1e-5 for sequence in random_proteins)
    assert any(distance(original, alone, sequence) > 0 for sequence in random_proteins)


@pytest.mark.parametrize("attention", ["fused", "original"])
def test_lower_precision_is_close_and_says_so(tiny_esm2, encode, alone, random_proteins, attention):
    encoder = tiny_esm2(precision="bfloat16", attention=attention)
    rounded = encode(encoder, random_proteins[:5])
    assert encoder.precision == "bfloat16" and tiny_esm2().precision == "float32"
    for sequence in random_proteins[:5]:
        largest = np.abs(alone[sequence]).max()
        assert 0 < distance(rounded, alone, sequence) < 0.1 * largest


def test_out_of_memory_halves_batches_and_ends_on_the_cpu(
    tiny_esm2, encode, alone, random_proteins, monkeypatch
):
    messages = []
    means = LanguageModel._weighted_means
    encoder = tiny_esm2(batch_residues=3000)
    first = encoder.ready()

    def limited(self, batch, texts):
        """Compute a batch, unless it is too large for the first device."""
        if self is first and sum(windows.width(window) for window in batch) > 150:
            raise torch.cuda.OutOfMemoryError("out of memory")
        return means(self, batch, texts)

    monkeypatch.setattr(LanguageModel, "_weighted_means", limited)
    monkeypatch.setattr(
        esm2_forward, "notify", lambda text, *values: messages.append(text % values)
    )
    vectors = encode(encoder, random_proteins)
    assert all(distance(vectors, alone, sequence) < 1e-5 for sequence in random_proteins)
    assert first.batch_residues <= 1500 and "continuing with" in messages[0]
    assert any("a window of 200 residues is computed on the CPU" in text for text in messages)


def test_other_errors_of_the_network_are_not_taken_for_memory(tiny_esm2, encode, monkeypatch):
    def broken(*args):
        raise RuntimeError("broken")

    monkeypatch.setattr(LanguageModel, "_weighted_means", broken)
    with pytest.raises(RuntimeError, match="broken"):
        encode(tiny_esm2(), ["MKV"])


def test_absent_device_is_an_error(tiny_esm2):
    with pytest.raises(TpspredError, match="--device: found no cuda:99 on this machine"):
        tiny_esm2(device="cuda:99").ready()


def test_batches_come_out_in_order_with_a_vector_per_window(tiny_weights):
    model = LanguageModel(lambda: esm2.load(tiny_weights, "esm2_tiny"), Runtime(device="cpu"))
    planned = [
        [windows.Window(0, 0, 3), windows.Window(1, 0, 2)],
        [windows.Window(1, 0, 2)],
    ]
    computed = list(model.run(planned, ["MKV", "ML"], threads=2))
    assert [batch for batch, _ in computed] == planned
    assert [[vector.shape for vector in vectors] for _, vectors in computed] == [
        [(32,), (32,)],
        [(32,)],
    ]


@settings(deadline=None)
@given(window_lengths)
def test_packing_pads_and_unpads_without_loss(lengths):
    packing = Packing(lengths, CPU)
    packed = torch.arange(sum(lengths) * 6.0).reshape(-1, 2, 3)  # (tokens, heads, head dimension)
    padded = packing.side_by_side(packed)
    assert padded.shape == (len(lengths), 2, max(lengths), 3)
    assert torch.equal(packing.packed(padded), packed.flatten(1))
    assert packing.valid.sum(1).tolist() == lengths
    assert (packing.mask is None) == (len(set(lengths)) == 1)


def test_padding_repeats_the_first_token_of_its_window():
    packing = Packing([1, 3], CPU)
    assert packing.index.tolist() == [[0, 0, 0], [1, 2, 3]]
    assert packing.valid.tolist() == [[True, False, False], [True, True, True]]
    assert packing.mask.shape == (2, 1, 1, 3)


def test_every_window_begins_at_the_same_angle():
    cosine, sine = Packing([2, 3], CPU).rotation(torch.tensor([0.5, 0.1]))
    places = torch.tensor([0.0, 1, 0, 1, 2])
    angles = places[:, None, None] * torch.tensor([0.5, 0.1, 0.5, 0.1])
    assert torch.allclose(cosine, angles.cos()) and torch.allclose(sine, angles.sin())


def test_rotation_by_hand():
    """A quarter turn moves the first component of a pair into the second."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])  # the pairs are (1, 3) and (2, 4)
    turned = rotate(x, torch.zeros(1, 1, 4), torch.ones(1, 1, 4))
    assert turned.tolist() == [[[-3.0, -4.0, 1.0, 2.0]]]
    assert torch.equal(rotate(x, torch.ones(1, 1, 4), torch.zeros(1, 1, 4)), x)


def test_windows_do_not_attend_to_one_another(tiny_weights):
    model, _ = esm2.load(tiny_weights, "esm2_tiny")
    attention = model.layers[0].self_attn
    x = torch.randn(7, 32, generator=torch.Generator().manual_seed(0))

    def attended(lengths, tokens):
        packing = Packing(lengths, CPU)
        return attend(attention, tokens, packing, packing.rotation(attention.rot_emb.inv_freq))

    with torch.no_grad():
        both = attended([3, 4], x)
        assert torch.allclose(both[:3], attended([3], x[:3]), atol=1e-6)
        assert torch.allclose(both[3:], attended([4], x[3:]), atol=1e-6)
        assert not torch.allclose(both, attended([7], x), atol=1e-3)


@pytest.mark.parametrize(
    "name, device, wanted",
    [
        (None, "cpu", "float32"),
        (None, "mps", "float16"),
        ("bfloat16", "cpu", "bfloat16"),
        ("float32", "cuda", "float32"),
    ],
)
def test_default_precision_depends_on_the_device(name, device, wanted):
    assert resolve_precision(name, torch.device(device)) == wanted
