"""Cut a stream into batches of limited size, and work on several of them at once.

Memory stays constant, however long the stream is.
"""

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 2  # items that are under way or wait for each thread


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


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """Yield the results of a function for a stream of items, in their order.

    Items are taken from the stream by the thread that asks for the results, a few ahead of it.

    Args:
        function: Function that releases Python's lock for most of its time.
        items: Stream of items.
        threads: Number of threads; with one, nothing is computed ahead.

    >>> list(in_threads(len, ["MKV", "", "L"], threads=2))
    [3, 0, 1]
    """
    if threads == 1:
        yield from map(function, items)
        return
    waiting: collections.deque[Future[Result]] = collections.deque()
    pool = ThreadPoolExecutor(threads, "tpspred")
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
