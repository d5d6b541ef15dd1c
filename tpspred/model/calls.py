"""Calls: what a model says about a protein, with a status and warning flags."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..dataset.product_types import EITHER_CLASS
from ..family import motifs
from ..family.motifs import MotifHit
from ..family.profiles import DomainHit, WeakHit
from .neighbours import Neighbour

TPS, RELATED, UNCERTAIN, NOT_TPS = "tps", "related", "uncertain", "not_tps"
WEAK_FAMILY_MATCH = "weak_family_match"
CHARACTERISED = "characterised"
NO_SIMILAR_ENZYME = "no_similar_enzyme"
NO_NEIGHBOUR_AGREES = "no_neighbour_agrees"
NO_INTACT_ACTIVE_SITE = "no_intact_active_site"
MOTIF_CONFLICT = "motif_conflict"
# Words for a probability, each with the least that it stands for. The last one is for all others.
CONFIDENCE = (("confident", 0.8), ("likely", 0.5), ("possible", 0.0))
MAX_ENSEMBLES = 5  # ensembles that are called for one protein


@dataclasses.dataclass(frozen=True)
class EnsembleCall:
    """An ensemble whose probability is at or above its threshold.

    Attributes:
        name: Slug of the ensemble.
        probability: Probability that the protein makes a product of the ensemble, 0–1, for a
            protein as similar as this one to a characterised enzyme.
    """

    name: str
    probability: float

    @property
    def confidence(self) -> str:
        """The probability in a word: ``confident``, ``likely`` or ``possible``."""
        return next(word for word, least in CONFIDENCE if self.probability >= least)


@dataclasses.dataclass(frozen=True)
class ProductCall:
    """A single product that a protein may make.

    Attributes:
        smiles: Structure without stereochemistry, as ``resources/products.tsv`` writes it.
        probability: Calibrated probability that the protein makes it, 0–1.
    """

    smiles: str
    probability: float


class Call(NamedTuple):
    """What the model says about a protein.

    Attributes:
        id: ID of the record.
        length_aa: Number of residues.
        status: ``tps``, ``related`` (a prenyl diphosphate, squalene or phytoene synthase),
            ``uncertain``, ``not_tps``, or the reason why the protein could not be scored.
        model: Name and checksum of the model.
        tps_probability: Probability of being a terpene synthase; None if no profile matched.
        product_type: The most likely product type; None unless the status is tps, related or
            uncertain.
        product_type_probability: Probability of that type, 0–1, or None.
        ensembles: Called ensembles, the most likely first, five at most.
        ensemble_set: Slugs of the set of ensembles that keeps the promised coverage, the most
            likely first; None unless a coverage was wanted and the status is tps, related or
            uncertain.
        flags: Warning flags; :func:`warning_flags` explains them. A protein that matches no profile
            has ``weak_family_match`` if it is like one. A protein with the sequence of a
            characterised enzyme has ``characterised``, and that enzyme as its first neighbour.
        neighbours: The nearest characterised enzymes, the best first.
        motifs: Motifs of the best profile.
        domains: Domains of the best profile.
        probabilities: (labels,) probabilities, NaN for labels without training data; None if no
            profile matched.
        features: (features,) engineered features; None if no profile matched.
        weak_match: The profile that a protein without a match is most like, or None.
        products: Single products, the likeliest first; none if the model does not rank them.
        sequence: Residues of the protein; '' unless the status is tps, related or uncertain.
    """

    id: str
    length_aa: int
    status: str
    model: str
    tps_probability: float | None = None
    product_type: str | None = None
    product_type_probability: float | None = None
    ensembles: tuple[EnsembleCall, ...] = ()
    ensemble_set: tuple[str, ...] | None = None
    flags: tuple[str, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    motifs: tuple[MotifHit, ...] = ()
    domains: tuple[DomainHit, ...] = ()
    probabilities: NDArray[np.float64] | None = None
    features: NDArray[np.float32] | None = None
    weak_match: WeakHit | None = None
    products: tuple[ProductCall, ...] = ()
    sequence: str = ""

    @property
    def is_scored(self) -> bool:
        """Whether the protein matched a profile, so that the network scored it."""
        return self.tps_probability is not None

    @property
    def is_called(self) -> bool:
        """Whether the status is tps, related or uncertain, so that the call names a product."""
        return self.product_type is not None

    @property
    def nearest(self) -> Neighbour | None:
        """The most similar characterised enzyme; None if there is no neighbour."""
        return self.neighbours[0] if self.neighbours else None


def warning_flags(
    similarity: float,
    min_similarity: float,
    neighbours: Sequence[Neighbour],
    product_type: str,
    motif_hits: Sequence[MotifHit],
) -> Iterator[str]:
    """Yield the warning flags of a call.

    ``no_similar_enzyme``: the nearest characterised enzyme is less similar than that of 99 % of the
    characterised enzymes themselves. ``no_neighbour_agrees``: none of the neighbours
    has a called ensemble. ``no_intact_active_site``: the family has motifs of an active site,
    and none of them is intact. ``motif_conflict``: the product type is one that class I makes, the
    family has a class I active site, and only that of class II is intact.

    Args:
        similarity: Similarity to the nearest characterised enzyme.
        min_similarity: Similarity below which ``no_similar_enzyme`` is raised.
        neighbours: The nearest characterised enzymes.
        product_type: The most likely product type.
        motif_hits: What the protein has at the motif sites of its best profile.
    """
    if similarity < min_similarity:
        yield NO_SIMILAR_ENZYME
    if neighbours and all(neighbour.agrees is False for neighbour in neighbours):
        yield NO_NEIGHBOUR_AGREES
    intact = motifs.classes(motif_hits)
    lost = motifs.expected_classes(motif_hits) - intact
    if not intact and lost:
        yield NO_INTACT_ACTIVE_SITE
    elif "1" in lost and product_type not in EITHER_CLASS:
        yield MOTIF_CONFLICT
