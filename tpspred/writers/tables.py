"""Cells and whole tables as tab-separated text."""

import csv
import math
import os
from collections.abc import Iterable, Mapping, Sequence

from ..io import files

MISSING, EMPTY = "NA", "none"


def number(value: float | None) -> str:
    """Return four decimals, or NA for None and NaN.

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
    """Return the text of any value.

    >>> cell(0.5), cell(float("nan")), cell(7)
    ('0.5000', 'NA', '7')
    """
    return number(value) if value is None or isinstance(value, float) else str(value)


def write_table(
    rows: Sequence[Mapping[str, object]],
    target: str | os.PathLike[str],
    exact: bool = False,
) -> None:
    """Write rows with the same columns as a table with a header.

    Args:
        rows: Column → value; None and NaN become NA, unless the numbers are exact.
        target: File, or '-' for standard output.
        exact: Whether floating-point numbers are written in full, and not with four decimals.
    """
    text = str if exact else cell
    with files.open_text_output(target) as handle:
        table = csv.writer(handle, delimiter="\t", lineterminator="\n")
        if rows:
            table.writerow(rows[0])
        table.writerows([text(value) for value in row.values()] for row in rows)
