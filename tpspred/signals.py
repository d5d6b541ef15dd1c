"""Let a process that is asked to end tidy up, and first finish what must not be cut."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SECONDS_UNTIL_AGAIN = 0.02


class Stopped(KeyboardInterrupt):
    """A signal asked the process to end.

    Attributes:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def raise_stopped() -> list[int]:
    """Raise Stopped from now on when a signal asks the process to end.

    A signal that the parent process ignores, such as SIGHUP after nohup, stays ignored. Where
    Python has to ignore the exception, as in the callback of a library, it is raised again soon.

    Returns:
        List to which the number of a received signal is added.
    """
    received: list[int] = []
    old_hook = sys.unraisablehook

    def stop(number: int, frame: object) -> None:
        received.append(number)
        raise Stopped(number)

    def stop_again(number: int, frame: object) -> None:
        raise Stopped(received[0])

    def raise_again(ignored: sys.UnraisableHookArgs) -> None:
        if issubclass(ignored.exc_type, Stopped):
            signal.setitimer(signal.ITIMER_REAL, SECONDS_UNTIL_AGAIN)
        else:
            old_hook(ignored)

    for number in END_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    signal.signal(signal.SIGALRM, stop_again)
    sys.unraisablehook = raise_again
    return received


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let the signals that end a process wait until the block ends.

    Only the main thread gets signals and may change what they do.
    """
    received: list[int] = []
    old_handlers = {}
    if threading.current_thread() is threading.main_thread():
        for number in (*END_SIGNALS, signal.SIGALRM):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                old_handlers[number] = signal.signal(number, lambda got, _: received.append(got))
    try:
        yield
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)
        for got in received:
            signal.raise_signal(got)
