"""Options of a run of a language model."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.encoders.runtime import Runtime

OPTIONS = {
    "weights": st.sampled_from(["esm2.pt", "/data/esm2.pt"]),
    "device": st.sampled_from(["cpu", "cuda:1"]),
    "precision": st.sampled_from(["float32", "bfloat16"]),
    "attention": st.sampled_from(["fused", "original"]),
    "batch_residues": st.integers(1),
}


def test_nothing_is_given_by_default():
    assert Runtime().given() == {}


@given(st.fixed_dictionaries({}, optional=OPTIONS))
def test_given_options_are_those_that_were_set(options):
    assert Runtime(**options).given() == options


def test_every_field_is_an_option():
    assert {field.name for field in dataclasses.fields(Runtime)} == set(OPTIONS)


def test_runtime_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Runtime().device = "cuda"
