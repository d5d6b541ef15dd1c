"""Every hyperparameter of training.

This module imports nothing heavy, so that the command line can list the hyperparameters fast.
"""

import argparse
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Protocol, TypeVar

from ..errors import TpspredError

Value = TypeVar("Value")  # bool, int, float or str

# The least allowed value of each number. Training needs three folds: one to leave out, one for
# early stopping, and one to learn from.
MIN_VALUES = {
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
MAX_VALUE = 2**32 - 1  # numpy takes no larger seed
SHARES = ("fold_identity", "tolerance", "dropout", "alpha", "label_smoothing")  # from 0 to 1


class Hyperparameters(Protocol):
    """A dataclass whose fields were all made by :func:`option`."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]


Kind = TypeVar("Kind", bound=Hyperparameters)


def option(default: Value, text: str) -> Value:
    """Return a dataclass field for one hyperparameter.

    Args:
        default: Default; its type is that of the hyperparameter.
        text: Help text that the command line shows.
    """
    return dataclasses.field(default=default, metadata={"help": text})


def check(options: object, min_values: Mapping[str, float], shares: Iterable[str]) -> None:
    """Reject values that are out of range.

    Args:
        options: Object with the hyperparameters as attributes.
        min_values: Name → least allowed value.
        shares: Names of the hyperparameters that go from 0 to 1.

    Raises:
        TpspredError: Naming the option, its value and its range.
    """
    for name, minimum in min_values.items():
        if not minimum <= getattr(options, name) <= MAX_VALUE:
            wanted = f"at least {minimum}"
            if getattr(options, name) > minimum:
                wanted = f"at most {MAX_VALUE}"
            raise TpspredError.at(flag(name), getattr(options, name), wanted)
    for name in shares:
        if not 0 <= getattr(options, name) <= 1:
            raise TpspredError.at(flag(name), getattr(options, name), "0 to 1")


def add_arguments(parser: argparse.ArgumentParser, kind: type[Hyperparameters]) -> None:
    """Add an option for every hyperparameter, except for switches.

    Args:
        parser: Parser of a command line.
        kind: Dataclass of the hyperparameters.
    """
    for field in dataclasses.fields(kind):
        if type(field.default) is not bool:
            parser.add_argument(
                flag(field.name),
                type=type(field.default),
                default=field.default,
                help=f"{field.metadata['help']} [{field.default}]",
            )


def from_arguments(arguments: argparse.Namespace, kind: type[Kind]) -> Kind:
    """Return the hyperparameters that were given on a command line.

    Args:
        arguments: Parsed arguments.
        kind: Dataclass of the hyperparameters.
    """
    given = {
        field.name: getattr(arguments, field.name)
        for field in dataclasses.fields(kind)
        if hasattr(arguments, field.name)
    }
    return kind(**given)


def flag(name: str) -> str:
    """Return the option of a hyperparameter on the command line.

    >>> flag("batch_size")
    '--batch-size'
    """
    return "--" + name.replace("_", "-")


@dataclasses.dataclass(frozen=True)
class Config:
    """Every hyperparameter of training, with its default and its help text."""

    folds: int = option(10, "Folds of the training data; an identity cluster is never split.")
    members: int = option(
        10, "Networks to average; each leaves out a different fold. At most as many as folds."
    )
    fold_identity: float = option(0.9, "Identity from which two sequences share a fold, 0-1.")
    epochs: int = option(30, "Epochs at most.")
    patience: int = option(
        10, "Stop after this number of consecutive epochs that are worse than the best."
    )
    tolerance: float = option(
        0.05,
        "An epoch is worse if its macro F1 is more than this below the best, 0-1. A network keeps "
        "the weights of the last epoch that is not worse.",
    )
    batch_size: int = option(64, "Proteins per batch.")
    accumulation: int = option(1, "Batches whose gradients are added before the weights change.")
    learning_rate: float = option(1e-3, "Peak learning rate of AdamW (one-cycle schedule).")
    weight_decay: float = option(1e-2, "Weight decay of AdamW.")
    dropout: float = option(0.2, "Share of units dropped while training, 0-1.")
    alpha: float = option(0.5, "Focal loss: weight of positives, 0-1.")
    gamma: float = option(2.0, "Focal loss: larger values give less weight to easy examples.")
    label_smoothing: float = option(0.0, "Focal loss: label smoothing, 0-1.")
    weight_smoothing: float = option(
        10.0, "Class weights: number added to the denominator of examples / (2 x positives)."
    )
    mixed_precision: bool = option(True, "Half precision on a GPU; has no effect on a CPU.")
    seed: int = option(0, "Seed of every random choice.")

    def __post_init__(self) -> None:
        """Reject values that are out of range.

        Raises:
            TpspredError: Naming the option, its value and its range.
        """
        check(self, MIN_VALUES, SHARES)
        if self.members > self.folds:
            raise TpspredError.at("--members", self.members, f"at most --folds, {self.folds}")
