import os
import signal
import sys
import threading
import time
import weakref

import pytest

from tpspred import signals


@pytest.fixture(autouse=True)
def restored():
    """Give the handlers of all signals back as they were."""
    numbers = (*signals.END_SIGNALS, signal.SIGALRM)
    handlers = {number: signal.getsignal(number) for number in numbers}
    hook = sys.unraisablehook
    yield
    sys.unraisablehook = hook
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", signals.END_SIGNALS)
def test_a_signal_raises_stopped_and_is_remembered(number):
    received = signals.raise_stopped()
    with pytest.raises(signals.Stopped) as caught:
        os.kill(os.getpid(), number)
    assert caught.value.number == number and received == [number]
    assert issubclass(signals.Stopped, KeyboardInterrupt)


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    received = signals.raise_stopped()
    with signals.deferred():
        os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGHUP)
    assert not received


def test_signals_wait_until_the_block_ends():
    received = signals.raise_stopped()
    done = []
    with pytest.raises(signals.Stopped) as caught:
        with signals.deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("whole")
        done.append("not reached")
    assert caught.value.number == signal.SIGTERM
    assert done == ["whole"] and received == [signal.SIGTERM]
    with pytest.raises(signals.Stopped):
        os.kill(os.getpid(), signal.SIGINT)


def test_another_thread_defers_nothing():
    before = [signal.getsignal(number) for number in signals.END_SIGNALS]
    inside = []

    def work():
        with signals.deferred():
            inside.extend(signal.getsignal(number) for number in signals.END_SIGNALS)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == before


def test_a_signal_that_python_has_to_ignore_is_raised_again(capsys):
    """The exception of a callback of a weak reference goes nowhere."""

    class Thing:
        pass

    received = signals.raise_stopped()
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(signals.Stopped) as caught:
        del thing
        time.sleep(10)
    assert reference() is None and caught.value.number == signal.SIGTERM
    assert received == [signal.SIGTERM] and capsys.readouterr().err == ""


def test_other_errors_that_python_ignores_are_still_shown(monkeypatch):
    shown = []
    monkeypatch.setattr(sys, "unraisablehook", shown.append)
    signals.raise_stopped()

    class Thing:
        def __del__(self):
            raise ValueError("lost")

    Thing()
    assert [str(ignored.exc_value) for ignored in shown] == ["lost"]
