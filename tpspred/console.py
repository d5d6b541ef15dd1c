"""Words and progress for people, on standard error only."""

import contextlib
import logging
import sys

log = logging.getLogger("tpspred")


def configure(verbosity, log_file=None):
    """Send messages to standard error and, with all detail, to a log file.

    Args:
        verbosity: -1 errors only, 0 messages, 1 detail such as every epoch.
    """
    for handler in log.handlers[:]:
        log.removeHandler(handler)
        handler.close()
    log.setLevel(logging.DEBUG)
    log.propagate = False
    screen = logging.StreamHandler(sys.stderr)
    screen.setLevel({-1: logging.ERROR, 0: logging.INFO}.get(verbosity, logging.DEBUG))
    screen.setFormatter(logging.Formatter("tpspred: %(message)s"))
    log.addHandler(screen)
    if log_file:
        handler = logging.FileHandler(log_file, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)


def notify(message, *values):
    """Say something that every user wants to know."""
    log.info(message, *values)


def warn(message, *values):
    """Say what may not be as the user expects."""
    log.warning(message, *values)


def detail(message, *values):
    """Say something for ``-v`` and the log file."""
    log.debug(message, *values)


@contextlib.contextmanager
def progress(what):
    """A counter on a terminal, nothing elsewhere; yields a function that adds to it and may be told a total."""
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
