"""Let a process that is asked to end tidy up, and first finish what must not be cut."""

import contextlib
import signal
import threading
from collections.abc import Iterator

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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

    A signal that the parent process ignores, such as SIGHUP after nohup, stays ignored.

    Returns:
        List to which the number of a received signal is added.
    """
    received: list[int] = []

    def stop(number: int, frame: object) -> None:
        received.append(number)
        raise Stopped(number)

    for number in END_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
    return received


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let the signals that end a process wait until the block ends.

    Only the main thread gets signals and may change what they do.
    """
    received: list[int] = []
    old_handlers = {}
    if threading.current_thread() is threading.main_thread():
        for number in END_SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                old_handlers[number] = signal.signal(number, lambda got, _: received.append(got))
    try:
        yield
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)
        for got in received:
            signal.raise_signal(got)
