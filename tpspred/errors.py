"""What can go wrong with a user's data, said so that the user can mend it."""


class TpspredError(Exception):
    """Bad data, file or model. The command line prints it and exits with 1."""

    @classmethod
    def at(cls, place, found, wanted):
        """Build an error from where it is, what stands there and what should.

        >>> raise InputError.at("x.faa, line 3", "a digit", "amino acids")
        Traceback (most recent call last):
        tpspred.errors.InputError: x.faa, line 3: found a digit; wanted amino acids
        """
        return cls(f"{place}: found {found}; wanted {wanted}")


class InputError(TpspredError):
    """A sequence or table that cannot be read."""


class StoreError(TpspredError):
    """A representation store that is damaged or does not fit."""


class ModelError(TpspredError):
    """A model or encoder file that is damaged or does not fit."""


class MissingDependency(TpspredError):
    """An optional package that this step needs is not installed."""
