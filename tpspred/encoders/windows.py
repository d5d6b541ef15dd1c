"""Division of long proteins into overlapping windows that a language model can process."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LENGTH = 1022  # residues of the longest window: ESM-2 was trained on no longer ones
OVERLAP = 256  # least mean overlap of two consecutive windows, residues


class Window(NamedTuple):
    """A stretch of a protein that is computed in one piece.

    Attributes:
        protein: Index of the protein in a list of sequences.
        start: First residue, 0-based.
        stop: Residue behind the last one, 0-based.
    """

    protein: int
    start: int
    stop: int


def spans(length_aa: int) -> list[tuple[int, int]]:
    """Return the fewest windows that cover a protein, all of one length and evenly spread.

    Args:
        length_aa: Length of the protein, residues.

    Returns:
        (start, stop) of each window, residues, 0-based and half open.

    >>> spans(1022), spans(1500)
    ([(0, 1022)], [(0, 878), (622, 1500)])
    """
    # -(-a // b) is a / b rounded up.
    count = max(1, -(-(length_aa - OVERLAP) // (LENGTH - OVERLAP)))
    if count == 1:
        return [(0, length_aa)]
    window_length = -(-(length_aa + (count - 1) * OVERLAP) // count)
    last_start = length_aa - window_length
    starts = [round(i * last_start / (count - 1)) for i in range(count)]
    return [(start, start + window_length) for start in starts]


def weights(length_aa: int) -> dict[int, NDArray[np.float32]]:
    """Return the weight of each residue of each window in the mean over the protein.

    A residue that two windows contain has half of its weight in either.

    Args:
        length_aa: Length of the protein, residues.

    Returns:
        Start of each window → (residues,) weights. The weights of all windows add up to 1.

    >>> weights(4)
    {0: array([0.25, 0.25, 0.25, 0.25], dtype=float32)}
    """
    windows_at = np.zeros(length_aa)  # number of windows that contain each residue
    for start, stop in spans(length_aa):
        windows_at[start:stop] += 1
    return {
        start: (1 / (windows_at[start:stop] * length_aa)).astype(np.float32)
        for start, stop in spans(length_aa)
    }


def longest_first(sequences: Sequence[str]) -> list[Window]:
    """Return all windows of some sequences, the longest first, equally long ones in order.

    >>> longest_first(["MK", "MKVL"])
    [Window(protein=1, start=0, stop=4), Window(protein=0, start=0, stop=2)]
    """
    in_order = [
        Window(i, start, stop)
        for i, sequence in enumerate(sequences)
        for start, stop in spans(len(sequence))
    ]
    return sorted(in_order, key=width, reverse=True)


def width(window: Window) -> int:
    """Return the number of residues in a window.

    >>> width(Window(protein=0, start=10, stop=14))
    4
    """
    return window.stop - window.start
