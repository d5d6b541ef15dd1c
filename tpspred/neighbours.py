"""Nearest characterised enzymes in the encoder's space."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A characterised enzyme; similarity is the cosine of the two vectors that ``comparable`` gives, at most 1."""

    id: str
    accessions: tuple
    species: tuple
    products: tuple
    similarity: float


def comparable(embedding, encoder, scaling):
    """Embeddings whose cosine says how alike two proteins are: as they are, or standardised if their axes have no scale.

    Args:
        embedding: (…, dimension).
        scaling: Of training.Fit.
    """
    if not encoder.standardise:
        return embedding
    return (embedding - scaling["embedding_mean"]) / scaling["embedding_scale"]


@dataclasses.dataclass(frozen=True)
class References:
    """The characterised enzymes a model knows: their vectors, never their sequences.

    Attributes:
        vectors: (enzymes, dimension) float16, length 1.
        about: One dictionary per enzyme: id, accessions, species, products.
    """

    vectors: np.ndarray
    about: list

    @classmethod
    def of(cls, enzymes, vectors):
        """References from enzymes and their comparable vectors, (enzymes, dimension)."""
        length = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return cls((vectors / length).astype(np.float16), [
            {"id": enzyme.id, "accessions": enzyme.accessions, "species": enzyme.species, "products": enzyme.products}
            for enzyme in enzymes])

    def nearest(self, vector, count=1):
        """The most similar enzymes.

        Args:
            vector: (dimension,), comparable.

        Returns:
            List of Neighbour, best first, ties by order.
        """
        query = vector / max(1e-9, float(np.sqrt(np.einsum("i,i->", vector, vector, dtype=np.float64))))
        similarity = np.einsum("ij,j->i", self.vectors, query, dtype=np.float64)
        best = np.argsort(-similarity, kind="stable")[:count]
        return [self._neighbour(self.about[i], similarity[i]) for i in best]

    def _neighbour(self, about, similarity):
        names = (tuple(about[key]) for key in ("accessions", "species", "products"))
        return Neighbour(about["id"], *names, min(1.0, float(similarity)))    # float16 vectors are not quite of length 1
