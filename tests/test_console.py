import io
import logging
import re
import sys

import pytest

from tpspred import console
from tpspred.errors import InputError


@pytest.fixture(autouse=True)
def restored():
    """Give the console back as it was."""
    handlers, propagate, level = console.log.handlers[:], console.log.propagate, console.log.level
    for handler in handlers:
        console.log.removeHandler(handler)
    yield
    for handler in console.log.handlers[:]:
        console.log.removeHandler(handler)
        handler.close()
    for handler in handlers:
        console.log.addHandler(handler)
    console.log.propagate = propagate
    console.log.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def say_all():
    console.detail("epoch %d", 1)
    console.notify("%d proteins", 7)
    console.warn("no %s", "calibration")
    logging.getLogger("tpspred").error("broken")


@pytest.mark.parametrize(
    "verbosity, expected",
    [
        (-1, ["broken"]),
        (0, ["7 proteins", "warning: no calibration", "broken"]),
        (1, ["epoch 1", "7 proteins", "warning: no calibration", "broken"]),
    ],
)
def test_verbosity_chooses_the_messages_on_standard_error(capsys, verbosity, expected):
    console.configure(verbosity)
    say_all()
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [f"tpspred: {message}" for message in expected]
    assert captured.out == ""


@pytest.mark.parametrize("verbosity", [-1, 0])
def test_log_file_gets_all_detail_and_is_appended_to(tmp_path, verbosity):
    path = tmp_path / "x.log"
    for _ in range(2):
        console.configure(verbosity, path)
        say_all()
    console.configure(verbosity)
    say_all()
    levels = [re.fullmatch(r"\S+ \S+ (\w+) .+", line)[1] for line in path.read_text().splitlines()]
    assert levels == ["DEBUG", "INFO", "WARNING", "ERROR"] * 2


def test_configuring_again_does_not_double_the_messages(capsys):
    console.configure(0)
    console.configure(0)
    console.notify("once")
    assert capsys.readouterr().err == "tpspred: once\n"


def test_progress_shows_nothing_off_a_terminal(capsys):
    console.configure(0)
    with console.progress("proteins") as advance:
        advance(3)
        advance(1, total=4)
    captured = capsys.readouterr()
    assert captured.err == captured.out == ""


def test_progress_counts_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    console.configure(0)
    with console.progress("proteins embedded") as advance:
        advance(30)
        advance(12, total=84)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sys.stderr.getvalue())
    assert "proteins embedded 42" in text and "50%" in text


def test_quiet_means_no_progress_even_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    console.configure(-1)
    with console.progress("proteins") as advance:
        advance(3)
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("id", ["a\ntpspred: 7 proteins scored", "a\x1b[2J", "a\x85b\u2028"])
def test_no_id_forges_a_message(capsys, tmp_path, id):
    console.configure(0, tmp_path / "log")
    console.warn("record %s", id)
    (shown,) = capsys.readouterr().err.splitlines()
    (logged,) = (tmp_path / "log").read_text().splitlines()
    assert shown.isprintable() and logged.isprintable() and "record a\\" in shown


def test_a_long_message_is_cut(capsys):
    console.configure(0)
    console.warn("%s", "9" * 10_000)
    assert len(capsys.readouterr().err) < 1100


def test_a_log_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere/log: cannot be written: No such file"):
        console.configure(0, tmp_path / "nowhere" / "log")
