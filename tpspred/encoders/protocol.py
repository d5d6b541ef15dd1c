"""What an encoder is, and the registry of the encoders that exist.

An encoder turns a screened protein into one vector. To add one, write a class that fulfils
:class:`Encoder`, decorate it with :func:`register`, and name its module in :data:`MODULES`.
"""

import dataclasses
import importlib
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..family.profiles import Profile
from ..family.screening import ScreenedProtein
from ..io.store import EncoderIdentity
from .runtime import Runtime

Tree = dict[str, Any]  # nested dictionaries of arrays and JSON values, as a model file has them

# Modules of this room that register an encoder, the fastest to import first.
MODULES = ("profile", "esm2", "joined")


@dataclasses.dataclass(frozen=True)
class VectorPart:
    """A part of an encoder's vector, such as that of one of two joined encoders.

    Attributes:
        width: Number of axes.
        standardise: Whether each axis is scaled by itself, because the axes have no common scale.
        share: Weight of the part in the similarity of two proteins, 0–1.
    """

    width: int
    standardise: bool
    share: float = 1.0


class Encoder(EncoderIdentity, Protocol):
    """Turns screened proteins into one vector each.

    Attributes:
        profiles: Family profiles that screen the proteins.
        dimension: Length of a vector.
        parts: The parts of a vector, in order.
        batch_residues: Residues of the stream that the encoder is given at a time.
        needs_profile_match: Whether it has no vector for a protein that matches no profile.
        has_runtime: Whether the choices of :class:`Runtime` mean anything to it.
    """

    batch_residues: int
    needs_profile_match: bool
    has_runtime: bool

    @property
    def profiles(self) -> Sequence[Profile]: ...  # noqa: D102

    @property
    def dimension(self) -> int: ...  # noqa: D102

    @property
    def parts(self) -> Sequence[VectorPart]: ...  # noqa: D102

    @classmethod
    def from_name(
        cls,
        name: str,
        base: "Encoder",
        runtime: Runtime | None = None,
        checksum: str | None = None,
        dimension: int | None = None,
    ) -> "Encoder":
        """Make the encoder of a name.

        Args:
            name: Name of the encoder.
            base: Encoder of a file, whose profiles screen the proteins.
            runtime: How a language model runs.
            checksum: SHA-256 of its weights, if it is known.
            dimension: Length of its vectors, if it is known.
        """
        ...

    @classmethod
    def from_tree(
        cls, tree: Tree, profiles: Sequence[Profile], runtime: Runtime | None = None
    ) -> "Encoder":
        """Make the encoder from what a model file contains about it."""
        ...

    def to_tree(self) -> Tree:
        """Return what a model file contains about it, beside its name and profiles."""
        ...

    def ready(self) -> object:
        """Load what it needs, such as weights."""
        ...

    def window_count(self, length_aa: int) -> int:
        """Return in how many passes a protein of this length is computed."""
        ...

    def encode(
        self,
        proteins: Iterable[ScreenedProtein],
        threads: int = 1,
        finished: Container[str] = (),
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Compute vectors.

        Args:
            proteins: Screened proteins.
            threads: CPU threads; the vectors do not depend on them.
            finished: Sequences whose vectors are known and not wanted.

        Yields:
            (sequence, (dimension,) vector), each sequence once.
        """
        ...


EncoderClass = TypeVar("EncoderClass", bound=type)
_registry: list[tuple[re.Pattern[str], type[Encoder]]] = []


def register(names: str) -> Callable[[EncoderClass], EncoderClass]:
    """Return a class decorator that registers an encoder.

    Args:
        names: Regular expression of the names of its encoders.
    """

    def decorate(encoder: EncoderClass) -> EncoderClass:
        _registry.append((re.compile(names), encoder))
        return encoder

    return decorate


def encoder_class(name: str) -> type[Encoder] | None:
    """Return the class whose encoders have such a name, or None.

    A module is imported only if the name is none of those before it: torch starts with ESM-2.
    """
    for module in MODULES:
        importlib.import_module(f".{module}", __package__)
        for names, encoder in _registry:
            if names.fullmatch(name):
                return encoder
    return None


def encoder_by_name(
    name: str,
    base: Encoder,
    runtime: Runtime | None = None,
    checksum: str | None = None,
    dimension: int | None = None,
) -> Encoder:
    """Make an encoder by its name; the arguments are those of :meth:`Encoder.from_name`.

    Raises:
        ModelError: If no encoder has such a name.
    """
    found = encoder_class(name)
    if found is None:
        raise ModelError.at("encoder", name, "profile, esm2_* or profile+esm2_*")
    return found.from_name(name, base, runtime, checksum, dimension)


def part_slices(parts: Iterable[VectorPart]) -> Iterator[tuple[VectorPart, slice]]:
    """Yield every part with its slice of the vector.

    >>> parts = [VectorPart(3, True, 0.4), VectorPart(2, False, 0.6)]
    >>> [(part.share, columns) for part, columns in part_slices(parts)]
    [(0.4, slice(0, 3, None)), (0.6, slice(3, 5, None))]
    """
    begin = 0
    for part in parts:
        yield part, slice(begin, begin + part.width)
        begin += part.width
