"""Print messages and progress for people, on standard error only."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import Protocol

from .errors import InputError

log = logging.getLogger("tpspred")


MAX_MESSAGE = 1000  # characters


def printable(text: str) -> str:
    r"""Return a text with every control character as Python writes it in a string.

    >>> printable("a\tb")
    'a\\tb'
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def one_line(message: str) -> str:
    r"""Return a message as one line of limited length, without control characters.

    Texts from a file of a stranger could otherwise forge messages or change the terminal.

    >>> one_line("record a\nb")
    'record a\\nb'
    """
    return printable(message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]} …")


class _OneLineFormatter(logging.Formatter):
    """Formats a log entry as one line."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line of an entry."""
        record.message = one_line(record.message)
        record.kind = "warning: " if record.levelno == logging.WARNING else ""
        return super().formatMessage(record)


class Advance(Protocol):
    """Function that moves a progress counter forward."""

    def __call__(self, count: int, total: int | None = None) -> object:
        """Add to the counter.

        Args:
            count: Number of items that are done since the last call.
            total: Number of items in all, if it is known.
        """


def configure(verbosity: int, log_file: str | os.PathLike[str] | None = None) -> None:
    """Send messages to standard error and, with all detail, to a log file.

    Args:
        verbosity: -1 for errors only, 0 for messages, 1 for detail such as every epoch.
        log_file: Path of the log file; text is appended to it. None for no log file.

    Raises:
        InputError: If the log file cannot be opened.
    """
    for old_handler in log.handlers[:]:
        log.removeHandler(old_handler)
        old_handler.close()
    log.setLevel(logging.DEBUG)
    log.propagate = False
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel({-1: logging.ERROR, 0: logging.INFO}.get(verbosity, logging.DEBUG))
    screen.setFormatter(_OneLineFormatter("tpspred: %(kind)s%(message)s"))
    log.addHandler(screen)
    if log_file:
        try:
            file_handler = logging.FileHandler(
                log_file, encoding="utf-8", errors="backslashreplace"
            )
        except OSError as error:
            raise InputError(f"{log_file}: cannot be written: {error.strerror}") from None
        file_handler.setFormatter(_OneLineFormatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(file_handler)


def notify(message: str, *values: object) -> None:
    """Print a message for every user, with ``%`` formatting."""
    log.info(message, *values)


def warn(message: str, *values: object) -> None:
    """Print a warning that a result may not be what the user expects."""
    log.warning(message, *values)


def detail(message: str, *values: object) -> None:
    """Print a detail, which only ``-v`` and the log file show."""
    log.debug(message, *values)


@contextlib.contextmanager
def progress(what: str) -> Iterator[Advance]:
    """Show a progress counter on a terminal, and nothing elsewhere or with ``-q``.

    Args:
        what: What is counted, such as ``proteins embedded``.

    Yields:
        Function that moves the counter forward.
    """
    quiet = all(handler.level > logging.INFO for handler in log.handlers)
    if quiet or not sys.stderr.isatty():
        yield lambda count, total=None: None
        return
    from rich.console import Console
    from rich.progress import (
        Progress,
        SpinnerColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description} {task.completed}"),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda count, total=None: bar.update(task, advance=count, total=total)
