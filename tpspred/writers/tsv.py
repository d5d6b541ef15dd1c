"""Calls as a tab-separated table, one row per record, described by ``tpspred/resources/predictions.schema.json`` (Frictionless
Table Schema). With all labels, a column of probabilities for each follows, named group:label.
"""

import itertools

from ..family import motifs
from ..io.shards import COLUMN
from .tables import MISSING, joined, number

COLUMNS = (
    "id",
    "length",
    "status",
    "tps_probability",
    "product_type",
    "product_type_probability",
    "ensembles",
    "ensemble_precision",
    "ensemble_set",
    "nearest_enzyme",
    "nearest_accession",
    "nearest_products",
    "nearest_similarity",
    "nearest_identity",
    "motifs",
    "flags",
    "model",
)


class Writer:
    """One row per call, below a header.

    Args:
        handle: Text stream.
        predictor: prediction.Predictor.
        all_labels: Whether to add the probability of every label.
        shard: shards.Shard that the calls are; the last column is then the number of the record, for tpspred merge.
    """

    def __init__(self, handle, predictor, all_labels=False, shard=None):
        self._handle, self._labels = handle, predictor.labels if all_labels else ()
        self._numbers = itertools.count(shard.number, shard.of) if shard else None
        self._print(
            *COLUMNS,
            *(label.column for label in self._labels),
            *([f"{COLUMN}{shard}"] if shard else []),
        )

    def write(self, call):
        """Write a prediction.Call."""
        probabilities = (
            None if call.probabilities is None else call.probabilities[i]
            for i in range(len(self._labels))
        )
        self._print(
            *_row(call),
            *map(number, probabilities),
            *([next(self._numbers)] if self._numbers else []),
        )

    def close(self):
        """Nothing is left to write."""

    def _print(self, *cells):
        print(*cells, sep="\t", file=self._handle)


def _row(call):
    near = call.nearest
    return (
        call.id,
        call.length_aa,
        call.status,
        number(call.tps_probability),
        call.product_type or MISSING,
        number(call.product_type_probability),
        joined(
            (f"{found.name}:{number(found.probability)}" for found in call.ensembles),
            call.is_called,
        ),
        joined(
            (f"{found.name}:{number(found.precision)}" for found in call.ensembles), call.is_called
        ),
        joined(call.ensemble_set or (), call.ensemble_set is not None),
        near.id if near else MISSING,
        "|".join(near.accessions) or MISSING if near else MISSING,
        "|".join(near.products) if near else MISSING,
        number(near.similarity if near else None),
        number(near.identity if near else None),
        joined([motifs.summary(call.motifs)], call.is_scored),
        joined(call.flags, call.is_called),
        call.model,
    )
