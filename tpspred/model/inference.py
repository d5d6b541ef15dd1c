"""The networks of a model as matrix products of NumPy, so that a call needs no torch.

:class:`model.network.FusedNetwork` is the same network for training; a test compares both.
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..dataset.labels import GROUPS
from .trained import Weights

LAYER_NORM_EPSILON = 1e-5  # torch's default
_erf = np.frompyfunc(math.erf, 1, 1)


class Networks:
    """All networks of a model side by side.

    Args:
        weights: Weights of all networks, named as in ``FusedNetwork``, each (networks, …).
    """

    def __init__(self, weights: Weights) -> None:
        self._weights = {name: np.asarray(weights[name], np.float32) for name in weights}

    def logits(
        self, embedding: NDArray[np.float32], features: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Compute the logits of every network.

        Args:
            embedding: (n, dimension), scaled.
            features: (n, features), scaled.

        Returns:
            (members, n, labels) logits.
        """
        # Vectors of shape (members, n, 256).
        fused = np.concatenate(
            [self._block("embedding", embedding[None]), self._block("features", features[None])], 2
        )
        hidden = self._block("fusion", fused)
        logits = [self._linear(f"heads.{group}", hidden) for group in GROUPS]
        return np.concatenate(logits, 2).astype(np.float64)

    def _block(self, name: str, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply a linear layer, a layer norm and GELU.

        Args:
            name: Name of the block.
            inputs: (members or 1, n, inputs).

        Returns:
            (members, n, 256).
        """
        values = self._linear(f"{name}.0", inputs)
        scale, shift = self._weights[f"{name}.1.weight"], self._weights[f"{name}.1.bias"]
        centred = values - values.mean(2, keepdims=True)
        deviation = np.sqrt((centred**2).mean(2, keepdims=True) + LAYER_NORM_EPSILON)
        normed = centred / deviation * scale[:, None] + shift[:, None]
        erf = _erf(normed / math.sqrt(2)).astype(np.float32)
        return 0.5 * normed * (1 + erf)

    def _linear(self, name: str, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply a linear layer.

        The sums do not depend on the number of threads or rows: einsum uses one thread and one
        order, unlike a matrix product.

        Args:
            name: Name of the layer.
            inputs: (members or 1, n, inputs).

        Returns:
            (members, n, outputs).
        """
        weight = self._weights[f"{name}.weight"]  # (members, outputs, inputs)
        inputs = np.broadcast_to(inputs, (len(weight), *inputs.shape[1:]))
        products: NDArray[np.float32] = np.einsum("mni,moi->mno", inputs, weight)
        return products + self._weights[f"{name}.bias"][:, None]
