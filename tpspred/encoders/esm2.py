"""ESM-2, a protein language model, as an encoder. Lin et al. 2023, 10.1126/science.ade2574

The vector of a protein is the mean of the last layer over its residues. fair-esm loads the weights and holds the network.
"""

import argparse
import collections
import functools
import importlib.util
import pickle
import warnings
from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .. import device
from ..errors import MissingDependency, ModelError
from ..family.profiles import Profile
from ..family.profiles import checksum as profiles_checksum
from ..family.screening import ScreenedProtein
from ..io import files
from ..io.batching import batches
from . import esm2_weights, windows
from .esm2_forward import LanguageModel, resolve_precision
from .protocol import Encoder, Tree, VectorPart, register
from .runtime import Runtime


@register(r"esm2_.*")
class ESM2Encoder:
    """An ESM-2 behind the screen of family profiles; its weights are loaded when first needed.

    Args:
        name: Name such as ``esm2_t33_650M_UR50D``.
        profiles: Family profiles that screen the proteins.
        runtime: How it runs.
        checksum: SHA-256 that the weight file must have, if it is known.
        dimension: Length of a vector, if it is known.
    """

    pooling = f"mean over residues, windows of {windows.LENGTH} overlapping by {windows.OVERLAP}"
    batch_residues = 20_000_000  # a proteome at a time: its candidates fill batches and threads
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
        self.name = name
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
        """Make the ESM-2 of a name behind the profiles of another encoder."""
        return cls(name, base.profiles, runtime, checksum, dimension)

    @classmethod
    def from_tree(
        cls, tree: Tree, profiles: Sequence[Profile], runtime: Runtime | None = None
    ) -> "ESM2Encoder":
        """Make the encoder from what a model file contains about it."""
        weights = tree["weights"]
        return cls(tree["name"], profiles, runtime, weights["sha256"], weights["dimension"])

    def to_tree(self) -> Tree:
        """Return what a model file contains about it, beside its name and profiles."""
        return {"weights": {"sha256": self.checksum, "dimension": self.dimension}}

    @functools.cached_property
    def screen(self) -> str:
        """SHA-256 of the profiles."""
        return profiles_checksum(self.profiles)

    @property
    def checksum(self) -> str:
        """SHA-256 of the weight file, which is loaded if the checksum is not known."""
        if self._checksum is None:
            self.ready()
        assert self._checksum is not None
        return self._checksum

    @property
    def dimension(self) -> int:
        """Length of a vector; the weights are loaded if it is not known."""
        return self.ready().dimension if self._dimension is None else self._dimension

    @property
    def precision(self) -> str:
        """Name of the precision of the matrix products."""
        where = device.resolve(self.runtime.device or "auto")
        return resolve_precision(self.runtime.precision, where)

    @property
    def parts(self) -> list[VectorPart]:
        """One part, whose axes have no common scale."""
        return [VectorPart(self.dimension, standardise=True)]

    def ready(self) -> LanguageModel:
        """Load the weights, if they are not loaded yet.

        Raises:
            ModelError: If the weights are absent, damaged, of another size, or not those that the
                model was trained with.
        """
        if self._model is None:
            path = esm2_weights.locate(self.name, self.runtime.weights)
            checksum = esm2_weights.sha256(path)
            if self._checksum not in (None, checksum):
                raise ModelError.at(
                    path,
                    f"weights with SHA-256 {checksum[:12]}",
                    f"{self.checksum[:12]}, with which the model was trained",
                )
            self._model = LanguageModel(lambda: load(path, self.name), self.runtime)
            self._checksum, self._dimension = checksum, self._model.dimension
        return self._model

    def window_count(self, length_aa: int) -> int:
        """Return in how many passes a protein of this length is computed."""
        return len(windows.spans(length_aa))

    def encode(
        self,
        proteins: Iterable[ScreenedProtein],
        threads: int = 1,
        finished: Container[str] = (),
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Compute vectors, of the longest proteins first; each sequence is computed once.

        Args:
            proteins: Screened proteins.
            threads: CPU threads; without effect on a GPU.
            finished: Sequences that an earlier run computed. They keep their place in the
                batches, so that the others get the vectors that they would have got in that run;
                a batch that contains nothing else is not computed.

        Yields:
            (sequence, (dimension,) vector).
        """
        sequences = list(dict.fromkeys(protein.record.sequence for protein in proteins))
        if all(sequence in finished for sequence in sequences):
            return
        model = self.ready()
        missing = {i: self.window_count(len(sequence)) for i, sequence in enumerate(sequences)}
        planned = batches(
            windows.longest_first(sequences), windows.width, lambda: model.batch_residues
        )
        wanted = (
            batch
            for batch in planned
            if any(sequences[window.protein] not in finished for window in batch)
        )
        # A protein is done when the last of its windows is: their vectors add up to its own.
        vectors_of: dict[int, dict[int, NDArray[np.float32]]] = collections.defaultdict(dict)
        for batch, vectors in model.run(wanted, sequences, threads):
            for window, vector in zip(batch, vectors):
                own = vectors_of[window.protein]
                own[window.start] = vector
                if len(own) == missing[window.protein]:
                    del vectors_of[window.protein]
                    sequence = sequences[window.protein]
                    if sequence not in finished:
                        yield sequence, sum(own[start] for start in sorted(own))


def load(path, name):
    """Load a weight file in fair-esm's layout, without executing anything in it.

    Returns:
        (esm.ESM2, alphabet).

    Raises:
        ModelError: If the file is cut short, holds something else, or another size than the name says.
        MissingDependency: If fair-esm is not there or hidden by another package.
    """
    core = _fair_esm()
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            data = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        raise ModelError.at(
            path, "objects that are no weights", "ESM-2 weights of fair-esm (.pt)"
        ) from None
    except (RuntimeError, EOFError, ValueError, OSError) as error:
        raise ModelError.at(
            path,
            f"a file that is cut short or damaged ({str(error).splitlines()[0].partition('. ')[0]})",
            "ESM-2 weights of fair-esm (.pt), whole",
        ) from None
    if not isinstance(data, dict) or not {"cfg", "model"} <= set(data):
        raise ModelError.at(
            path, "weights of another model", "ESM-2 weights of fair-esm (parts cfg and model)"
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Regression weights not found"
            )  # contacts are not predicted here
            model, alphabet = core("esm2", data, None)
    except (RuntimeError, KeyError, AttributeError, TypeError) as error:
        raise ModelError.at(
            path,
            f"a network that ESM-2 cannot hold ({str(error).splitlines()[0][:200]})",
            "ESM-2 weights of fair-esm",
        ) from None
    found, wanted = (model.num_layers, model.embed_dim), esm2_weights.SIZES.get(name)
    if wanted not in (None, found):
        raise ModelError.at(
            path,
            "an ESM-2 of {} layers and {} dimensions".format(*found),
            "{} layers and {} dimensions, {}".format(*wanted, name),
        )
    return model, alphabet


def _fair_esm():
    try:
        from esm import ESM2  # noqa: F401
        from esm.pretrained import load_model_and_alphabet_core
    except ImportError:
        if importlib.util.find_spec("esm"):
            raise MissingDependency(
                "the package esm of another vendor stands where fair-esm should: "
                "pip uninstall esm && pip install --force-reinstall --no-deps fair-esm"
            ) from None
        raise MissingDependency("fair-esm is not installed: pip install fair-esm") from None
    return load_model_and_alphabet_core


def save(model, path, dtype=torch.float32, **more):
    """Write an esm.ESM2 in fair-esm's layout, without the contact head.

    Args:
        model: esm.ESM2.
        path: File that appears whole.
        dtype: Of the parameters in the file.
        more: What else the file is to say, dictionaries of texts and numbers; fair-esm reads over it.
    """
    config = argparse.Namespace(
        encoder_layers=model.num_layers,
        encoder_embed_dim=model.embed_dim,
        encoder_attention_heads=model.attention_heads,
        token_dropout=model.token_dropout,
    )
    state = model.state_dict() | {
        name: value.detach().to(dtype) for name, value in model.named_parameters()
    }
    state = {
        ("encoder." if name.startswith("lm_head") else "encoder.sentence_encoder.")
        + name: value.cpu()
        for name, value in state.items()
        if not name.startswith("contact_head")
    }
    with files.atomic_path(path) as target, open(target, "wb") as handle:
        torch.save({"cfg": {"model": config}, "model": state, **more}, handle)
