"""Errors in a user's data, with messages that help the user to correct them."""

from typing import TypeVar

Error = TypeVar("Error", bound="TpspredError")


class TpspredError(Exception):
    """Bad data, file or model. The command line prints the message and exits with 1."""

    @classmethod
    def at(cls: type[Error], place: object, found: object, wanted: object) -> Error:
        """Make an error that says where it is, what was found there, and what was wanted.

        Args:
            place: File, line and record.
            found: What stands there.
            wanted: What should stand there.

        >>> raise InputError.at("x.faa, line 3", "a digit", "amino acids")
        Traceback (most recent call last):
        tpspred.errors.InputError: x.faa, line 3: found a digit; wanted amino acids
        """
        return cls(f"{place}: found {found}; wanted {wanted}")


class InputError(TpspredError):
    """A sequence or table cannot be read."""


class StoreError(TpspredError):
    """A store of representations is damaged or does not fit."""


class ModelError(TpspredError):
    """A model or encoder file is damaged or does not fit."""


class MissingDependency(TpspredError):
    """An optional package that this step needs is not installed."""
