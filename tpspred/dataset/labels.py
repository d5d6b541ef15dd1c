"""The questions a model answers about a protein, and the answers that are known for enzymes."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from . import ensembles
from .enzymes import Enzyme
from .product_types import PRODUCT_TYPES


@dataclasses.dataclass(frozen=True)
class Label:
    """One answer of the network: its group and its name in the dataset."""

    group: str
    name: str

    @property
    def column(self) -> str:
        """Name of its column in tables, ``group:name``."""
        return f"{self.group}:{self.name}"


GROUPS = ("ensemble", "is_tps", "product_type", "substrate")
IS_TPS = Label("is_tps", "terpene_synthase")
# Attribute of Enzyme that holds the names of each group.
ATTRIBUTES = {"ensemble": "ensembles", "product_type": "product_types", "substrate": "substrates"}


def labels_of(enzymes: Sequence[Enzyme]) -> list[Label]:
    """Return all labels in order.

    These are the 30 ensembles, is-a-terpene-synthase, the product types, and the substrates of
    these enzymes.
    """
    substrates = sorted({name for enzyme in enzymes for name in enzyme.substrates})
    return [
        *(Label("ensemble", slug) for slug in ensembles.SLUGS),
        IS_TPS,
        *(Label("product_type", name) for name in PRODUCT_TYPES),
        *(Label("substrate", name) for name in substrates),
    ]


def label_targets(enzymes: Sequence[Enzyme], labels: Sequence[Label]) -> NDArray[np.float32]:
    """Return the labels of enzymes as an (enzymes, labels) array of 0 and 1."""
    rows = [[float(_has(enzyme, label)) for label in labels] for enzyme in enzymes]
    return np.array(rows, np.float32).reshape(len(enzymes), len(labels))


def _has(enzyme: Enzyme, label: Label) -> bool:
    if label == IS_TPS:
        return enzyme.is_tps
    return label.name in getattr(enzyme, ATTRIBUTES[label.group])


def product_targets(enzymes: Sequence[Enzyme], min_enzymes: int) -> NDArray[np.float32]:
    """Return which single products the enzymes make.

    Args:
        enzymes: n enzymes.
        min_enzymes: Products of fewer enzymes are left out.

    Returns:
        (enzymes, products) array of 0 and 1, products in alphabetical order.
    """
    names = sorted({name for enzyme in enzymes for name in enzyme.products})
    rows = [[name in enzyme.products for name in names] for enzyme in enzymes]
    made = np.array(rows, np.float32).reshape(len(enzymes), len(names))
    return made[:, made.sum(0) >= min_enzymes]
