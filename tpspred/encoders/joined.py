"""The profile encoder's vector and a language model's, one behind the other."""

import numpy as np

from .esm2 import ESM2Encoder
from .profile import ProfileEncoder

LANGUAGE_MODEL_SHARE = 0.1  # of the similarity of two proteins


class JoinedEncoder:
    """Both encoders behind the screen of the same profiles; the language model's weights are loaded when first needed.

    Attributes:
        profile: ProfileEncoder.
        language_model: ESM2Encoder.
    """

    unit_residues = ESM2Encoder.unit_residues
    pooling = f"{ProfileEncoder.pooling}; {ESM2Encoder.pooling}"

    def __init__(self, profile, language_model):
        self.profile, self.language_model = profile, language_model
        self.name = f"{profile.name}+{language_model.name}"
        self.profiles, self.screen = profile.profiles, profile.screen

    @classmethod
    def from_tree(cls, tree, library, runtime=None):
        """From what a model file keeps of it."""
        name = tree["name"].partition("+")[2]
        return cls(
            ProfileEncoder.from_tree(tree, library),
            ESM2Encoder.from_tree(tree | {"name": name}, library, runtime),
        )

    def to_tree(self):
        """What a model file keeps of it, beside its name and profiles."""
        return self.profile.to_tree() | self.language_model.to_tree()

    @property
    def dimension(self):
        """Numbers per vector."""
        return self.profile.dimension + self.language_model.dimension

    @property
    def checksum(self):
        """Those of both."""
        return f"{self.profile.checksum}+{self.language_model.checksum}"

    @property
    def precision(self):
        """That of the language model's matrix products."""
        return self.language_model.precision

    @property
    def blocks(self):
        """Those of both, as a part of the whole."""
        (one,), (other,) = self.profile.blocks, self.language_model.blocks
        return [
            one._replace(share=1 - LANGUAGE_MODEL_SHARE),
            other._replace(share=LANGUAGE_MODEL_SHARE),
        ]

    def ready(self):
        """Load the weights, if they are not."""
        return self.language_model.ready()

    def window_count(self, length_aa):
        """Number of passes of the language model that a protein takes."""
        return self.language_model.window_count(length_aa)

    def encode(self, views, threads=1, finished=()):
        """Vectors of proteins, longest first; the same sequence is computed once.

        Args:
            views: Iterable of features.View with at least one hit each.
            finished: Sequences that an earlier run computed.

        Yields:
            (sequence, (dimension,) float32).
        """
        views = list({view.record.sequence: view for view in views}.values())
        aligned = dict(self.profile.encode(views, threads, finished))
        for sequence, vector in self.language_model.encode(views, threads, finished):
            yield sequence, np.concatenate([aligned.pop(sequence), vector])
