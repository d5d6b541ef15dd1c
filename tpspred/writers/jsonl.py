"""Calls as JSON lines: one object per record with everything that is known about it.

A missing value is null.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..dataset.products import product_of
from ..model.calls import Call
from ..model.predictor import Predictor
from . import UNPLACED, Place
from .identifiers import describe


class Writer:
    """Writes one object per call.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls.
        place_columns: Attributes of a place that every object has.
    """

    def __init__(
        self, handle: TextIO, predictor: Predictor, place_columns: Sequence[str] = ()
    ) -> None:
        self._handle = handle
        self._place_columns = place_columns
        self._feature_names = predictor.feature_names
        self._columns = [label.column for label in predictor.labels]
        calibration = predictor.calibration
        thresholds = {
            "tps": calibration.tps_threshold,
            "uncertain": calibration.uncertain_threshold,
        }
        for label, threshold, count in zip(
            predictor.labels, calibration.thresholds, predictor.positives
        ):
            # Only of ensembles that can be called: a threshold above 1 is never reached.
            if label.group == "ensemble" and count and threshold <= 1:
                thresholds[label.column] = threshold
        provenance = {
            "model": predictor.training_record["name"],
            "model_sha256": predictor.checksum,
            "encoder": predictor.encoder.name,
            "encoder_sha256": predictor.encoder.checksum,
            "tpspred_version": __version__,
        }
        # This part is the same in every object, so it is made into text only once.
        self._common = _json_text({"thresholds": thresholds, "provenance": provenance})

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Write the object of a call."""
        placed = {column: getattr(place, column) for column in self._place_columns}
        own = _json_text(
            {
                "id": call.id,
                "length": call.length_aa,
                "status": call.status,
                "tps_probability": call.tps_probability,
                "product_type": call.product_type,
                "product_type_probability": call.product_type_probability,
                "ensembles": [
                    vars(ensemble) | {"confidence": ensemble.confidence}
                    for ensemble in call.ensembles
                ],
                "ensemble_set": call.ensemble_set,
                "products": [
                    _product(product.smiles, product.probability) for product in call.products
                ],
                "terms": _terms(call),
                "flags": call.flags,
                "weak_match": call.weak_match and call.weak_match._asdict(),
                "probabilities": _by_name(self._columns, call.probabilities),
                "domains": call.domains,
                "motifs": call.motifs,
                "neighbours": call.neighbours,
                "features": _by_name(self._feature_names, call.features),
            }
            | placed
        )
        print(f"{own[:-1]}, {self._common[1:]}", file=self._handle)

    def close(self) -> None:
        """Do nothing: every object is written already."""


def _product(smiles: str, probability: float) -> dict[str, object]:
    """Return a ranked product with what the package's table knows of it."""
    product = product_of(smiles)
    return {
        "smiles": smiles,
        "name": product.name or None,
        "chebi": product.chebi or None,
        "formula": product.formula or None,
        "probability": probability,
    }


def _terms(call: Call) -> dict[str, object] | None:
    """Return identifiers, class and name of a called protein; None for others."""
    described = describe(call)
    if described is None:
        return None
    return vars(described.terms) | {
        "tps_class": described.tps_class,
        "enzyme": described.enzyme,
    }


def _by_name(
    names: Sequence[str], values: NDArray[np.floating] | None
) -> dict[str, np.floating] | None:
    """Return the numbers of a scored protein by name; None for one that was not scored."""
    return None if values is None else dict(zip(names, values))


def _json_text(value: object) -> str:
    return json.dumps(_plain(value), ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    """Return a value that json can write.

    Dataclasses become dictionaries, numbers get six decimals, and NaN becomes None.
    """
    if dataclasses.is_dataclass(value):
        return _plain(vars(value))
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return None if np.isnan(value) else round(float(value), 6)
    return value
