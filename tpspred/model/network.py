"""The fused network: embedding and features in, one logit per label out."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .trained import WIDTH


class FusedNetwork(nn.Module):
    """A network that fuses the embedding and the features of a protein.

    Each input becomes 256 numbers. Both together, 512, become 256 again, from which one linear
    head per group of labels makes the logits.

    Args:
        embedding_dimension: Length of the encoder's vector.
        feature_count: Number of engineered features.
        group_sizes: Group → number of its labels, in the order of the labels.
        dropout: Share of units dropped while training, 0–1.
    """

    def __init__(
        self,
        embedding_dimension: int,
        feature_count: int,
        group_sizes: Mapping[str, int],
        dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = _block(embedding_dimension, dropout)
        self.features = _block(feature_count, dropout)
        self.fusion = _block(2 * WIDTH, dropout)
        self.heads = nn.ModuleDict(
            {group: nn.Linear(WIDTH, count) for group, count in group_sizes.items()}
        )

    def forward(self, embedding: Tensor, features: Tensor) -> Tensor:
        """Compute the logits of proteins.

        Args:
            embedding: (proteins, embedding_dimension), scaled.
            features: (proteins, feature_count), scaled.

        Returns:
            (proteins, labels) logits, the heads side by side.
        """
        branches = [self.embedding(embedding), self.features(features)]  # 2 × (proteins, 256)
        fused = self.fusion(torch.cat(branches, 1))  # (proteins, 512) → (proteins, 256)
        return torch.cat([head(fused) for head in self.heads.values()], 1)  # (proteins, labels)


def _block(inputs: int, dropout: float) -> nn.Sequential:
    """Return one hidden layer, (proteins, inputs) → (proteins, 256)."""
    return nn.Sequential(
        nn.Linear(inputs, WIDTH), nn.LayerNorm(WIDTH), nn.GELU(), nn.Dropout(dropout)
    )
