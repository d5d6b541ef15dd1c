"""What every encoder offers, and the registry that finds an encoder by its name.

An encoder turns a screened protein into one vector. To add one, write a class that fulfils
:class:`Encoder`, decorate it with :func:`register`, and name its module in :data:`MODULES`.
"""

import dataclasses
import importlib
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..family.profiles import Profile
from ..family.screening import ScreenedProtein
from ..io.store import EncoderIdentity
from ..io.tree import StoredTree, Tree
from .runtime import Runtime

# Modules of this room that register an encoder, the fastest to import first.
MODULES = ("profile", "esm2", "joined")


@dataclasses.dataclass(frozen=True)
class VectorPart:
    """A part of an encoder's vector. Two joined encoders make two parts.

    Attributes:
        width: Number of axes, which is the length of the part.
        standardise: Whether each axis is scaled by itself, because the axes have no common scale.
        share: Weight of the part in the similarity of two proteins, 0–1.
    """

    width: int
    standardise: bool
    share: float = 1.0


class Encoder(EncoderIdentity, Protocol):
    """An encoder, which turns each screened protein into one vector.

    All attributes are read-only, so that a class may fulfil them with a constant, a property or
    an attribute of its instances.
    """

    @property
    def profiles(self) -> Sequence[Profile]:
        """Family profiles that screen the proteins."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def parts(self) -> Sequence[VectorPart]:
        """Parts of a vector, in order."""

    @property
    def batch_residues(self) -> int:
        """Number of residues that the encoder should get at a time from a stream of proteins."""

    @property
    def needs_profile_match(self) -> bool:
        """Whether a protein that matches no profile has no vector."""

    @property
    def has_runtime(self) -> bool:
        """Whether the options of :class:`Runtime` have any effect on the encoder."""

    @classmethod
    def from_name(
        cls,
        name: str,
        base: "Encoder",
        runtime: Runtime | None = None,
        checksum: str | None = None,
        dimension: int | None = None,
    ) -> "Encoder":
        """Make an encoder from its name.

        Args:
            name: Name of the encoder.
            base: Encoder of a file, whose profiles screen the proteins.
            runtime: How a language model runs.
            checksum: SHA-256 of the weights of the encoder, if it is known.
            dimension: Length of a vector, if it is known.
        """

    @classmethod
    def from_tree(
        cls, tree: StoredTree, profiles: Sequence[Profile], runtime: Runtime | None = None
    ) -> "Encoder":
        """Make an encoder from what a model file contains about it.

        Args:
            tree: The dictionary that :meth:`to_tree` returned, with the name of the encoder.
            profiles: Family profiles of the model file.
            runtime: How a language model runs.
        """

    def to_tree(self) -> Tree:
        """Return what a model file contains about the encoder, beside its name and profiles."""

    def ready(self) -> object:
        """Load what the encoder needs, such as weights."""

    def window_count(self, length_aa: int) -> int:
        """Return the number of passes that compute a protein of this length, residues."""

    def encode(
        self,
        proteins: Iterable[ScreenedProtein],
        threads: int = 1,
        finished: Container[str] = (),
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Compute the vectors of proteins.

        Args:
            proteins: Screened proteins.
            threads: CPU threads; the vectors do not depend on them.
            finished: Sequences whose vectors are known already and are not yielded.

        Yields:
            (sequence, (dimension,) vector).
        """


EncoderClass = TypeVar("EncoderClass", bound=type[Encoder])
_registry: list[tuple[re.Pattern[str], type[Encoder]]] = []


def register(names: str) -> Callable[[EncoderClass], EncoderClass]:
    """Return a class decorator that adds an encoder to the registry.

    Args:
        names: Regular expression that matches all names of such encoders.
    """

    def decorate(encoder: EncoderClass) -> EncoderClass:
        _registry.append((re.compile(names), encoder))
        return encoder

    return decorate


def encoder_class(name: str) -> type[Encoder] | None:
    """Return the class of the encoder with this name, or None if there is none.

    Modules are imported one after the other until one of them has such an encoder, so that the
    profile encoder is found without importing torch.

    >>> encoder_class("profile").__name__
    'ProfileEncoder'
    """
    for module in MODULES:
        importlib.import_module(f".{module}", __package__)
        for names, encoder in _registry:
            if names.fullmatch(name):
                return encoder
    return None


def known_names() -> str:
    """Return the names of the encoders that exist, for messages.

    >>> known_names()
    'profile, esm2_*, profile+esm2_*'
    """
    for module in MODULES:
        importlib.import_module(f".{module}", __package__)
    patterns = [names.pattern for names, _ in _registry]
    return ", ".join(pattern.replace(".*", "*").replace("\\", "") for pattern in patterns)


def encoder_by_name(
    name: str,
    base: Encoder,
    runtime: Runtime | None = None,
    checksum: str | None = None,
    dimension: int | None = None,
) -> Encoder:
    """Make an encoder from its name.

    Args:
        name: Name of the encoder, such as ``esm2_t33_650M_UR50D``.
        base: Encoder of a file, whose profiles screen the proteins.
        runtime: How a language model runs.
        checksum: SHA-256 of the weights of the encoder, if it is known.
        dimension: Length of a vector, if it is known.

    Raises:
        ModelError: If no encoder has this name.
    """
    named = encoder_class(name)
    if named is None:
        raise ModelError.at("encoder", name, known_names())
    return named.from_name(name, base, runtime, checksum, dimension)


def part_slices(parts: Iterable[VectorPart]) -> Iterator[tuple[VectorPart, slice]]:
    """Yield every part with the slice of the vector that it takes.

    >>> parts = [VectorPart(3, True, 0.4), VectorPart(2, False, 0.6)]
    >>> [(part.share, columns) for part, columns in part_slices(parts)]
    [(0.4, slice(0, 3, None)), (0.6, slice(3, 5, None))]
    """
    begin = 0
    for part in parts:
        yield part, slice(begin, begin + part.width)
        begin += part.width
