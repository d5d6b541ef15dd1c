"""Division of proteins into windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.encoders import windows
from tpspred.io.batching import batches


@given(st.integers(1, 20_000))
def test_windows_cover_every_residue_and_overlap(length_aa):
    spans = windows.spans(length_aa)
    assert spans[0][0] == 0 and spans[-1][1] == length_aa
    assert all(stop - start == spans[0][1] <= windows.LENGTH for start, stop in spans)
    assert all(
        before[1] - after[0] >= windows.OVERLAP - 1 for before, after in zip(spans, spans[1:])
    )
    assert len(spans) == 1 or length_aa > windows.LENGTH
    weights = windows.weights(length_aa).values()
    assert sum(part.sum(dtype=float) for part in weights) == pytest.approx(1, abs=1e-4)


def test_residues_of_two_windows_have_half_the_weight_in_each():
    weights = windows.weights(1500)
    assert list(weights) == [0, 622]
    assert weights[0][:622] == pytest.approx(1 / 1500)
    assert weights[0][622:] == pytest.approx(0.5 / 1500)
    assert weights[622][:256] == pytest.approx(0.5 / 1500)
    assert weights[622][256:] == pytest.approx(1 / 1500)


def test_windows_of_equal_length_keep_the_order_of_the_proteins():
    planned = windows.longest_first(["MKV", "MKVL", "MKL", "M" * 1500])
    assert [(window.protein, window.start) for window in planned] == [
        (3, 0),
        (3, 622),
        (1, 0),
        (0, 0),
        (2, 0),
    ]


def test_batches_of_windows_are_limited_and_begin_with_the_longest():
    planned = windows.longest_first(["M" * length for length in (3, 9, 4, 5, 20)])
    in_batches = batches(planned, windows.width, lambda: 12)
    widths = [[windows.width(window) for window in batch] for batch in in_batches]
    assert widths == [[20], [9], [5, 4, 3]]
