"""Every hyperparameter of training; imports nothing, so that the command line can list them."""

import dataclasses


def option(default, text):
    """A hyperparameter: its default and what the command line says of it."""
    return dataclasses.field(default=default, metadata={"help": text})


@dataclasses.dataclass(frozen=True)
class Config:
    """Every hyperparameter of training, with its default."""

    folds: int = option(8, "Parts the training data is cut into, by identity clusters.")
    members: int = option(8, "Networks to average; each leaves another fold out. At most as many as folds.")
    fold_identity: float = option(0.7, "Identity above which two sequences share a fold, 0-1.")
    epochs: int = option(40, "Epochs at most.")
    patience: int = option(12, "Epochs without a better macro F1 before a network stops.")
    batch_size: int = option(32, "Proteins per step of the network.")
    accumulation: int = option(2, "Batches whose gradients are added before the weights change.")
    learning_rate: float = option(1e-3, "Peak learning rate of AdamW (one-cycle schedule).")
    weight_decay: float = option(1e-2, "Weight decay of AdamW.")
    dropout: float = option(0.3, "Share of units dropped while training, 0-1.")
    alpha: float = option(0.75, "Focal loss: weight of positives, 0-1.")
    gamma: float = option(2.0, "Focal loss: how much easy examples are faded out.")
    label_smoothing: float = option(0.0, "Focal loss: label smoothing, 0-1.")
    weight_smoothing: float = option(10.0, "Class weights: N / (2 positives + this).")
    mixed_precision: bool = option(True, "Half precision on a GPU; has no effect on a CPU.")
    seed: int = option(0, "Seed of every random choice.")
