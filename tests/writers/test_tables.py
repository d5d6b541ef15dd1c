"""Cells and tables as tab-separated text."""

import csv
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.writers.tables import cell, joined, number, write_table


def read(path):
    with open(path, newline="") as handle:
        return list(csv.reader(handle, delimiter="\t"))


@pytest.mark.parametrize(
    "value, text",
    [(0.5, "0.5000"), (1, "1.0000"), (0.00004, "0.0000"), (None, "NA"), (math.nan, "NA")],
)
def test_numbers_have_four_decimals(value, text):
    assert number(value) == text


def test_an_empty_list_and_an_unknown_one_differ():
    assert joined(["a", "b"]) == "a;b"
    assert joined(["a"], known=False) == "a"
    assert joined([]) == "none"
    assert joined([], known=False) == "NA"


@pytest.mark.parametrize(
    "value, text", [(0.25, "0.2500"), (None, "NA"), (7, "7"), ("a", "a"), (True, "True")]
)
def test_only_floating_point_numbers_get_decimals(value, text):
    assert cell(value) == text


def test_a_table_has_a_header_and_its_rows(tmp_path):
    rows = [{"name": "a", "share": 0.125}, {"name": "b\tc", "share": None}]
    write_table(rows, tmp_path / "t.tsv")
    assert read(tmp_path / "t.tsv") == [["name", "share"], ["a", "0.1250"], ["b\tc", "NA"]]
    assert b"\r" not in (tmp_path / "t.tsv").read_bytes()


def test_a_table_goes_to_standard_output(capsys):
    write_table([{"name": "a"}], "-")
    assert capsys.readouterr().out == "name\na\n"


def test_a_table_without_rows_is_empty(tmp_path):
    write_table([], tmp_path / "t.tsv")
    assert (tmp_path / "t.tsv").read_bytes() == b""


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_exact_numbers_come_back(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("tables") / "t.tsv"
    write_table([{"value": value} for value in values], path, exact=True)
    assert [float(text) for (text,) in read(path)[1:]] == values
