"""One fold of a cross-validation: what a method learns from, and what it has to score."""

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..io.store import Representations
from ..model.examples import Examples
from ..model.predictor import Predictor


@dataclasses.dataclass(frozen=True)
class Fold:
    """A model that was trained without a fold, and the proteins of this fold.

    Attributes:
        predictor: Model that has not seen the fold.
        examples: Proteins that the model was trained on.
        left_out: Representations of the proteins of the fold, by the model's encoder.
        passed: Rows of ``left_out`` that passed the screen. A method scores these proteins.
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
        """Sequences of the proteins that passed the screen."""
        return [self.left_out.sequences[i] for i in self.passed]


# A method learns from the examples of a fold and returns (passed, labels) scores, 0–1.
Method = Callable[[Fold], NDArray[np.float64]]
