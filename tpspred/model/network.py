"""The fused network."""

import torch
from torch import nn

WIDTH = 256


class FusedNetwork(nn.Module):
    """Embedding and features, 256 numbers each, fused 512 → 256, one logit per label.

    Args:
        embedding_dimension: What the encoder gives.
        feature_count: Number of engineered features.
        group_sizes: Labels per head, as {group: count}, in the order of the labels.
        dropout: Share of units dropped while training.
    """

    def __init__(self, embedding_dimension, feature_count, group_sizes, dropout):
        super().__init__()
        self.embedding = _block(embedding_dimension, dropout)
        self.features = _block(feature_count, dropout)
        self.fusion = _block(2 * WIDTH, dropout)
        self.heads = nn.ModuleDict(
            {group: nn.Linear(WIDTH, count) for group, count in group_sizes.items()}
        )

    def forward(self, embedding, features):
        """Logits.

        Args:
            embedding: (proteins, embedding_dimension), scaled.
            features: (proteins, feature_count), scaled.

        Returns:
            (proteins, labels), heads side by side.
        """
        branches = torch.cat(
            [self.embedding(embedding), self.features(features)], 1
        )  # (proteins, 512)
        fused = self.fusion(branches)  # (proteins, 256)
        return torch.cat([head(fused) for head in self.heads.values()], 1)  # (proteins, labels)


def _block(inputs, dropout):
    return nn.Sequential(
        nn.Linear(inputs, WIDTH), nn.LayerNorm(WIDTH), nn.GELU(), nn.Dropout(dropout)
    )
