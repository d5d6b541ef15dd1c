"""Kernel ridge regression: the labels of a protein as a smooth function of its likeness to enzymes.

Two proteins are alike if their vectors are and their engineered features are: the kernel is
exp(4 (cosine − 1)) · exp(−mean squared difference of the features). A label is the weighted
sum of the kernels to all enzymes; the weights solve a ridge regression (Saunders et al. 1998).
Beside the vote of the nearest enzymes it also hears what all others have to say.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

SHARPNESS = 4.0  # an enzyme whose cosine is less by 0.25 counts e times less
RIDGE = 0.2
MAX_DEVIATION = 2.5  # features are cut off at this number of standard deviations


@dataclasses.dataclass(frozen=True)
class KernelRegression:
    """A fitted regression.

    Features and coefficients have the precision of float16, in which a model file holds them.

    Attributes:
        features: (enzymes, features) engineered features of the enzymes, scaled and cut off.
        coefficients: (enzymes, labels) weights; 0 for enzymes that it was fitted without.
        means: (labels,) share of the enzymes that have the label.
    """

    features: NDArray[np.float32]
    coefficients: NDArray[np.float32]
    means: NDArray[np.float32]

    def shares(
        self, cosines: NDArray[np.floating], features: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Score one protein.

        Args:
            cosines: (enzymes,) similarity of the enzymes to the protein.
            features: (features,) engineered features of the protein, scaled.

        Returns:
            (labels,) values of the regression; near 0 or 1, and not always between them.
        """
        alike = kernel(cosines, cut_off(features), self.features)
        return np.einsum("i,ij->j", alike, self.coefficients, dtype=np.float64) + self.means


def unfitted(features: NDArray[np.float32], label_count: int) -> KernelRegression:
    """Return a regression that has yet to be fitted.

    Args:
        features: (enzymes, features) scaled.
        label_count: Number of labels.
    """
    return KernelRegression(
        cut_off(features).astype(np.float16).astype(np.float32),
        np.zeros((len(features), label_count), np.float32),
        np.zeros(label_count, np.float32),
    )


def cut_off(features: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return scaled features without extreme values, which would make a protein like no other."""
    return features.clip(-MAX_DEVIATION, MAX_DEVIATION)


def kernel(
    cosines: NDArray[np.floating], features: NDArray[np.floating], others: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return how alike a protein and others are.

    Args:
        cosines: (others,) similarity of the vectors.
        features: (features,) of the protein, scaled and cut off.
        others: (others, features).

    Returns:
        (others,) kernels, 0–1.
    """
    distance = ((others.astype(np.float64) - features) ** 2).mean(1)
    return np.exp(SHARPNESS * (cosines - 1) - distance)


def fit(
    kernels: NDArray[np.float64],
    features: NDArray[np.float32],
    targets: NDArray[np.uint8],
    known: NDArray[np.uint8],
    chosen: NDArray[np.bool_],
) -> KernelRegression:
    """Fit the regression to some of the enzymes.

    Args:
        kernels: (enzymes, enzymes) how alike they are.
        features: (enzymes, features) scaled and cut off.
        targets: (enzymes, labels) 0/1.
        known: (enzymes, labels) 1 where the target is known. A target that is not counts as the
            mean of the label, so that it draws to neither side.
        chosen: (enzymes,) whether to fit it to an enzyme.
    """
    import torch

    from ..device import one_thread

    asked = known[chosen].astype(np.float64)
    means = (targets[chosen] * asked).sum(0) / asked.sum(0).clip(min=1)
    wanted = (targets[chosen] - means) * asked
    with one_thread():  # LAPACK's sums depend on the number of threads
        block = torch.as_tensor(kernels[np.ix_(chosen, chosen)])
        factor = torch.linalg.cholesky(block + RIDGE * torch.eye(len(block)))
        solved = torch.cholesky_solve(torch.as_tensor(wanted), factor).numpy()
    coefficients = np.zeros(targets.shape, np.float32)
    coefficients[chosen] = solved.astype(np.float16)
    return KernelRegression(features, coefficients, means.astype(np.float32))
