"""IDs that occur more than once: keep them, or make them unique."""

DUPLICATES = ("keep", "suffix", "error")  # what a user may want for an ID that came before


class UniqueNames:
    """Makes names unique by appending _2, _3 and so on to a name that came before.

    >>> names = UniqueNames()
    >>> [names.make(name) for name in ("a", "a", "a_2", "a")]
    ['a', 'a_2', 'a_2_2', 'a_3']
    """

    def __init__(self) -> None:
        self._next_number: dict[str, int] = {}  # name → number to try when it comes again

    def make(self, name: str) -> str:
        """Return the name itself if it is new, else the name with a number."""
        number = self._next_number.get(name)
        if number is None:
            self._next_number[name] = 2
            return name
        while f"{name}_{number}" in self._next_number:
            number += 1
        self._next_number[name] = number + 1
        return self.make(f"{name}_{number}")
