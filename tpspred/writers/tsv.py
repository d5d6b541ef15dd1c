"""Calls as a tab-separated table, one row per record below a header.

``tpspred/resources/predictions.schema.json`` (Frictionless Table Schema) describes the columns.
Columns about the place of a protein follow if they are wanted, and with all labels a column of
probabilities for each label, named ``group:label``.
"""

import itertools
from collections.abc import Sequence
from typing import TextIO

import numpy as np

from ..dataset.products import product_of
from ..family import motifs
from ..io.shards import COLUMN, EMPTY, LAST, Shard
from ..model.calls import Call, ProductCall
from ..model.predictor import Predictor
from . import UNPLACED, Place
from .identifiers import describe
from .tables import MISSING, joined, number, place_cells

COLUMNS = (
    "id",
    "length",
    "status",
    "tps_probability",
    "product_type",
    "product_type_probability",
    "ensembles",
    "ensemble_confidence",
    "ensemble_set",
    "products",
    "ec",
    "rhea",
    "chebi",
    "go",
    "tps_class",
    "nearest_enzyme",
    "nearest_accession",
    "nearest_products",
    "nearest_similarity",
    "nearest_identity",
    "motifs",
    "flags",
    "model",
)


SHOWN_PRODUCTS = 3


class Writer:
    """Writes a header and one row per call.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls.
        all_labels: Whether to add a column of probabilities for every label.
        shard: Shard that the calls belong to. The last column then contains the number of the
            record in the whole input, for ``tpspred merge``. Its last cell is held back, because it
            says that it is the last one.
        place_columns: Attributes of a place that the table has behind :data:`COLUMNS`.
    """

    def __init__(
        self,
        handle: TextIO,
        predictor: Predictor,
        all_labels: bool = False,
        shard: Shard | None = None,
        place_columns: Sequence[str] = (),
    ) -> None:
        self._handle = handle
        self._label_columns = [label.column for label in predictor.labels] if all_labels else []
        self._numbers = itertools.count(shard.number, shard.of) if shard else None
        self._end = EMPTY  # what the cell that is held back ends with if no other follows
        self._no_numbers = np.full(len(self._label_columns), np.nan)
        # What follows the status of a protein that is like no profile, which nearly all are.
        unknown = [MISSING] * len(COLUMNS[3:-1])
        unknown_labels = [MISSING] * len(self._label_columns)
        self._not_scored = "\t".join([*unknown, predictor.name])
        self._no_labels = ["\t".join(unknown_labels)] if all_labels else []
        self._place_columns = place_columns
        header = "\t".join([*COLUMNS, *place_columns, *self._label_columns])
        handle.write(f"{header}\t{COLUMN}{shard}" if shard else f"{header}\n")

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Write the row of a call."""
        placed = place_cells(place, self._place_columns)
        if call.is_scored or call.flags:
            numbers = self._no_numbers if call.probabilities is None else call.probabilities
            of_labels = numbers[: len(self._label_columns)]
            cells = [*cells_of(call), *placed, *map(number, of_labels)]
        else:
            own = [call.id, str(call.length_aa), call.status, self._not_scored]
            cells = [*own, *placed, *self._no_labels]
        row = "\t".join(cells)
        if self._numbers is None:
            self._handle.write(f"{row}\n")
        else:
            self._handle.write(f"\n{row}\t{next(self._numbers)}")
            self._end = LAST

    def close(self) -> None:
        """Write the cell of a shard that was held back."""
        if self._numbers is not None:
            self._handle.write(f"{self._end}\n")


def cells_of(call: Call) -> list[str]:
    """Return the cells of a call, one for each of :data:`COLUMNS`."""
    near = call.nearest
    probabilities = [
        f"{ensemble.name}:{number(ensemble.probability)}" for ensemble in call.ensembles
    ]
    confidences = [f"{ensemble.name}:{ensemble.confidence}" for ensemble in call.ensembles]
    return [
        call.id,
        str(call.length_aa),
        call.status,
        number(call.tps_probability),
        call.product_type or MISSING,
        number(call.product_type_probability),
        joined(probabilities, call.is_called),
        joined(confidences, call.is_called),
        joined(call.ensemble_set or (), call.ensemble_set is not None),
        joined(map(_named, call.products[:SHOWN_PRODUCTS]), call.is_called),
        *_identifiers(call),
        near.id if near else MISSING,
        ("|".join(near.accessions) or MISSING) if near else MISSING,
        "|".join(near.products) if near else MISSING,
        number(near.similarity if near else None),
        number(near.identity if near else None),
        joined([motifs.summary(call.motifs)], call.is_scored),
        joined(call.flags, known=call.is_called),
        call.model,
    ]


def _named(product: ProductCall) -> str:
    """Return ``name:probability``, in which ``%3B`` stands for a ``;`` of the name.

    >>> _named(ProductCall("CC1=CC=C(C(C)C)CC1", 0.876))
    'α-terpinene:0.88'
    """
    name = product_of(product.smiles).label.replace("%", "%25").replace(";", "%3B")
    return f"{name}:{product.probability:.2f}"


def _identifiers(call: Call) -> list[str]:
    """Return the cells from ``ec`` to ``tps_class``."""
    described = describe(call)
    if described is None:
        return [MISSING] * 5
    terms = described.terms
    lists = [joined(values) for values in (terms.ec, terms.rhea, terms.chebi, terms.go)]
    return [*lists, described.tps_class or MISSING]
