"""The decision whether a protein is a terpene synthase, by its engineered features alone.

The networks learn little of a family of which few enzymes are known, such as the UbiA-type terpene
synthases. A kernel ridge regression on the features of all training proteins, terpene synthases and
others, tells such a family from its relatives by a handful of enzymes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from . import kernel_regression
from .kernel_regression import KernelRegression

SAME = np.ones(1)  # the cosine of all pairs, because vectors are not compared


@dataclasses.dataclass(frozen=True)
class Decision:
    """What is known about n training proteins, and the regression on all of them.

    Attributes:
        targets: (n, 1) 1 for a terpene synthase, 0 for another protein.
        regression: Regression of these targets on the engineered features.
    """

    targets: NDArray[np.uint8]
    regression: KernelRegression

    @classmethod
    def from_features(cls, features: NDArray[np.float32], targets: NDArray[np.float32]) -> Decision:
        """Fit the regression to all training proteins.

        Args:
            features: (n, features) scaled.
            targets: (n,) 0/1.
        """
        unfitted = kernel_regression.unfitted(features, 1)
        decision = cls(targets.astype(np.uint8)[:, None], unfitted)
        everyone = np.ones(len(targets), bool)
        (regression,) = decision.regressions([everyone])
        return dataclasses.replace(decision, regression=regression)

    def regressions(self, chosen: Iterable[NDArray[np.bool_]]) -> Iterator[KernelRegression]:
        """Fit regressions to some of the training proteins.

        Args:
            chosen: (n,) whether to fit the regression to a protein, for each regression.
        """
        features = self.regression.features
        kernels = np.stack([kernel_regression.kernel(SAME, own, features) for own in features])
        known = np.ones_like(self.targets)
        for fitted_to in chosen:
            yield kernel_regression.fit(kernels, features, self.targets, known, fitted_to)
