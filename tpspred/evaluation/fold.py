"""One fold of a cross-validation, as the methods that are compared on it see it."""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..io.store import Representations
from ..model.examples import Examples
from ..model.predictor import Predictor


@dataclasses.dataclass(frozen=True)
class Fold:
    """What was fitted without a fold, and the proteins of the fold.

    Attributes:
        predictor: Model that has not seen the fold.
        examples: What it was trained on.
        left_out: Representations of the proteins of the fold, by the model's encoder.
        passed: Rows of ``left_out`` that passed the screen: the proteins to score.
        seed: Seed of random choices.
        threads: CPU threads.
    """

    predictor: Predictor
    examples: Examples
    left_out: Representations
    passed: NDArray[np.int64]
    seed: int
    threads: int

    @property
    def passed_sequences(self) -> list[str]:
        """Sequences of the proteins to score."""
        return [self.left_out.sequences[i] for i in self.passed]


# A method fits itself on the examples and returns (passed, labels) scores, 0–1.
Method = Callable[[Fold], NDArray[np.float64]]
