"""Damaged inputs of every kind: no traceback, no hang, no wrong answer, nothing left behind."""

import dataclasses
import pathlib
import random
import tempfile

import hypothesis
import hypothesis.strategies as st
import pytest

from reliability import campaign
from reliability.readers import KINDS

pytestmark = pytest.mark.slow  # the files to damage take some seconds to make

EXAMPLES = 15
SEED = 0


@pytest.mark.parametrize("kind", KINDS)
@hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
@hypothesis.given(number=st.integers(0, 10**6))
def test_damaged(kind, zygote, bases, number):
    """A number makes an input; ``benchmarks/reliability.py --seed 0 --only KIND:number`` repeats
    it."""
    with tempfile.TemporaryDirectory() as folder:
        trial = campaign.run(kind, number, SEED, bases, zygote, pathlib.Path(folder))
    assert not trial.findings, trial.report()


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_make_the_same_inputs_again(kind, bases):
    for number in range(5):
        one, other = (KINDS[kind][0](random.Random(number), bases) for _ in range(2))
        assert dataclasses.replace(one, check=None) == dataclasses.replace(other, check=None)
