"""The forward pass of ESM-2, from windows of proteins to the mean of the last layer over residues.

The arithmetic is fair-esm's, on residues that are packed without padding, with torch's fused
attention. On a CPU every window is a pass of its own on one thread. This is as fast as larger
batches, and a vector is the same to the last bit, whatever else is computed and on any number of
threads.
"""

import concurrent.futures
import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .. import device as devices
from ..console import notify
from ..io.fasta import AMINO_ACIDS
from . import windows
from .runtime import Runtime
from .windows import Window

if TYPE_CHECKING:  # this module is given a network, and does not need fair-esm
    import esm

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BATCH_RESIDUES = 16_384  # residues per pass on a GPU
# fair-esm multiplies the tokens by this share, because training masked 15% of the tokens and
# replaced 80% of those by the mask.
UNMASKED_SHARE = 1 - 0.15 * 0.8

Loader = Callable[[], "tuple[esm.ESM2, esm.data.Alphabet]"]


class LanguageModel:
    """A loaded ESM-2 on a device.

    Args:
        load: Function without arguments that returns the network and its alphabet.
        runtime: Device, precision, attention and batch size.

    Attributes:
        device: Where the network is.
        dtype: Type of the matrix products.
        dimension: Length of the vector of a residue.
        batch_residues: Residues per pass. It becomes less when the device runs out of memory.
    """

    def __init__(self, load: Loader, runtime: Runtime) -> None:
        self.device = devices.resolve(runtime.device or "auto")
        self.dtype = PRECISIONS[resolve_precision(runtime.precision, self.device)]
        # With a limit of 1 residue, which a CPU has, every window is a batch of its own.
        default_residues = 1 if self.device.type == "cpu" else BATCH_RESIDUES
        self.batch_residues = runtime.batch_residues or default_residues
        self._load = load
        self._runtime = runtime
        self._on_cpu: LanguageModel | None = None
        model, alphabet = load()
        self.dimension: int = model.embed_dim
        self._is_fused = runtime.attention != "original"
        if self._is_fused:
            _set_matrix_type(model, self.dtype)
        self._model = model.eval().requires_grad_(False).to(self.device)
        # Token of every letter, by its ASCII code.
        self._first_token: int = alphabet.cls_idx
        self._last_token: int = alphabet.eos_idx
        self._tokens = np.full(256, alphabet.unk_idx)
        for letter in AMINO_ACIDS + "X":
            self._tokens[ord(letter)] = alphabet.get_idx(letter)

    def run(
        self, batches: Iterable[list[Window]], sequences: Sequence[str], threads: int
    ) -> Iterator[tuple[list[Window], list[NDArray[np.float32]]]]:
        """Compute batches of windows. On a CPU, each thread computes one batch at a time.

        Args:
            batches: Lists of windows.
            sequences: Sequences that the windows are parts of.
            threads: CPU threads; without effect on a GPU.

        Yields:
            (batch, one (dimension,) vector per window), in the order of the batches. The vectors of
            all windows of a protein add up to the mean over its residues.
        """

        def compute(batch: list[Window]) -> tuple[list[Window], list[NDArray[np.float32]]]:
            return batch, self._compute(batch, sequences)

        if self.device.type != "cpu":
            yield from map(compute, batches)
            return
        # fair-esm's own pass keeps tables of rotary angles, which two passes at the same time
        # would overwrite: it runs in one worker that has all threads.
        workers, threads_each = (threads, 1) if self._is_fused else (1, threads)
        with concurrent.futures.ThreadPoolExecutor(
            workers, initializer=torch.set_num_threads, initargs=(threads_each,)
        ) as pool:
            yield from pool.map(compute, batches)

    def _compute(self, batch: list[Window], sequences: Sequence[str]) -> list[NDArray[np.float32]]:
        """Compute the vectors of a batch, whatever the memory of the device.

        A batch that does not fit is halved. A single window that does not fit is computed on the
        CPU.
        """
        try:
            return self._weighted_means(batch, sequences)
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
        # The tensors of the failed pass are freed only here, outside the except block.
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        residues = sum(windows.width(window) for window in batch)
        if len(batch) > 1:
            self.batch_residues = max(1, residues // 2)
            notify(
                "out of memory on %s: continuing with %d residues per batch",
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
        if self._on_cpu is None:
            runtime = dataclasses.replace(self._runtime, device="cpu", precision="float32")
            self._on_cpu = LanguageModel(self._load, runtime)
        return self._on_cpu._weighted_means(batch, sequences)

    @torch.inference_mode()
    def _weighted_means(
        self, batch: list[Window], sequences: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        """Compute the weighted sum of the residues of each window (see ``windows.weights``).

        Returns:
            (dimension,) vector of each window.
        """
        # Tokens of each window, and their weights; the tokens around a window weigh nothing.
        tokens = []
        weights = []
        for window in batch:
            sequence = sequences[window.protein]
            letters = np.frombuffer(sequence[window.start : window.stop].encode(), np.uint8)
            tokens.append(np.r_[self._first_token, self._tokens[letters], self._last_token])
            weights.append(np.pad(windows.weights(len(sequence))[window.start], 1))
        lengths = [len(window_tokens) for window_tokens in tokens]
        # The last layer at all tokens, one window after the other: (tokens, dimension).
        packing = Packing(lengths, self.device)
        packed_tokens = torch.from_numpy(np.concatenate(tokens)).to(self.device)  # (tokens,)
        if self._is_fused:
            residues = self._fused(packed_tokens, packing)
        else:
            residues = self._original(packed_tokens, packing)
        # Per window: (tokens,) @ (tokens, dimension) → (dimension,).
        packed_weights = torch.from_numpy(np.concatenate(weights)).to(self.device)
        means = [
            window_weights @ window_residues
            for window_weights, window_residues in zip(
                packed_weights.split(lengths), residues.split(lengths)
            )
        ]
        return list(torch.stack(means).cpu().numpy())

    def _original(self, tokens: torch.Tensor, packing: "Packing") -> torch.Tensor:
        """Run fair-esm's own forward pass, on windows that are padded to one width.

        Args:
            tokens: (tokens,).
            packing: Places of the tokens.

        Returns:
            (tokens, dimension) float32, the last layer.
        """
        layer = self._model.num_layers
        # (tokens,) → (windows, width)
        padded = torch.where(packing.valid, tokens[packing.index], self._model.padding_idx)
        with contextlib.ExitStack() as stack:
            if self.dtype != torch.float32:
                stack.enter_context(torch.autocast(self.device.type, self.dtype))
            representations = self._model(padded, repr_layers=[layer])["representations"]
        # (windows, width, dimension) → (tokens, dimension)
        return representations[layer][packing.valid].float()

    def _fused(self, tokens: torch.Tensor, packing: "Packing") -> torch.Tensor:
        """Run the same pass without padding. Only the matrix products have the lower precision.

        Args:
            tokens: (tokens,).
            packing: Places of the tokens.

        Returns:
            (tokens, dimension) float32, the last layer.
        """
        model = self._model
        # (tokens,) → (tokens, dimension)
        x = functional.embedding(tokens, model.embed_tokens.weight) * model.embed_scale
        if model.token_dropout:
            x = x * UNMASKED_SHARE
        return through_layers(model, x, packing, self.dtype)


def _set_matrix_type(model: "esm.ESM2", dtype: torch.dtype) -> None:
    """Convert the matrices of all layers; embedding and layer norms stay as they are."""
    for layer in model.layers:
        for part in (layer.fc1, layer.fc2, *layer.self_attn.children()):
            if isinstance(part, torch.nn.Linear):
                part.to(dtype)


def through_layers(
    model: "esm.ESM2", x: torch.Tensor, packing: "Packing", dtype: torch.dtype
) -> torch.Tensor:
    """Run packed tokens through all layers of an ESM-2.

    Args:
        model: Network.
        x: (tokens, dimension) float32, embedded tokens.
        packing: Places of the tokens.
        dtype: Type of the matrix products.

    Returns:
        (tokens, dimension) float32, the last layer.
    """
    rotation = packing.rotation(model.layers[0].self_attn.rot_emb.inv_freq)
    for layer in model.layers:
        # Attention among the tokens of a window, added to its input: (tokens, dimension).
        normal = layer.self_attn_layer_norm(x).to(dtype)
        x = x + attend(layer.self_attn, normal, packing, rotation)
        # Two linear maps of each token: (tokens, dimension) → (tokens, 4 · dimension) → back.
        normal = layer.final_layer_norm(x).to(dtype)
        x = x + layer.fc2(functional.gelu(layer.fc1(normal)))
    return model.emb_layer_norm_after(x)


class Packing:
    """Where the tokens of several windows are: packed in one row, or padded side by side.

    Packed, all windows follow one another without gaps. Side by side, as attention needs them,
    every window is a row as wide as the longest one.

    Args:
        lengths: Number of tokens of each window.
        device: Where the network is.

    Attributes:
        index: (windows, width) index of the packed token at each place of each window; at a place
            without a token, that of the window's first token.
        valid: (windows, width) whether the place has a token.
        mask: (windows, 1, 1, width) ``valid`` for the heads and queries of attention; None if
            every place has a token.
    """

    def __init__(self, lengths: Sequence[int], device: torch.device) -> None:
        counts = torch.tensor(lengths)
        # Place of a token in its window, whether it exists, and the index of its first token.
        place = torch.arange(int(counts.max())).expand(len(counts), -1)  # (windows, width)
        valid = place < counts[:, None]  # (windows, width)
        starts = (counts.cumsum(0) - counts)[:, None]  # (windows, 1)
        self.index = torch.where(valid, starts + place, starts).to(device)
        self.valid = valid.to(device)
        self.mask = None if bool(valid.all()) else self.valid[:, None, None]
        self._place_in_window = place[valid].to(device)  # (tokens,)
        # (tokens,) places with a token. Indexing by a mask would make a GPU wait in every layer.
        self._filled = valid.flatten().nonzero()[:, 0].to(device)

    def rotation(self, frequencies: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the cosine and the sine of every token's rotary angles.

        Args:
            frequencies: (head dimension / 2,) angle by which one place turns, radians.

        Returns:
            Two arrays (tokens, 1, head dimension).
        """
        angles = torch.outer(self._place_in_window.float(), frequencies)
        angles = torch.cat((angles, angles), -1)[:, None]
        return angles.cos(), angles.sin()

    def side_by_side(self, packed: torch.Tensor) -> torch.Tensor:
        """Pad the windows to one width.

        Args:
            packed: (tokens, heads, head dimension).

        Returns:
            (windows, heads, width, head dimension).
        """
        return packed[self.index].transpose(1, 2)

    def packed(self, side_by_side: torch.Tensor) -> torch.Tensor:
        """Remove the padding and join the heads.

        Args:
            side_by_side: (windows, heads, width, head dimension).

        Returns:
            (tokens, heads · head dimension).
        """
        return side_by_side.transpose(1, 2).flatten(0, 1)[self._filled].flatten(1)


def attend(
    attention: "esm.modules.MultiheadAttention",
    x: torch.Tensor,
    packing: Packing,
    rotation: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """Compute self-attention with rotary position embedding.

    Su et al. 2021, 10.48550/arXiv.2104.09864.

    Args:
        attention: Attention of one layer of fair-esm.
        x: (tokens, dimension).
        packing: Places of the tokens.
        rotation: What :meth:`Packing.rotation` returns.

    Returns:
        (tokens, dimension).
    """
    # (tokens, dimension) → (tokens, heads, head dimension)
    query, key, value = (
        projection(x).unflatten(-1, (attention.num_heads, -1))
        for projection in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    query = rotate(query, *rotation)
    key = rotate(key, *rotation)
    # (windows, heads, width, head dimension)
    mixed = functional.scaled_dot_product_attention(
        packing.side_by_side(query),
        packing.side_by_side(key),
        packing.side_by_side(value),
        attn_mask=packing.mask,
    )
    return attention.out_proj(packing.packed(mixed))


def rotate(x: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> torch.Tensor:
    """Turn pairs of components by the angles of their token's place.

    The components of a pair are half a vector apart.

    Args:
        x: (tokens, heads, head dimension).
        cosine: (tokens, 1, head dimension).
        sine: (tokens, 1, head dimension).

    Returns:
        (tokens, heads, head dimension) of the same type.
    """
    first, second = x.chunk(2, -1)
    return (x * cosine + torch.cat((-second, first), -1) * sine).to(x.dtype)


def resolve_precision(name: str | None, device: torch.device) -> str:
    """Return the name of the precision of the matrix products on a device.

    Args:
        name: Precision that the user wants. By default it is float32 on a CPU, bfloat16 on an
            NVIDIA GPU that computes with it, and float16 on all others.
        device: Where the network is.
    """
    if name is not None:
        return name
    if device.type == "cpu":
        return "float32"
    return "bfloat16" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "float16"


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether a device had too little memory; not all devices raise the same class."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or "out of memory" in str(error)
