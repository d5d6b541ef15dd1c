"""Parts of a vector."""

import collections

# Numbers; whether they have no scale of their own and each gets one; share in the similarity of two proteins.
Block = collections.namedtuple("Block", "width standardise share", defaults=(1.0,))


def columns(blocks):
    """Yield every block with the slice that it is of the vector.

    >>> [(block.share, part) for block, part in columns([Block(3, True, 0.4), Block(2, False, 0.6)])]
    [(0.4, slice(0, 3, None)), (0.6, slice(3, 5, None))]
    """
    begin = 0
    for block in blocks:
        yield block, slice(begin, begin + block.width)
        begin += block.width
