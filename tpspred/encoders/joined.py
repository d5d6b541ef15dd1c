"""The profile encoder's vector and a language model's, one behind the other."""

import dataclasses
from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..family.profiles import Profile
from ..family.screening import ScreenedProtein
from .esm2 import ESM2Encoder
from .profile import ProfileEncoder
from .protocol import Encoder, Tree, VectorPart, register
from .runtime import Runtime

LANGUAGE_MODEL_SHARE = 0.1  # of the similarity of two proteins


@register(r"profile\+esm2_.*")
class JoinedEncoder:
    """Both encoders behind the same profiles; the weights are loaded when first needed.

    Attributes:
        profile: The profile encoder.
        language_model: The language model.
        profiles: Family profiles that screen the proteins.
        screen: SHA-256 of the profiles.
    """

    pooling = f"{ProfileEncoder.pooling}; {ESM2Encoder.pooling}"
    batch_residues = ESM2Encoder.batch_residues
    needs_profile_match = True
    has_runtime = True

    def __init__(self, profile: ProfileEncoder, language_model: ESM2Encoder) -> None:
        self.profile = profile
        self.language_model = language_model
        self.name = f"{profile.name}+{language_model.name}"
        self.profiles = profile.profiles
        self.screen = profile.screen

    @classmethod
    def from_name(
        cls,
        name: str,
        base: Encoder,
        runtime: Runtime | None = None,
        checksum: str | None = None,
        dimension: int | None = None,
    ) -> "JoinedEncoder":
        """Join the ESM-2 of a name to the profile encoder of a file.

        Raises:
            ModelError: If the encoder of the file is not the profile encoder.
        """
        if not isinstance(base, ProfileEncoder):
            raise ModelError.at(
                name,
                f"an encoder named {base.name}",
                f"the {ProfileEncoder.name} encoder to join with",
            )
        language_model = ESM2Encoder(
            _second(name),
            base.profiles,
            runtime,
            checksum and _second(checksum),
            dimension and dimension - base.dimension,
        )
        return cls(base, language_model)

    @classmethod
    def from_tree(
        cls, tree: Tree, profiles: Sequence[Profile], runtime: Runtime | None = None
    ) -> "JoinedEncoder":
        """Make the encoder from what a model file contains about it."""
        profile = ProfileEncoder.from_tree(tree, profiles)
        named = tree | {"name": _second(tree["name"])}
        return cls(profile, ESM2Encoder.from_tree(named, profiles, runtime))

    def to_tree(self) -> Tree:
        """Return what a model file contains about it, beside its name and profiles."""
        return self.profile.to_tree() | self.language_model.to_tree()

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self.profile.dimension + self.language_model.dimension

    @property
    def checksum(self) -> str:
        """Checksums of both, with ``+`` between them."""
        return f"{self.profile.checksum}+{self.language_model.checksum}"

    @property
    def precision(self) -> str:
        """Precision of the language model's matrix products."""
        return self.language_model.precision

    @property
    def parts(self) -> list[VectorPart]:
        """The parts of both, each with its share in the similarity."""
        (first,), (second,) = self.profile.parts, self.language_model.parts
        return [
            dataclasses.replace(first, share=1 - LANGUAGE_MODEL_SHARE),
            dataclasses.replace(second, share=LANGUAGE_MODEL_SHARE),
        ]

    def ready(self) -> object:
        """Load the language model's weights, if they are not loaded yet."""
        return self.language_model.ready()

    def window_count(self, length_aa: int) -> int:
        """Return in how many passes of the language model a protein of this length is computed."""
        return self.language_model.window_count(length_aa)

    def encode(
        self,
        proteins: Iterable[ScreenedProtein],
        threads: int = 1,
        finished: Container[str] = (),
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Compute vectors, of the longest proteins first; each sequence is computed once.

        Args:
            proteins: Screened proteins with at least one hit each.
            threads: CPU threads; without effect on a GPU.
            finished: Sequences that an earlier run computed.

        Yields:
            (sequence, (dimension,) vector).
        """
        proteins = list({protein.record.sequence: protein for protein in proteins}.values())
        aligned = dict(self.profile.encode(proteins, threads, finished))
        for sequence, vector in self.language_model.encode(proteins, threads, finished):
            yield sequence, np.concatenate([aligned.pop(sequence), vector])


def _second(text: str) -> str:
    """Return what follows the ``+`` in a name or checksum."""
    return text.partition("+")[2]
