"""The joined encoder, whose vector is the profile encoder's followed by a language model's."""

import dataclasses
from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..family.profiles import Profile
from ..family.screening import ScreenedProtein
from ..io.tree import StoredTree, Tree
from .esm2 import ESM2Encoder
from .profile import ProfileEncoder
from .protocol import Encoder, VectorPart, register
from .runtime import Runtime

LANGUAGE_MODEL_SHARE = 0.1  # share of the language model in the similarity of two proteins


@register(r"profile\+esm2_.*")
class JoinedEncoder:
    """A profile encoder and an ESM-2 that share the profiles which screen the proteins.

    Attributes:
        profile: The profile encoder, the first part of the vector.
        language_model: The ESM-2, the second part. Its weights are loaded when first needed.
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
        """Join an ESM-2, by its name, to the profile encoder of a file.

        Args:
            name: Name such as ``profile+esm2_t33_650M_UR50D``.
            base: Profile encoder of a file.
            runtime: How the language model runs.
            checksum: Checksum of the joined encoder, if it is known.
            dimension: Length of the joined vector, if it is known.

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
        cls, tree: StoredTree, profiles: Sequence[Profile], runtime: Runtime | None = None
    ) -> "JoinedEncoder":
        """Make the joined encoder from what a model file contains about it."""
        profile = ProfileEncoder.from_tree(tree, profiles)
        weights = tree["weights"]
        language_model = ESM2Encoder(
            _second(tree["name"]), profiles, runtime, weights["sha256"], weights["dimension"]
        )
        return cls(profile, language_model)

    def to_tree(self) -> Tree:
        """Return what a model file contains about both encoders, beside name and profiles."""
        return {**self.profile.to_tree(), **self.language_model.to_tree()}

    @property
    def dimension(self) -> int:
        """Length of the joined vector."""
        return self.profile.dimension + self.language_model.dimension

    @property
    def checksum(self) -> str:
        """Checksums of the two encoders, with ``+`` between them."""
        return f"{self.profile.checksum}+{self.language_model.checksum}"

    @property
    def precision(self) -> str:
        """Precision of the language model's matrix products."""
        return self.language_model.precision

    @property
    def parts(self) -> list[VectorPart]:
        """The vectors of the two encoders, each with its share in the similarity."""
        (first,), (second,) = self.profile.parts, self.language_model.parts
        return [
            dataclasses.replace(first, share=1 - LANGUAGE_MODEL_SHARE),
            dataclasses.replace(second, share=LANGUAGE_MODEL_SHARE),
        ]

    def ready(self) -> object:
        """Load the language model's weights, if they are not loaded yet."""
        return self.language_model.ready()

    def window_count(self, length_aa: int) -> int:
        """Return the number of windows in which the ESM-2 computes a protein of this length."""
        return self.language_model.window_count(length_aa)

    def encode(
        self,
        proteins: Iterable[ScreenedProtein],
        threads: int = 1,
        finished: Container[str] = (),
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Compute the vectors of proteins, the longest first. Each sequence is computed once.

        Args:
            proteins: Screened proteins with at least one hit each.
            threads: CPU threads; without effect on a GPU.
            finished: Sequences that an earlier run computed.

        Yields:
            (sequence, (dimension,) vector).
        """
        protein_of = {protein.record.sequence: protein for protein in proteins}
        distinct = list(protein_of.values())
        profile_vectors = dict(self.profile.encode(distinct, threads, finished))
        for sequence, vector in self.language_model.encode(distinct, threads, finished):
            yield sequence, np.concatenate([profile_vectors.pop(sequence), vector])


def _second(text: str) -> str:
    """Return the part of a name or checksum that follows the ``+``.

    >>> _second("profile+esm2_t6_8M_UR50D")
    'esm2_t6_8M_UR50D'
    """
    return text.partition("+")[2]
