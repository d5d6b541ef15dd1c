"""Cells and whole tables as tab-separated text."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence

from ..console import printable
from ..io.outputs import open_text_output
from ..io.paths import Path
from . import Place

MISSING = "NA"  # a value that is not known
EMPTY = "none"  # a list of values that is known to be empty


def number(value: float | None) -> str:
    """Return a number with four decimals, or NA for None and NaN.

    >>> number(0.5), number(None)
    ('0.5000', 'NA')
    """
    return MISSING if value is None or math.isnan(value) else f"{value:.4f}"


def joined(values: Iterable[str], known: bool = True) -> str:
    """Return values with ``;`` between them, ``none`` for no value, and NA if they are not known.

    >>> joined("ab"), joined(()), joined((), known=False)
    ('a;b', 'none', 'NA')
    """
    return ";".join(values) or (EMPTY if known else MISSING)


def cell(value: object) -> str:
    """Return a value as text; None and floating-point numbers as :func:`number` writes them.

    >>> cell(0.5), cell(float("nan")), cell(7)
    ('0.5000', 'NA', '7')
    """
    return number(value) if value is None or isinstance(value, float) else str(value)


def place_cells(place: Place, columns: Sequence[str]) -> list[str]:
    r"""Return what the columns of a table say about the place of a protein.

    Args:
        place: Where the protein comes from.
        columns: Attributes of the place.

    >>> place_cells(Place("a\tb.faa"), ["source"])
    ['a\\tb.faa']
    """
    return [printable(getattr(place, column) or MISSING) for column in columns]


def write_table(
    rows: Sequence[Mapping[str, object]],
    target: Path,
    exact: bool = False,
) -> None:
    """Write rows as a tab-separated table with a header.

    Args:
        rows: For each row its values by column; all rows have the same columns.
        target: Path, or '-' for standard output.
        exact: Whether floating-point numbers are written in full. Otherwise they get four
            decimals, and None and NaN become NA.
    """
    text = str if exact else cell
    with open_text_output(target) as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        if rows:
            table.writerow(rows[0])
        table.writerows([text(value) for value in row.values()] for row in rows)
