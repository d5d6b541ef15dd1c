"""Characterised enzymes in the encoder's space: the nearest ones, and what similar ones vote for."""

import dataclasses

import numpy as np

from .calibration import log_odds

SHARPNESS = 20.0        # of a vote: an enzyme less similar by 0.05 weighs e times less
NO_FOLD = -1
LEAST_SHARE = 0.01      # a vote is no surer than this or its complement


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A characterised enzyme; similarity is the cosine of the two vectors that ``comparable`` gives, at most 1."""

    id: str
    accessions: tuple
    species: tuple
    products: tuple
    similarity: float


def comparable(embedding, encoder, scaling):
    """Embeddings whose dot product says how alike two proteins are: as they are, or standardised and of length one if their
    axes have no scale of their own.

    Args:
        embedding: (…, dimension).
        scaling: Of training.Fit.
    """
    if not encoder.standardise:
        return embedding
    standard = (embedding - scaling["embedding_mean"]) / scaling["embedding_scale"]
    return standard / length(standard)[..., None]


def length(vectors):
    """Length of each vector, (…, dimension) → (…), above 0."""
    return np.maximum(np.sqrt(np.einsum("...i,...i->...", vectors, vectors, dtype=np.float64)), 1e-9)


@dataclasses.dataclass(frozen=True)
class References:
    """The characterised enzymes a model knows: their vectors, never their sequences.

    Attributes:
        vectors: (enzymes, dimension) float16, length 1.
        about: One dictionary per enzyme: id, accessions, species, products.
        targets: (enzymes, labels) uint8 of 0 and 1.
        folds: (enzymes,) int8 fold of the training in which each is.
    """

    vectors: np.ndarray
    about: list
    targets: np.ndarray
    folds: np.ndarray

    @classmethod
    def of(cls, enzymes, vectors, targets, folds):
        """References from enzymes, their comparable vectors (enzymes, dimension), labels and folds."""
        return cls((vectors / length(vectors)[:, None]).astype(np.float16), [
            {"id": enzyme.id, "accessions": enzyme.accessions, "species": enzyme.species, "products": enzyme.products}
            for enzyme in enzymes], targets.astype(np.uint8), np.asarray(folds, np.int8))

    def similarity(self, vector):
        """(enzymes,) float64 dot product with a comparable vector; the same whatever is computed beside it."""
        return np.einsum("ij,j->i", self.vectors, vector, dtype=np.float64)

    def asked(self, left_out=None):
        """(enzymes,) bool, those outside a fold; all if it is None."""
        return self.folds != (NO_FOLD if left_out is None else left_out)

    def vote(self, similarity, left_out=None):
        """Logit of the share of each label among the enzymes, similar ones weighing more.

        Args:
            similarity: (enzymes,).
            left_out: A fold whose enzymes have no vote.

        Returns:
            (labels,) float64.
        """
        asked = self.asked(left_out)
        weight = np.where(asked, np.exp(SHARPNESS * (similarity - similarity[asked].max())), 0)
        return log_odds(np.einsum("i,ij->j", weight / weight.sum(), self.targets).clip(LEAST_SHARE, 1 - LEAST_SHARE))

    def nearest(self, similarity, count=1):
        """The most similar enzymes.

        Args:
            similarity: (enzymes,) cosines.

        Returns:
            List of Neighbour, best first, ties by order.
        """
        best = np.argsort(-similarity, kind="stable")[:count]
        return [self._neighbour(self.about[i], similarity[i]) for i in best]

    def _neighbour(self, about, similarity):
        names = (tuple(about[key]) for key in ("accessions", "species", "products"))
        return Neighbour(about["id"], *names, min(1.0, float(similarity)))    # float16 vectors are not quite of length 1
