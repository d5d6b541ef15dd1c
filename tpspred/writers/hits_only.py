"""Only the hits among the calls: proteins of which the model says what they make.

The formats that have a row for every record can be restricted to hits. What is left out is
counted by status, so that no record is lost in silence.
"""

from collections.abc import Mapping
from typing import TextIO

from ..model.calls import RELATED, TPS, UNCERTAIN, Call
from ..model.predictor import Predictor
from . import UNPLACED, MakeWriter, Place

HITS = (TPS, RELATED, UNCERTAIN)  # statuses


class Writer:
    """Passes the hits on to the writer of a format, and drops all other calls.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls.
        make_writer: Makes the writer of the format.
    """

    def __init__(self, handle: TextIO, predictor: Predictor, make_writer: MakeWriter) -> None:
        self._writer = make_writer(handle, predictor)

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Pass a call on if it is a hit."""
        if call.status in HITS:
            self._writer.write(call, place)

    def close(self) -> None:
        """Close the writer of the format."""
        self._writer.close()


def left_out(statuses: Mapping[str, int]) -> str:
    """Return a message that says how many records are no hits, by status.

    Args:
        statuses: Number of proteins by status.

    >>> left_out({"not_tps": 7, "tps": 2, "empty": 1})
    '8 proteins without a call left out: 7 not_tps, 1 empty'
    >>> left_out({"tps": 2})
    '0 proteins without a call left out'
    """
    others = {status: count for status, count in statuses.items() if status not in HITS}
    by_status = ", ".join(f"{count} {status}" for status, count in others.items())
    text = f"{sum(others.values())} proteins without a call left out"
    return f"{text}: {by_status}" if others else text
