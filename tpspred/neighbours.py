"""Nearest characterised enzymes in the encoder's space."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """A characterised enzyme; similarity is the cosine of the two embeddings, at most 1."""

    id: str
    accessions: tuple
    species: tuple
    products: tuple
    similarity: float


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
    def of(cls, enzymes, embedding):
        """References from enzymes and their embeddings, (enzymes, dimension); zero rows are left out."""
        length = np.linalg.norm(embedding, axis=1)
        kept = np.flatnonzero(length > 0)
        return cls((embedding[kept] / length[kept, None]).astype(np.float16), [
            {"id": enzymes[i].id, "accessions": enzymes[i].accessions, "species": enzymes[i].species,
             "products": enzymes[i].products} for i in kept])

    def nearest(self, embedding, count=1):
        """The most similar enzymes.

        Args:
            embedding: (dimension,).

        Returns:
            List of Neighbour, best first, ties by order.
        """
        query = embedding / max(1e-9, float(np.sqrt(np.einsum("i,i->", embedding, embedding, dtype=np.float64))))
        similarity = np.einsum("ij,j->i", self.vectors, query, dtype=np.float64)
        best = np.argsort(-similarity, kind="stable")[:count]
        return [self._neighbour(self.about[i], similarity[i]) for i in best]

    def _neighbour(self, about, similarity):
        names = (tuple(about[key]) for key in ("accessions", "species", "products"))
        return Neighbour(about["id"], *names, min(1.0, float(similarity)))    # float16 vectors are not quite of length 1
