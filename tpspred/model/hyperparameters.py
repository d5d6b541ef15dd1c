"""Every hyperparameter of training; imports nothing heavy, so that the command line can list them."""

import dataclasses

from ..errors import TpspredError


def option(default, text):
    """A hyperparameter: its default and what the command line says of it."""
    return dataclasses.field(default=default, metadata={"help": text})


def check(options, least, shares):
    """Refuse what cannot be trained with.

    Args:
        options: Object with the options as attributes.
        least: {name: least value}.
        shares: Names of those from 0 to 1.

    Raises:
        TpspredError: Naming the option, its value and its range.
    """
    for name, value in least.items():
        if getattr(options, name) < value:
            raise TpspredError.at(flag(name), getattr(options, name), f"at least {value}")
    for name in shares:
        if not 0 <= getattr(options, name) <= 1:
            raise TpspredError.at(flag(name), getattr(options, name), "0 to 1")


def add_arguments(parser, kind):
    """Add an option for every field to an argparse parser, except for switches."""
    for field in dataclasses.fields(kind):
        if type(field.default) is not bool:
            parser.add_argument(
                flag(field.name),
                type=type(field.default),
                default=field.default,
                help=f"{field.metadata['help']} [{field.default}]",
            )


def from_arguments(arguments, kind):
    """The hyperparameters that were parsed."""
    return kind(
        **{
            field.name: getattr(arguments, field.name)
            for field in dataclasses.fields(kind)
            if hasattr(arguments, field.name)
        }
    )


def flag(name):
    """What an option is called on the command line.

    >>> flag("batch_size")
    '--batch-size'
    """
    return "--" + name.replace("_", "-")


@dataclasses.dataclass(frozen=True)
class Config:
    """Every hyperparameter of training, with its default."""

    folds: int = option(10, "Parts the training data is cut into, by identity clusters.")
    members: int = option(
        10, "Networks to average; each leaves another fold out. At most as many as folds."
    )
    fold_identity: float = option(0.9, "Identity above which two sequences share a fold, 0-1.")
    epochs: int = option(30, "Epochs at most.")
    patience: int = option(10, "Epochs below the best macro F1 after which a network stops.")
    tolerance: float = option(
        0.05,
        "How far below the best a macro F1 is not yet worse, 0-1; the last such epoch is kept.",
    )
    batch_size: int = option(64, "Proteins per step of the network.")
    accumulation: int = option(1, "Batches whose gradients are added before the weights change.")
    learning_rate: float = option(1e-3, "Peak learning rate of AdamW (one-cycle schedule).")
    weight_decay: float = option(1e-2, "Weight decay of AdamW.")
    dropout: float = option(0.2, "Share of units dropped while training, 0-1.")
    alpha: float = option(0.5, "Focal loss: weight of positives, 0-1.")
    gamma: float = option(2.0, "Focal loss: how much easy examples are faded out.")
    label_smoothing: float = option(0.0, "Focal loss: label smoothing, 0-1.")
    weight_smoothing: float = option(10.0, "Class weights: N / (2 positives + this).")
    mixed_precision: bool = option(True, "Half precision on a GPU; has no effect on a CPU.")
    seed: int = option(0, "Seed of every random choice.")

    def __post_init__(self):
        """Refuse what cannot be trained with.

        Raises:
            TpspredError: Naming the option, its value and its range.
        """
        check(self, LEAST, SHARES)
        if self.members > self.folds:
            raise TpspredError.at("--members", self.members, f"at most --folds, {self.folds}")


# Of three folds one is left out, one stops the training and one trains.
LEAST = {
    "folds": 3,
    "members": 1,
    "epochs": 1,
    "patience": 1,
    "batch_size": 1,
    "accumulation": 1,
    "learning_rate": 0,
    "weight_decay": 0,
    "gamma": 0,
    "weight_smoothing": 0,
    "seed": 0,
}
SHARES = ("fold_identity", "tolerance", "dropout", "alpha", "label_smoothing")
