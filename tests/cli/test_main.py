"""What the command line makes of errors, signals and closed streams."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time

import pytest
from support import DATA, ROOT

from tpspred import cli
from tpspred.errors import InputError

SCRIPT = [sys.executable, str(ROOT / "bin/tpspred")]
PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()


@pytest.mark.parametrize(
    "error, line",
    [
        (InputError("x.faa: found nothing"), "x.faa: found nothing"),
        (InputError("id a\nb\x1b[2J"), r"id a\nb\x1b[2J"),
        (InputError("9" * 5000), "9" * (1000 - len("error: ")) + " …"),
        (OSError(errno.EIO, "Input/output error", "x.faa"), "x.faa: Input/output error"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (MemoryError(), "there is not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "there is not enough memory"),
        (RuntimeError("std::bad_alloc"), "there is not enough memory"),
        (ImportError("libtorch.so: no"), "a package cannot be loaded: libtorch.so: no"),
        (
            ZeroDivisionError("division by zero"),
            "unexpected ZeroDivisionError: division by zero; this is a bug, please report it with "
            "what the same command prints after tpspred --debug",
        ),
        (
            UnicodeEncodeError("latin-1", "α", 0, 1, "no"),
            "unexpected UnicodeEncodeError: 'latin-1' codec can't encode character '\u03b1' in "
            "position 0: no; this is a bug, please report it with what the same command prints "
            "after tpspred --debug",
        ),
        (KeyError(), "unexpected KeyError: ; this is a bug, please report it with what the same "
         "command prints after tpspred --debug"),
    ],
)  # fmt: skip
def test_any_error_is_one_line(run, monkeypatch, error, line):
    """No input is known that makes a library fail in each of these ways, so the error is raised."""

    def fail(*arguments):
        raise error

    monkeypatch.setattr("tpspred.model.checkpoint.load", fail)
    done = run("predict", PROTEINS)
    shown = done.err.replace("\\u03b1", "α")
    assert (done.code, done.out, shown) == (1, b"", f"tpspred: error: {line}\n")
    monkeypatch.setattr(sys, "argv", ["tpspred", "--debug", "predict", str(PROTEINS)])
    with pytest.raises(type(error)):
        cli.main()


def shell(line, folder):
    """Run a line of bash in which $T is the program and $F the proteins of test_data."""
    environment = os.environ | {"T": " ".join(SCRIPT), "F": str(PROTEINS)}
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, cwd=folder, timeout=100, env=environment
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "line, code, out, err",
    [
        ("$T predict $F 2>&-", 0, EXPECTED, b""),
        ("$T predict $F -o x 2>&-; cat x", 0, EXPECTED, b""),
        ("$T predict -q $F -o x >&-; cat x", 0, EXPECTED, b""),
        ("$T predict $F >&-", 1, b"", b"tpspred: error: standard output is closed\n"),
        ("$T predict - <&-", 1, b"", b"tpspred: error: standard input is closed\n"),
        ("$T --version > /dev/full", 1, b"", b"tpspred: error: No space left on device\n"),
        (
            "$T predict -q $F > /dev/full",
            1,
            b"",
            b"tpspred: error: standard output: cannot be written: No space left on device\n",
        ),
        ("$T predict -q $F -o /dev/stdout", 0, EXPECTED, b""),
        ("echo a > x; $T predict -q $F -o /dev/stdout >> x; cat x", 0, b"a\n" + EXPECTED, b""),
        (
            "$T predict -q $F -o >(cat > x; : > y); until test -e y; do sleep 0.1; done; cat x",
            0,
            EXPECTED,
            b"",
        ),
        ("cp $F p; $T predict -q - < p -o p", 2, b"", b"the output p is the input -"),
        ("cp $F p; $T predict -q p >> p", 2, b"", b"the output standard output is the input p"),
        (
            "printf '>αlpha\\nMKV\\n' | PYTHONIOENCODING=latin-1 $T predict -q - | cut -f1",
            0,
            "id\nαlpha\n".encode(),
            b"",
        ),
        ("$T predict $F --log nowhere/x", 1, b"", b"nowhere/x: cannot be written: No such file"),
    ],
)  # fmt: skip
def test_streams_that_are_closed_full_or_of_another_kind(tmp_path, line, code, out, err):
    done = shell(line, tmp_path)
    assert (done.returncode, done.stdout) == (code, out), done.stderr
    assert err in done.stderr and b"Traceback" not in done.stderr
    assert bool(err) == bool(done.stderr)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_leave_nothing_and_have_their_exit_status(tmp_path, number):
    (tmp_path / "x.tsv").write_text("old")
    process = subprocess.Popen(
        [*SCRIPT, "predict", "-", "-o", "x.tsv", "--html", "x.html"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    process.stdin.write(PROTEINS.read_bytes())
    process.stdin.flush()
    # The outputs are open when their temporary files are there.
    while len(os.listdir(tmp_path)) < 3 and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 128 + number
    assert err.decode() == f"tpspred: {signal.strsignal(number)}\n"
    assert os.listdir(tmp_path) == ["x.tsv"] and (tmp_path / "x.tsv").read_text() == "old"


@pytest.mark.slow
def test_a_signal_that_the_parent_ignores_stays_ignored(tmp_path):
    process = subprocess.Popen(
        [*SCRIPT, "predict", "-q", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert process.stdout.readable()
    time.sleep(1)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(PROTEINS.read_bytes())
    assert (process.returncode, out) == (0, EXPECTED)


def test_a_swallowed_signal_still_ends_with_its_status(run, monkeypatch):
    """A library may catch the exception, so the handler remembers the signal."""

    def swallow(received):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        return 0

    monkeypatch.setattr(cli, "_run", swallow)
    assert run("info").code == 130


def test_an_error_that_a_signal_has_caused_is_not_reported(run, monkeypatch):
    """A library may make an error of its own from the exception."""

    def fail(*arguments):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        raise TypeError("no callback")

    monkeypatch.setattr("tpspred.model.checkpoint.load", fail)
    done = run("predict", PROTEINS)
    assert (done.code, done.err) == (143, "tpspred: Terminated\n")
