"""Cutting a stream into batches of limited size, so that memory stays constant."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def batches(
    items: Iterable[Item], size: Callable[[Item], int], limit: Callable[[], int]
) -> Iterator[list[Item]]:
    """Yield lists of consecutive items whose sizes add up to at most a limit.

    Args:
        items: Stream of items; the order is kept.
        size: Function that returns the size of an item, such as its length in residues.
        limit: Function that returns the limit. It is asked again for every item, because a
            device that runs out of memory lowers it. One item larger than the limit is a batch
            of its own.

    >>> list(batches("MKVLA", lambda letter: 1, lambda: 2))
    [['M', 'K'], ['V', 'L'], ['A']]
    """
    batch: list[Item] = []
    total = 0
    for item in items:
        length = size(item)
        if batch and total + length > limit():
            yield batch
            batch, total = [], 0
        batch.append(item)
        total += length
    if batch:
        yield batch
