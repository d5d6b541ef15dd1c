"""What the page shows of called proteins, as plain data for its script.

Every protein has the cells of its row in the table, and what the table leaves out. Enzymes,
products and substrates, which many proteins share, stand in lists of their own, and proteins give
their place in the list.
"""

import math
from collections.abc import Sequence

from ..dataset.drawings import Drawing, read_drawings
from ..dataset.products import product_of
from ..family import motifs
from ..model.calls import (
    CHARACTERISED,
    CONFIDENCE,
    MOTIF_CONFLICT,
    NO_INTACT_ACTIVE_SITE,
    NO_NEIGHBOUR_AGREES,
    NO_SIMILAR_ENZYME,
    RELATED,
    TPS,
    UNCERTAIN,
    Call,
)
from ..model.neighbours import Neighbour
from ..model.predictor import Predictor
from . import Place, tsv
from .identifiers import describe
from .tables import place_cells

SHOWN_LABELS = 8  # ensembles and products of each protein, or more if more are called
DECIMALS = 4
# What each product type is called, for a synthase that makes it.
TYPES = {
    "hemi": "hemiterpenes (C5)",
    "mono": "monoterpenes (C10)",
    "sesq": "sesquiterpenes (C15)",
    "di": "diterpenes (C20)",
    "sester": "sesterterpenes (C25)",
    "tri": "triterpenes (C30)",
    "sesquar": "sesquarterpenes (C35)",
    "tetra": "tetraterpenes (C40)",
    "pt": "prenyl diphosphates",
    "sqs": "squalene",
    "psy": "phytoene",
}
# The two ensembles that are not named after a skeleton.
OTHER_ENSEMBLES = {
    "specialized_oxygenated": "oxygenated terpenes",
    "specialized_cyclic": "other cyclic terpenes",
}
# What a protein of each status is called, in the order of the rows.
STATUSES = {
    TPS: "terpene synthase",
    UNCERTAIN: "uncertain",
    RELATED: "related enzyme",
}
# Flag → a few words, and what it means.
FLAGS = {
    CHARACTERISED: (
        "characterised enzyme",
        "This is one of the enzymes that the model was trained on, or at most a few residues away "
        "from it. The first of the nearest enzymes is that enzyme.",
    ),
    NO_SIMILAR_ENZYME: (
        "far from known enzymes",
        "No characterised enzyme is close. Of the characterised enzymes themselves, 99 % have a "
        "closer relative, so the products are less certain than the numbers say.",
    ),
    NO_NEIGHBOUR_AGREES: (
        "neighbours disagree",
        "None of the nearest characterised enzymes makes a product of a called ensemble.",
    ),
    NO_INTACT_ACTIVE_SITE: (
        "active site not intact",
        "The family has motifs in its active site, and none of them is intact in this protein. It "
        "may be inactive, or its gene model may be wrong.",
    ),
    MOTIF_CONFLICT: (
        "motifs contradict the type",
        "Only the active site of class II is intact, but products of this type are made by "
        "class I.",
    ),
}
REGIONS = {
    "class_I_alpha": "class I α domain",
    "class_II": "class II domains (β, γ)",
    "N-terminal": "N-terminal domain",
    "whole": "match to the family",
}


class Evidence:
    """Gathers what the page shows of the called proteins of a run.

    Args:
        predictor: Model that makes the calls.
        place_columns: Attributes of a place that the rows of the table have.

    Attributes:
        proteins: The called proteins, as they were added.
    """

    def __init__(self, predictor: Predictor, place_columns: Sequence[str] = ()) -> None:
        self._predictor = predictor
        self._place_columns = place_columns
        self._ensembles = list(predictor.ensembles.items())
        self._substrates = [
            (column, label.name)
            for column, label in enumerate(predictor.labels)
            if label.group == "substrate" and predictor.positives[column]
        ]
        self._enzymes: dict[str, int] = {}
        self._about_enzymes: list[dict[str, object]] = []
        self._molecules: dict[str, int] = {}
        self._used_substrates: dict[str, object] = {}
        self.proteins: list[dict[str, object]] = []

    def add(self, call: Call, place: Place) -> None:
        """Add a called protein."""
        described = describe(call)
        self.proteins.append(
            {
                "cells": [*tsv.cells_of(call), *place_cells(place, self._place_columns)],
                "enzyme": described.enzyme if described else "",
                "ensembles": self._likely_ensembles(call),
                "products": [
                    [self._molecule(product.smiles), round(product.probability, DECIMALS)]
                    for product in call.products[:SHOWN_LABELS]
                ],
                "substrate": self._substrate(call),
                "neighbours": [self._neighbour(neighbour) for neighbour in call.neighbours],
                "motifs": _motifs(call),
                "domains": [
                    [
                        domain.region,
                        domain.profile,
                        domain.start,
                        domain.end,
                        round(float(domain.bits)),
                    ]
                    for domain in call.domains
                ],
                "sequence": call.sequence,
            }
        )

    def data(self) -> dict[str, object]:
        """Return everything that the script of the page reads."""
        calibration = self._predictor.calibration
        drawings = read_drawings()
        return {
            "columns": [*tsv.COLUMNS, *self._place_columns],
            "tpsThreshold": round(float(calibration.tps_threshold), DECIMALS),
            "minSimilarity": round(float(calibration.min_similarity), DECIMALS),
            "tiers": CONFIDENCE,
            "statuses": STATUSES,
            "types": TYPES,
            "flags": FLAGS,
            "regions": REGIONS,
            "ensembles": [
                {
                    "slug": slug,
                    "words": ensemble_words(slug),
                    # A threshold above 1 is never reached.
                    "threshold": round(float(calibration.thresholds[column]), DECIMALS),
                    "drawing": _drawing(drawings.ensembles.get(slug)),
                }
                for column, slug in self._ensembles
            ],
            "molecules": [_about_molecule(smiles) for smiles in self._molecules],
            "substrates": self._used_substrates,
            "enzymes": self._about_enzymes,
            "proteins": self.proteins,
        }

    def _likely_ensembles(self, call: Call) -> list[list[float]]:
        """Return the likeliest ensembles: place in the list, probability, and whether called."""
        probabilities = call.probabilities
        if probabilities is None:
            return []
        called = {ensemble.name for ensemble in call.ensembles}
        likely = sorted(
            (-float(probabilities[column]), number)
            for number, (column, _) in enumerate(self._ensembles)
            if not math.isnan(probabilities[column])
        )
        # What is called is among the likeliest.
        shown = likely[: max(SHOWN_LABELS, len(called))]
        return [
            [number, round(-negative, DECIMALS), int(self._ensembles[number][1] in called)]
            for negative, number in shown
        ]

    def _substrate(self, call: Call) -> list[object] | None:
        """Return the likeliest substrate and its probability; None if the model has none."""
        probabilities = call.probabilities
        if probabilities is None or not self._substrates:
            return None
        column, name = max(self._substrates, key=lambda known: probabilities[known[0]])
        if name not in self._used_substrates:
            drawings = read_drawings().substrates
            self._used_substrates[name] = [
                {"name": part, "drawing": _drawing(drawings.get(part))} for part in name.split(";")
            ]
        return [name, round(float(probabilities[column]), DECIMALS)]

    def _molecule(self, smiles: str) -> int:
        """Return the place of a product in the list."""
        return self._molecules.setdefault(smiles, len(self._molecules))

    def _neighbour(self, neighbour: Neighbour) -> list[object]:
        """Return an enzyme: place in the list, similarity, identity, agreement, and alignment."""
        number = self._enzymes.setdefault(neighbour.id, len(self._enzymes))
        if number == len(self._about_enzymes):
            self._about_enzymes.append(
                {
                    "id": neighbour.id,
                    "accessions": neighbour.accessions,
                    "species": neighbour.species,
                    "products": neighbour.products,
                }
            )
        alignment = neighbour.alignment
        return [
            number,
            round(float(neighbour.similarity), DECIMALS),
            round(float(neighbour.identity), DECIMALS),
            neighbour.agrees,
            alignment
            and [
                round(float(alignment.identity), DECIMALS),
                round(float(alignment.coverage), DECIMALS),
                f"{alignment.e_value:.1g}",
            ],
        ]


def ensemble_words(slug: str) -> str:
    """Return the name of an ensemble in words; the slug if it is not one of the package's.

    >>> ensemble_words("sesq_cadinane"), ensemble_words("specialized_cyclic")
    ('cadinane sesquiterpenes', 'other cyclic terpenes')
    """
    prefix, _, skeleton = slug.partition("_")
    if prefix in TYPES and skeleton:
        return f"{skeleton} {TYPES[prefix].partition(' (')[0]}"
    return OTHER_ENSEMBLES.get(slug, slug)


def _motifs(call: Call) -> list[list[object]]:
    """Return the motifs that are there, and their residues that bind magnesium."""
    return [
        [
            hit.motif,
            hit.state,
            hit.start,
            hit.end,
            hit.residues,
            [hit.start + offset for offset in motifs.metal_contacts(hit)],
        ]
        for hit in sorted(motifs.present(call.motifs), key=lambda hit: hit.start)
    ]


def _about_molecule(smiles: str) -> dict[str, object]:
    """Return what the package's tables know of a product."""
    product = product_of(smiles)
    return {
        "name": product.label,
        "smiles": smiles,
        "formula": product.formula,
        "chebi": product.chebi,
        "isFlat": product.chebi_is_flat,
        "rhea": product.rhea,
        "ec": product.ec,
        "drawing": _drawing(read_drawings().products.get(smiles)),
    }


def _drawing(drawing: Drawing | None) -> list[object] | None:
    """Return a drawing: width, height, lines, shapes and the name of what is drawn."""
    if drawing is None:
        return None
    return [drawing.width, drawing.height, drawing.lines, drawing.shapes, drawing.name]
