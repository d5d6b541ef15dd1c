"""Cut a stream into batches of limited size, so that memory stays constant."""

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
        limit: Function that returns the limit. It is called anew as the batch grows, because a
            device that runs out of memory lowers the limit. An item larger than the limit becomes
            a batch of its own.

    >>> list(batches("MKVLA", lambda letter: 1, lambda: 2))
    [['M', 'K'], ['V', 'L'], ['A']]
    """
    batch: list[Item] = []
    batch_size = 0
    for item in items:
        item_size = size(item)
        if batch and batch_size + item_size > limit():
            yield batch
            batch = []
            batch_size = 0
        batch.append(item)
        batch_size += item_size
    if batch:
        yield batch
