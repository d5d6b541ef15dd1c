"""ESM-2, a protein language model, as an encoder. Lin et al. 2023, 10.1126/science.ade2574

The vector of a protein is the mean of the last layer over its residues. fair-esm loads the weights and holds the network.
"""

import argparse
import collections
import functools
import importlib.util
import pickle
import warnings

import torch

from .. import device
from ..errors import MissingDependency, ModelError
from ..family import profiles as family_profiles
from ..io import files
from . import esm2_weights, windows
from .esm2_forward import LanguageModel, Runtime, resolve_precision
from .vector_parts import Block


class ESM2Encoder:
    """An ESM-2 by name and checksum, behind the screen of family profiles; its weights are loaded when first needed.

    Attributes:
        profiles: List of profiles.Profile, the screen.
        checksum, dimension: SHA-256 of the weight file and numbers per vector; None before ``ready``, if they come from
            no model.
    """

    pooling = f"mean over residues, windows of {windows.LENGTH} overlapping by {windows.OVERLAP}"
    unit_residues = 20_000_000  # a proteome at a time: its candidates fill batches and threads

    def __init__(self, name, profiles, runtime=None, checksum=None, dimension=None):
        self.name, self.profiles, self.runtime = name, profiles, Runtime(**(runtime or {}))
        self.checksum, self.dimension = checksum, dimension
        self._model = None

    @classmethod
    def from_tree(cls, tree, profiles, runtime=None):
        """From what a model file keeps of it."""
        return cls(
            tree["name"], profiles, runtime, tree["weights"]["sha256"], tree["weights"]["dimension"]
        )

    def to_tree(self):
        """What a model file keeps of it, beside its name and profiles."""
        return {"weights": {"sha256": self.checksum, "dimension": self.dimension}}

    @functools.cached_property
    def screen(self):
        """SHA-256 of the profiles."""
        return family_profiles.checksum(self.profiles)

    @property
    def precision(self):
        """Name of the precision of the matrix products."""
        return resolve_precision(self.runtime.precision, device.resolve(self.runtime.device))

    @property
    def blocks(self):
        """One; its axes have no scale of their own."""
        return [Block(self.dimension, True)]

    def ready(self):
        """Load the weights, if they are not.

        Returns:
            LanguageModel.

        Raises:
            ModelError: If they are absent, damaged, of another size, or not those that the model was trained with.
        """
        if self._model is None:
            path = esm2_weights.locate(self.name, self.runtime.weights)
            found = esm2_weights.sha256(path)
            if self.checksum not in (None, found):
                raise ModelError.at(
                    path,
                    f"weights with SHA-256 {found[:12]}",
                    f"{self.checksum[:12]}, with which the model was trained",
                )
            self._model = LanguageModel(lambda: load(path, self.name), self.runtime)
            self.checksum, self.dimension = found, self._model.dimension
        return self._model

    def window_count(self, length_aa):
        """Number of passes that a protein takes."""
        return len(windows.spans(length_aa))

    def encode(self, views, threads=1, finished=()):
        """Vectors of proteins, longest first; the same sequence is computed once.

        Args:
            views: Iterable of features.View.
            threads: CPU threads; without effect on a GPU.
            finished: Sequences that an earlier run computed: they keep their place in the batches, so that the others come
                out as they would have, and a batch of nothing else is left out.

        Yields:
            (sequence, (dimension,) float32).
        """
        sequences = list(dict.fromkeys(view.record.sequence for view in views))
        if all(sequence in finished for sequence in sequences):
            return
        model = self.ready()
        missing = {i: self.window_count(len(sequence)) for i, sequence in enumerate(sequences)}
        parts = collections.defaultdict(dict)
        planned = windows.batches(windows.longest_first(sequences), lambda: model.batch_residues)
        wanted = (
            batch
            for batch in planned
            if any(sequences[window.protein] not in finished for window in batch)
        )
        for batch, vectors in model.run(wanted, sequences, threads):
            for window, vector in zip(batch, vectors):
                found = parts[window.protein]
                found[window.start] = vector
                if len(found) == missing[window.protein]:
                    del parts[window.protein]
                    if sequences[window.protein] not in finished:
                        yield (
                            sequences[window.protein],
                            sum(found[start] for start in sorted(found)),
                        )


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
