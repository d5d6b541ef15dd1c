"""Counts of the proteins of each input: by status, product type and ensemble.

A table with one row per input, in the order of the inputs. Product types and ensembles are those of
the proteins whose status is tps.
"""

import collections
from collections.abc import Iterable, Sequence
from typing import TextIO

from ..console import printable
from ..io.fasta import PROBLEMS
from ..model.calls import NOT_TPS, RELATED, TPS, UNCERTAIN, Call
from ..model.predictor import Predictor
from . import UNPLACED, Place

PROTEINS = "proteins"  # the count of all proteins
STATUSES = (TPS, UNCERTAIN, RELATED, NOT_TPS, *PROBLEMS)
# Groups of labels whose counts follow. A count has the name of its column in the table of calls
# with all labels, such as product_type:sesq.
GROUPS = (PRODUCT_TYPE, ENSEMBLE) = ("product_type", "ensemble")


class Tally:
    """Counts the proteins of every input.

    Args:
        sources: The inputs. One that has no protein is counted too.

    Attributes:
        counts: Number of proteins by name of the count, by input.
    """

    def __init__(self, sources: Iterable[str]) -> None:
        self.counts: dict[str, collections.Counter[str]] = {
            source: collections.Counter() for source in sources
        }

    def add(self, call: Call, source: str) -> None:
        """Count a protein of an input."""
        counts = self.counts[source]
        counts[PROTEINS] += 1
        counts[call.status] += 1
        if call.status == TPS:
            counts[f"{PRODUCT_TYPE}:{call.product_type}"] += 1
            for ensemble in call.ensembles:
                counts[f"{ENSEMBLE}:{ensemble.name}"] += 1


def label_columns(predictor: Predictor) -> list[str]:
    """Return the names of the counts of product types and of ensembles."""
    return [label.column for group in GROUPS for label in predictor.labels if label.group == group]


class Writer:
    """Counts the calls of a run and writes the table at the end.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls; its labels are columns.
        sources: The inputs, in order.
    """

    def __init__(self, handle: TextIO, predictor: Predictor, sources: Sequence[str]) -> None:
        self._handle = handle
        self._columns = [PROTEINS, *STATUSES, *label_columns(predictor)]
        self._tally = Tally(sources)

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Count a call."""
        self._tally.add(call, place.source)

    def close(self) -> None:
        """Write the table."""
        print("source", *self._columns, sep="\t", file=self._handle)
        for source, counts in self._tally.counts.items():
            cells = [counts[column] for column in self._columns]
            print(printable(source), *cells, sep="\t", file=self._handle)
