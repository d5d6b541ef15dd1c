"""The forward pass of ESM-2: windows of proteins → the mean of the last layer over their residues.

The arithmetic is fair-esm's, on residues packed without padding and with torch's fused attention. On a CPU every window is
a pass of its own on one thread: as fast as batches, and the same vector to the last bit whatever is computed beside it, on
any number of threads.
"""

import concurrent.futures
import contextlib
import dataclasses

import numpy as np
import torch
from torch.nn import functional

from .. import device as devices
from ..console import notify
from ..io.fasta import AMINO_ACIDS
from . import windows

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BATCH_RESIDUES = 16_384  # on a GPU


class LanguageModel:
    """A loaded ESM-2 on a device.

    Args:
        load: Function without arguments that gives (esm.ESM2, alphabet).
        runtime: Runtime.

    Attributes:
        dimension: Numbers per residue.
        batch_residues: Residues per pass, less after the memory of the device did not suffice.
    """

    def __init__(self, load, runtime):
        self.device = devices.resolve(runtime.device or "auto")
        self.dtype = PRECISIONS[resolve_precision(runtime.precision, self.device)]
        self.batch_residues = runtime.batch_residues or (
            1 if self.device.type == "cpu" else BATCH_RESIDUES
        )
        self._load, self._runtime, self._fallback = load, runtime, None
        model, alphabet = load()
        self.dimension = model.embed_dim
        fused = runtime.attention != "original"
        self._forward = self._fused if fused else self._original
        if fused:
            for layer in model.layers:
                for part in (layer.fc1, layer.fc2, *layer.self_attn.children()):
                    if isinstance(part, torch.nn.Linear):
                        part.to(self.dtype)
        self._model = model.eval().requires_grad_(False).to(self.device)
        self._ends = alphabet.cls_idx, alphabet.eos_idx
        self._tokens = np.full(256, alphabet.unk_idx)
        for letter in AMINO_ACIDS + "X":
            self._tokens[ord(letter)] = alphabet.get_idx(letter)

    def run(self, batches, sequences, threads):
        """Compute batches of windows, on a CPU one on each thread.

        Args:
            batches: Iterable of lists of windows.Window.
            sequences: List of strings that the windows point to.

        Yields:
            (batch, list of (dimension,) float32 per window), in order.
        """

        def compute(batch):
            return batch, self._compute(batch, sequences)

        if self.device.type != "cpu":
            yield from map(compute, batches)
            return
        # fair-esm's own pass keeps rotary tables that passes at the same time would take from each other.
        workers, each = (threads, 1) if self._forward == self._fused else (1, threads)
        with concurrent.futures.ThreadPoolExecutor(
            workers, initializer=torch.set_num_threads, initargs=(each,)
        ) as pool:
            yield from pool.map(compute, batches)

    def _compute(self, batch, sequences):
        """Vectors of a batch; where memory does not suffice, of smaller batches, at last on the CPU."""
        try:
            return self._means(batch, sequences)
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise
        # Only here, outside the except block, are the tensors of the failed pass let go.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        residues = sum(window.stop - window.start for window in batch)
        if len(batch) > 1:
            self.batch_residues = max(1, residues // 2)
            notify(
                "out of memory on %s: going on with %d residues per batch",
                self.device,
                self.batch_residues,
            )
            half = len(batch) // 2
            return self._compute(batch[:half], sequences) + self._compute(batch[half:], sequences)
        notify(
            "out of memory on %s: a window of %d residues is computed on the CPU",
            self.device,
            residues,
        )
        if self._fallback is None:
            on_cpu = dataclasses.replace(self._runtime, device="cpu", precision="float32")
            self._fallback = LanguageModel(self._load, on_cpu)
        return self._fallback._means(batch, sequences)

    @torch.inference_mode()
    def _means(self, batch, sequences):
        """Weighted means over the residues of each window, without the tokens of begin and end."""
        begin, end = self._ends
        tokens, shares = [], []
        for window in batch:
            sequence = sequences[window.protein]
            letters = np.frombuffer(sequence[window.start : window.stop].encode(), np.uint8)
            tokens.append(np.r_[begin, self._tokens[letters], end])
            shares.append(np.pad(windows.weights(len(sequence))[window.start], 1))
        lengths = [len(part) for part in tokens]
        residues = self._forward(
            torch.from_numpy(np.concatenate(tokens)).to(self.device), Packing(lengths, self.device)
        )
        shares = torch.from_numpy(np.concatenate(shares)).to(self.device).split(lengths)
        means = [share @ part for share, part in zip(shares, residues.split(lengths))]
        return list(torch.stack(means).cpu().numpy())

    def _original(self, tokens, packing):
        """fair-esm's own forward pass on padded windows → (tokens, dimension) float32."""
        layer = self._model.num_layers
        padded = torch.where(
            packing.valid, tokens[packing.index], self._model.padding_idx
        )  # (windows, width)
        mixed = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype) if mixed else contextlib.nullcontext():
            output = self._model(padded, repr_layers=[layer])["representations"][
                layer
            ]  # (windows, width, dimension)
        return output[packing.valid].float()

    def _fused(self, tokens, packing):
        """The same without padding → (tokens, dimension) float32; only matrix products are in the lower precision."""
        model = self._model
        x = (
            functional.embedding(tokens, model.embed_tokens.weight) * model.embed_scale
        )  # (tokens, dimension)
        if model.token_dropout:
            x = x * (
                1 - 0.15 * 0.8
            )  # as fair-esm does: the share of tokens that training left unmasked
        return through_layers(model, x, packing, self.dtype)


def through_layers(model, x, packing, dtype):
    """All layers of an ESM-2 on packed tokens.

    Args:
        model: esm.ESM2.
        x: (tokens, dimension) float32 embedded tokens.
        packing: Packing.
        dtype: Of the matrix products.

    Returns:
        (tokens, dimension) float32.
    """
    turn = packing.rotation(model.layers[0].self_attn.rot_emb.inv_freq)
    for layer in model.layers:
        normal = layer.self_attn_layer_norm(x).to(dtype)
        x = x + attend(layer.self_attn, normal, packing, turn)
        normal = layer.final_layer_norm(x).to(dtype)
        x = x + layer.fc2(functional.gelu(layer.fc1(normal)))
    return model.emb_layer_norm_after(x)


class Packing:
    """Windows of several lengths one behind the other, and how attention sees them side by side.

    Attributes:
        index: (windows, width) token at each place of each window, its first one where there is none.
        valid: (windows, width) whether there is one.
        mask: ``valid`` for the heads and queries of attention; None if every place is taken.
    """

    def __init__(self, lengths, device):
        lengths = torch.tensor(lengths)
        place = torch.arange(int(lengths.max())).expand(len(lengths), -1)
        starts = (lengths.cumsum(0) - lengths)[:, None]
        valid = place < lengths[:, None]
        self._places = place[valid].to(device)
        self._taken = (
            valid.flatten().nonzero()[:, 0].to(device)
        )  # a mask would make a GPU wait in every layer
        self.index = torch.where(valid, starts + place, starts).to(device)
        self.valid = valid.to(device)
        self.mask = None if bool(valid.all()) else self.valid[:, None, None]

    def rotation(self, frequencies):
        """Cosine and sine of every token's rotary angles, (tokens, 1, head dimension)."""
        angles = torch.outer(self._places.float(), frequencies)
        angles = torch.cat((angles, angles), -1)[:, None]
        return angles.cos(), angles.sin()

    def side_by_side(self, packed):
        """(tokens, heads, dimension) → (windows, heads, width, dimension)."""
        return packed[self.index].transpose(1, 2)

    def packed(self, side_by_side):
        """(windows, heads, width, dimension) → (tokens, heads · dimension)."""
        return side_by_side.transpose(1, 2).flatten(0, 1)[self._taken].flatten(1)


def attend(attention, x, packed, turn):
    """Self-attention with rotary position embedding. Su et al. 2021, 10.48550/arXiv.2104.09864

    Args:
        attention: fair-esm's MultiheadAttention.
        x: (tokens, dimension).
        turn: What ``Packing.rotation`` gives.
    """
    query, key, value = (
        part(x).unflatten(-1, (attention.num_heads, -1))
        for part in (attention.q_proj, attention.k_proj, attention.v_proj)
    )  # (tokens, heads, d)
    query, key = rotate(query, *turn), rotate(key, *turn)
    mixed = functional.scaled_dot_product_attention(
        *map(packed.side_by_side, (query, key, value)), attn_mask=packed.mask
    )
    return attention.out_proj(packed.packed(mixed))


def rotate(x, cosine, sine):
    """Turn pairs of components, d/2 apart, by the angles of their position."""
    first, second = x.chunk(2, -1)
    return (x * cosine + torch.cat((-second, first), -1) * sine).to(x.dtype)


def resolve_precision(name, where):
    """Name of the precision on a device: 'auto' is float32 on a CPU, bfloat16 on a GPU that has it, else float16."""
    if name is not None:
        return name
    if where.type == "cpu":
        return "float32"
    return "bfloat16" if where.type == "cuda" and torch.cuda.is_bf16_supported() else "float16"


def _out_of_memory(error):
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error)
