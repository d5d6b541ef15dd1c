"""Labels, the questions that a model answers about a protein, and the answers for enzymes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .product_types import PRODUCT_TYPES

if TYPE_CHECKING:
    from .enzymes import Enzyme


@dataclasses.dataclass(frozen=True)
class Label:
    """One question with the answer yes or no, such as whether a protein makes monoterpenes.

    Attributes:
        group: One of :data:`GROUPS`.
        name: Name of the ensemble, product type or substrate.
    """

    group: str
    name: str

    @property
    def column(self) -> str:
        """Name of the label's column in tables, ``group:name``."""
        return f"{self.group}:{self.name}"


GROUPS = ("ensemble", "is_tps", "product_type", "substrate")
IS_TPS = Label("is_tps", "terpene_synthase")
# Attribute of Enzyme that has the names of each group.
ATTRIBUTES = {"ensemble": "ensembles", "product_type": "product_types", "substrate": "substrates"}


def labels_of(enzymes: Sequence[Enzyme]) -> list[Label]:
    """Return the labels of a model that is trained on these enzymes.

    They are, in this order, the 30 ensembles, is-a-terpene-synthase, the product types, and the
    substrates of the enzymes in alphabetical order.
    """
    from . import ensembles  # not needed to apply a model

    substrates = sorted({name for enzyme in enzymes for name in enzyme.substrates})
    return [
        *(Label("ensemble", slug) for slug in ensembles.SLUGS),
        IS_TPS,
        *(Label("product_type", name) for name in PRODUCT_TYPES),
        *(Label("substrate", name) for name in substrates),
    ]


def label_targets(enzymes: Sequence[Enzyme], labels: Sequence[Label]) -> NDArray[np.float32]:
    """Return which labels the enzymes have, as an (enzymes, labels) array of 0 and 1."""
    rows = [[float(_has(enzyme, label)) for label in labels] for enzyme in enzymes]
    return np.array(rows, np.float32).reshape(len(enzymes), len(labels))


def known_targets(enzymes: Sequence[Enzyme], labels: Sequence[Label]) -> NDArray[np.float32]:
    """Return which labels are known of the enzymes, as an (enzymes, labels) array of 0 and 1.

    Every label is, but for the substrates of an enzyme of which none is named.
    """
    is_substrate = np.array([label.group == "substrate" for label in labels], bool)
    named = np.array([bool(enzyme.substrates) for enzyme in enzymes], bool)
    return (named[:, None] | ~is_substrate).astype(np.float32)


def _has(enzyme: Enzyme, label: Label) -> bool:
    """Return whether an enzyme has a label."""
    if label == IS_TPS:
        return enzyme.is_tps
    return label.name in getattr(enzyme, ATTRIBUTES[label.group])


def structure_targets(enzymes: Sequence[Enzyme]) -> tuple[list[str], NDArray[np.float32]]:
    """Return which single products the enzymes make, whatever their stereochemistry.

    Args:
        enzymes: n enzymes.

    Returns:
        (structures of the products as SMILES without stereochemistry, in alphabetical order;
        (n, products) array of 0 and 1).
    """
    structures = sorted({smiles for enzyme in enzymes for smiles in enzyme.structures})
    rows = [[smiles in enzyme.structures for smiles in structures] for enzyme in enzymes]
    return structures, np.array(rows, np.float32).reshape(len(enzymes), len(structures))


def product_targets(enzymes: Sequence[Enzyme], min_enzymes: int) -> NDArray[np.float32]:
    """Return which single products the enzymes make; stereoisomers with names of their own are two.

    Args:
        enzymes: n enzymes.
        min_enzymes: Leave out a product that fewer enzymes make.

    Returns:
        (n, products) array of 0 and 1, products in alphabetical order.
    """
    names = sorted({name for enzyme in enzymes for name in enzyme.products})
    rows = [[name in enzyme.products for name in names] for enzyme in enzymes]
    targets = np.array(rows, np.float32).reshape(len(enzymes), len(names))
    return targets[:, targets.sum(0) >= min_enzymes]
