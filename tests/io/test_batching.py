import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.io.batching import batches, in_threads
from tpspred.io.fasta import ProteinRecord

SIZES = st.lists(st.integers(0, 20), max_size=30)


def test_batches_keep_the_order_and_the_limit():
    stream = [ProteinRecord(str(i), "", "M" * (i % 7 + 1)) for i in range(50)]
    in_batches = list(batches(iter(stream), lambda record: record.length_aa, lambda: 10))
    assert [record for batch in in_batches for record in batch] == stream
    assert all(sum(record.length_aa for record in batch) <= 10 for batch in in_batches)


@given(SIZES, st.integers(1, 15))
def test_a_batch_ends_only_where_the_next_item_does_not_fit(sizes, limit):
    in_batches = list(batches(sizes, int, lambda: limit))
    assert sum(in_batches, []) == sizes
    assert all(in_batches)  # none is empty
    assert all(sum(batch) <= limit or len(batch) == 1 for batch in in_batches)
    for batch, following in zip(in_batches, in_batches[1:]):
        assert sum(batch) + following[0] > limit


def test_an_item_above_the_limit_is_a_batch_of_its_own():
    assert list(batches([50, 3, 50, 3, 3], int, lambda: 10)) == [[50], [3], [50], [3, 3]]


def test_a_lower_limit_holds_from_the_next_item_on():
    limits = [4]
    stream = batches([1] * 9, int, lambda: limits[-1])
    assert next(stream) == [1, 1, 1, 1]
    limits.append(2)
    assert list(stream) == [[1, 1], [1, 1], [1]]


def test_an_empty_stream_has_no_batches():
    assert list(batches([], int, lambda: 10)) == []


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_keep_the_order_of_the_items(threads):
    turn = threading.Event()

    def work(number):
        if number == 0 and threads > 1:
            assert turn.wait(10)  # the first item is done last
        if number == 1:
            turn.set()
        return number**2

    assert list(in_threads(work, range(50), threads)) == [number**2 for number in range(50)]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stream_is_read_only_a_little_ahead(threads):
    taken = []

    def stream():
        for number in itertools.count():
            taken.append(number)
            yield number

    results = in_threads(str, stream(), threads)
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    assert len(taken) <= 3 + 2 * threads + 1
    results.close() if threads > 1 else None


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_of_an_item_or_of_the_stream_is_passed_on(threads):
    def stream():
        yield from "123x"
        raise OSError("the stream")

    results = in_threads(int, stream(), threads)
    with pytest.raises((ValueError, OSError), match="invalid literal|the stream"):
        list(results)
    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda n: 1 // n, [1, 0, 1], threads))
    assert threading.active_count() == before
