"""Long proteins in overlapping windows, and windows in batches of so many residues."""

import collections

import numpy as np

LENGTH = 1022  # residues that ESM-2 was trained on at most
OVERLAP = 256  # at least, between two windows

Window = collections.namedtuple(
    "Window", "protein start stop"
)  # residues start to stop, 0-based, half open


def spans(length_aa):
    """The fewest windows that cover a protein, of one length and evenly spread.

    Returns:
        List of (start, stop), residues, 0-based and half open.

    >>> spans(1022), spans(1500)
    ([(0, 1022)], [(0, 878), (622, 1500)])
    """
    count = max(1, -(-(length_aa - OVERLAP) // (LENGTH - OVERLAP)))
    width = -(-(length_aa + (count - 1) * OVERLAP) // count)
    starts = (
        [round(i * (length_aa - width) / (count - 1)) for i in range(count)] if count > 1 else [0]
    )
    return [(start, start + width) for start in starts]


def weights(length_aa):
    """What each residue of each window adds to the mean: residues that several windows see are averaged first.

    Returns:
        {start of a window: (residues,) float32}; all of them add up to 1.
    """
    covered = np.zeros(length_aa)
    for start, stop in spans(length_aa):
        covered[start:stop] += 1
    return {
        start: (1 / (covered[start:stop] * length_aa)).astype(np.float32)
        for start, stop in spans(length_aa)
    }


def longest_first(sequences):
    """All windows of n sequences, longest first, then in the given order.

    >>> longest_first(["MK", "MKVL"])
    [Window(protein=1, start=0, stop=4), Window(protein=0, start=0, stop=2)]
    """
    found = [
        Window(i, *span) for i, sequence in enumerate(sequences) for span in spans(len(sequence))
    ]
    return sorted(found, key=width, reverse=True)


def width(window: Window) -> int:
    """Return the number of residues in a window.

    >>> width(Window(protein=0, start=10, stop=14))
    4
    """
    return window.stop - window.start
