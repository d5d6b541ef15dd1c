"""ESM-2, a protein language model, as an encoder. Lin et al. 2023, 10.1126/science.ade2574.

The vector of a protein is the mean of the last layer over its residues. fair-esm loads the weights
and defines the network.
"""

import argparse
import collections
import functools
import importlib.util
import os
import warnings
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from .. import device
from ..errors import MissingDependency, ModelError
from ..family.profiles import Profile
from ..family.profiles import checksum as profiles_checksum
from ..family.screening import ScreenedProtein
from ..io.batching import batches
from ..io.outputs import atomic_path
from ..io.paths import Path
from ..io.tree import StoredTree, Tree
from . import esm2_layout, esm2_weights, windows
from .esm2_forward import LanguageModel, resolve_precision
from .protocol import Encoder, VectorPart, register
from .runtime import Runtime

if TYPE_CHECKING:  # _fair_esm imports it, and says what to do if it is not there
    import esm


@register(r"esm2_.*")
class ESM2Encoder:
    """An ESM-2 for proteins that family profiles screen. Its weights are loaded when first needed.

    Args:
        name: Name such as ``esm2_t33_650M_UR50D``.
        profiles: Family profiles that screen the proteins.
        runtime: How the language model runs.
        checksum: SHA-256 that the weight file must have, if it is known.
        dimension: Length of a vector, if it is known.

    Raises:
        ModelError: If the name is not one word.
    """

    pooling = f"mean over residues, windows of {windows.LENGTH} overlapping by {windows.OVERLAP}"
    batch_residues = 20_000_000  # a whole proteome, whose candidates fill all batches and threads
    needs_profile_match = False
    has_runtime = True

    def __init__(
        self,
        name: str,
        profiles: Sequence[Profile],
        runtime: Runtime | None = None,
        checksum: str | None = None,
        dimension: int | None = None,
    ) -> None:
        self.name = esm2_weights.checked_name(name)
        self.profiles = profiles
        self.runtime = runtime or Runtime()
        self._checksum = checksum
        self._dimension = dimension
        self._model: LanguageModel | None = None

    @classmethod
    def from_name(
        cls,
        name: str,
        base: Encoder,
        runtime: Runtime | None = None,
        checksum: str | None = None,
        dimension: int | None = None,
    ) -> "ESM2Encoder":
        """Make an ESM-2 from its name, with the profiles of another encoder."""
        return cls(name, base.profiles, runtime, checksum, dimension)

    @classmethod
    def from_tree(
        cls, tree: StoredTree, profiles: Sequence[Profile], runtime: Runtime | None = None
    ) -> "ESM2Encoder":
        """Make an ESM-2 from what a model file contains about it."""
        weights = tree["weights"]
        return cls(tree["name"], profiles, runtime, weights["sha256"], weights["dimension"])

    def to_tree(self) -> Tree:
        """Return what a model file contains about the ESM-2, beside its name and profiles."""
        return {"weights": {"sha256": self.checksum, "dimension": self.dimension}}

    @functools.cached_property
    def screen(self) -> str:
        """SHA-256 of the profiles."""
        return profiles_checksum(self.profiles)

    @property
    def checksum(self) -> str:
        """SHA-256 of the weight file. If it is not known, the weights are loaded."""
        if self._checksum is None:
            self.ready()
        assert self._checksum is not None
        return self._checksum

    @property
    def dimension(self) -> int:
        """Length of a vector. If it is not known, the weights are loaded."""
        return self.ready().dimension if self._dimension is None else self._dimension

    @property
    def precision(self) -> str:
        """Precision of the matrix products, such as ``float32``."""
        where = device.resolve(self.runtime.device or "auto")
        return resolve_precision(self.runtime.precision, where)

    @property
    def parts(self) -> list[VectorPart]:
        """One part, whose axes have no common scale."""
        return [VectorPart(self.dimension, standardise=True)]

    def ready(self) -> LanguageModel:
        """Load the weights, if they are not loaded yet.

        Raises:
            ModelError: If the weights are absent, damaged, of another size, or not the ones with
                which the model was trained.
        """
        if self._model is None:
            path = esm2_weights.locate(self.name, self.runtime.weights)
            checked = os.stat(path)
            checksum = esm2_weights.sha256(path)
            if self._checksum not in (None, checksum):
                raise ModelError.at(
                    path,
                    f"weights with SHA-256 {checksum[:12]}",
                    f"{self.checksum[:12]}, with which the model was trained",
                )

            def load_checked() -> "tuple[esm.ESM2, esm.data.Alphabet]":
                loaded = load(path, self.name)
                if _version(os.stat(path)) != _version(checked):
                    raise ModelError.at(path, "a file that changes", "the file that was checked")
                return loaded

            self._model = LanguageModel(load_checked, self.runtime)
            self._checksum = checksum
            self._dimension = self._model.dimension
        return self._model

    def window_count(self, length_aa: int) -> int:
        """Return the number of windows that cover a protein of this length, residues."""
        return len(windows.spans(length_aa))

    def encode(
        self,
        proteins: Iterable[ScreenedProtein],
        threads: int = 1,
        finished: Container[str] = (),
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Compute the vectors of proteins, the longest first. Each sequence is computed once.

        Args:
            proteins: Screened proteins.
            threads: CPU threads; without effect on a GPU.
            finished: Sequences that an earlier run computed. They keep their place in the
                batches, so that all other sequences get the same vectors as in that run. A batch
                of finished sequences alone is not computed.

        Yields:
            (sequence, (dimension,) vector).
        """
        sequences = list(dict.fromkeys(protein.record.sequence for protein in proteins))
        if all(sequence in finished for sequence in sequences):
            return
        model = self.ready()
        # Divide all sequences into windows, and these into batches.
        planned = batches(
            windows.longest_first(sequences), windows.width, lambda: model.batch_residues
        )
        needed = (
            batch
            for batch in planned
            if any(sequences[window.protein] not in finished for window in batch)
        )
        # Collect the vectors of the windows, each (dimension,), by protein and start of the
        # window. When the last window of a protein is computed, add them up.
        counts = [self.window_count(len(sequence)) for sequence in sequences]
        incomplete: dict[int, dict[int, NDArray[np.float32]]] = collections.defaultdict(dict)
        for batch, vectors in model.run(needed, sequences, threads):
            for window, vector in zip(batch, vectors):
                vector_at = incomplete[window.protein]
                vector_at[window.start] = vector
                if len(vector_at) < counts[window.protein]:
                    continue
                del incomplete[window.protein]
                sequence = sequences[window.protein]
                if sequence not in finished:
                    yield sequence, _sum_in_order(vector_at)


def _version(status: os.stat_result) -> tuple[int, ...]:
    """Return what is different after any change of a file."""
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _sum_in_order(vector_at: Mapping[int, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Add up the vectors of a protein's windows from the first to the last.

    The order is fixed, because the last bits of a sum depend on it.

    Args:
        vector_at: Start of each window → (dimension,) vector.
    """
    total = np.zeros_like(next(iter(vector_at.values())))
    for start in sorted(vector_at):
        total = total + vector_at[start]
    return total


def load(path: Path, name: str) -> "tuple[esm.ESM2, esm.data.Alphabet]":
    """Load a weight file in fair-esm's layout, without executing anything in it.

    Args:
        path: Path of the weight file.
        name: Name of the ESM-2. If it is a released one, the file must have its size.

    Returns:
        (network, alphabet).

    Raises:
        ModelError: If the file is damaged, contains something else, or has another size than the
            name says, or if there is not enough memory.
        MissingDependency: If fair-esm is not installed, or another package is in its place.
    """
    load_model_and_alphabet = _fair_esm()
    try:
        data = esm2_layout.read(path)
        config = data["cfg"]["model"]
        size = (config.encoder_layers, config.encoder_embed_dim)
        released_size = esm2_weights.SIZES.get(name)
        if released_size not in (None, size):
            raise ModelError.at(
                path,
                "an ESM-2 of {} layers and {} dimensions".format(*size),
                "{} layers and {} dimensions, {}".format(*released_size, name),
            )
        with warnings.catch_warnings():
            # Those weights predict contacts, and nothing here does.
            warnings.filterwarnings("ignore", "Regression weights not found")
            return load_model_and_alphabet("esm2", data, None)
    except (RuntimeError, MemoryError) as error:  # torch raises both if memory is short
        reason = (str(error) or "MemoryError").splitlines()[0][:200]
        raise ModelError(f"{path}: cannot be loaded ({reason})") from None


def _fair_esm() -> "Callable[..., tuple[esm.ESM2, esm.data.Alphabet]]":
    """Return the function of fair-esm that builds the network of a weight file.

    Raises:
        MissingDependency: If fair-esm is not installed, or another package is in its place.
    """
    try:
        from esm import ESM2  # noqa: F401 — the other package called esm has no such name
        from esm.pretrained import load_model_and_alphabet_core
    except ImportError:
        if importlib.util.find_spec("esm"):
            raise MissingDependency(
                "another package called esm is installed in the place of fair-esm: "
                "pip uninstall esm && pip install --force-reinstall --no-deps fair-esm"
            ) from None
        raise MissingDependency("fair-esm is not installed: pip install fair-esm") from None
    return load_model_and_alphabet_core


def save(
    model: "esm.ESM2",
    path: Path,
    dtype: torch.dtype = torch.float32,
    **more: Mapping[str, object],
) -> None:
    """Write the weights of a network in fair-esm's layout, without those of the contact head.

    Args:
        model: Network.
        path: Path of the file, which appears when it is complete.
        dtype: Type of the parameters in the file.
        more: Further parts of the file, dictionaries of texts and numbers. fair-esm ignores them.
    """
    config = argparse.Namespace(
        encoder_layers=model.num_layers,
        encoder_embed_dim=model.embed_dim,
        encoder_attention_heads=model.attention_heads,
        token_dropout=model.token_dropout,
    )
    # Parameters get the wanted type; the other tensors of the network keep theirs. One parameter
    # has two names: lm_head.weight is embed_tokens.weight.
    tensors = model.state_dict()
    for name, value in model.named_parameters(remove_duplicate=False):
        tensors[name] = value.detach().to(dtype)
    state = {}
    for name, value in tensors.items():
        if not name.startswith("contact_head"):
            prefix = "encoder." if name.startswith("lm_head") else "encoder.sentence_encoder."
            state[prefix + name] = value.cpu()
    with atomic_path(path) as target, open(target, "wb") as handle:
        torch.save({"cfg": {"model": config}, "model": state, **more}, handle)
