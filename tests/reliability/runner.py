"""Run commands of tpspred with limits, signals and odd descriptors, and keep what they left."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = [sys.executable, str(ROOT / "bin/tpspred")]
# One thread each: threads that ran before a fork are missing after it. Pages have one date.
ENVIRONMENT = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
ENVIRONMENT["SOURCE_DATE_EPOCH"] = "0"
SECONDS = 30.0  # a command that takes longer hangs
MEMORY_MIB = 1024  # that a command may use on top of what importing takes
NOWHERE = "http://127.0.0.1:9"  # a proxy that is not there, so that nothing is downloaded
KEPT_BYTES = 1 << 24  # of the output of a command


@dataclasses.dataclass
class Job:
    """One run of the command line.

    Attributes:
        arguments: Arguments after ``tpspred``.
        folder: Folder that the command runs in.
        entry: Module whose function ``main`` is called.
        stdin: File that standard input reads.
        feed: Bytes per write if standard input is a pipe; 0 for the file itself.
        stdout: File that standard output writes, by default ``stdout`` beside the folder.
        reader_bytes: Standard output is a pipe whose reader goes after this many bytes.
        environment: Environment variables to set.
        seconds: Limit of time.
        memory_mib: Limit of memory, on top of what a process has that has imported everything.
        file_bytes: Limit of the size of a file.
        user: Number of the user that runs the command.
        signal: Signal to send, or 0.
        after: Seconds to wait before the signal, from the beginning or from the event.
        watch: Folder in which the event happens.
        event: ``created``, ``written`` or ``renamed``: what happens to a file in that folder.
        event_count: Number of events to wait for.
    """

    arguments: list[str]
    folder: pathlib.Path
    entry: str = "tpspred.cli"
    stdin: str = os.devnull
    feed: int = 0
    stdout: str = ""
    reader_bytes: int | None = None
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    seconds: float = SECONDS
    memory_mib: int = MEMORY_MIB
    file_bytes: int | None = None
    user: int | None = None
    signal: int = 0
    after: float = 0.0
    watch: str = ""
    event: str = "created"
    event_count: int = 1


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        status: Exit status, or the negative number of the signal that ended the process.
        out: Standard output.
        err: Standard error.
        timed_out: Whether it was killed because it took too long.
        seconds: How long it took.
        seconds_after_signal: How long it went on after the signal of the job; None if it had ended
            before.
        peak_mib: Memory that it used at most, on top of what importing takes.
    """

    status: int
    out: bytes
    err: str
    timed_out: bool = False
    seconds: float = 0.0
    seconds_after_signal: float | None = None
    peak_mib: float = 0.0


class Zygote:
    """A process of ``zygote.py``, which runs jobs in forked children, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(pathlib.Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ENVIRONMENT,
            start_new_session=True,  # Ctrl-C is for the campaign, which then ends this process
        )
        self._answer()

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def run(self, job: Job) -> Outcome:
        """Run a job and return what became of it."""
        beside = job.folder.parent
        job = dataclasses.replace(job, stdout=job.stdout or str(beside / "stdout"))
        fields = vars(job) | {"folder": str(job.folder), "stderr": str(beside / "stderr")}
        temporary = beside / "tmp"
        temporary.mkdir(exist_ok=True)
        temporary.chmod(0o777)
        fields["environment"] = {
            "TMPDIR": str(temporary),
            "HOME": str(beside / "home"),
            "TORCH_HOME": str(beside / "home"),
            "PATH": "",  # so that nothing is submitted to a cluster
            "http_proxy": NOWHERE,
            "https_proxy": NOWHERE,
        } | job.environment
        self._process.stdin.write(json.dumps(fields) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._answer())
        out = b""
        if os.path.isfile(job.stdout):
            with open(job.stdout, "rb") as handle:
                out = handle.read(KEPT_BYTES)
        err = (beside / "stderr").read_bytes().decode(errors="backslashreplace")
        return Outcome(out=out, err=err, **answer)

    def _answer(self) -> str:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that forks the commands has ended; see above")
        return line


def run_program(
    job: Job,
    redirection: str = "",
    environment: dict[str, str] | None = None,
    setup: str = "",
) -> Outcome:
    """Run a job as a process of its own, through a shell.

    Args:
        job: Job without signal and limits.
        redirection: What a shell writes behind the command, such as ``2>&-``.
        environment: Environment variables to set, beside those of the job.
        setup: What the shell does before, such as ``ulimit -v 1000000;``.
    """
    beside = job.folder.parent
    with (
        open(job.stdin, "rb") as stdin,
        open(beside / "stdout", "wb") as stdout,
        open(beside / "stderr", "wb") as stderr,
    ):
        done = subprocess.run(
            ["/bin/sh", "-c", f'{setup} exec "$@" {redirection}', "sh", *PROGRAM, *job.arguments],
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=job.folder,
            env=os.environ | ENVIRONMENT | job.environment | (environment or {}),
            timeout=job.seconds + 60,
        )
    err = (beside / "stderr").read_bytes().decode(errors="backslashreplace")
    return Outcome(done.returncode, (beside / "stdout").read_bytes(), err)


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that must not be.

    Attributes:
        column: Column of the campaign's table that counts it, one of :data:`COLUMNS`.
        text: What was found.
    """

    column: str
    text: str


OTHER, TRACEBACK, HANG = "other status", "tracebacks", "hangs"
MEMORY, UNCLEAR = "memory", "unclear messages"
WRONG, LEFTOVER = "wrong answers", "leftovers"
COLUMNS = (OTHER, TRACEBACK, HANG, MEMORY, UNCLEAR, WRONG, LEFTOVER)

# What only a defect of the program prints.
DEFECT = re.compile(r"Traceback \(most recent|this is a bug|Exception ignored in", re.IGNORECASE)
NO_MEMORY = re.compile(r"\bmemory\b|MemoryError|[Uu]nable to allocate", re.IGNORECASE)
# A library that gets no memory may end the process; no program can prevent that.
CRASHES = (-signal.SIGABRT, -signal.SIGBUS, -signal.SIGSEGV)
ENDED_BY = {signal.SIGINT: (130,), signal.SIGTERM: (143, -15), signal.SIGKILL: (-9,)}


def findings_of_process(
    outcome: Outcome, ended_by: int = 0, memory_is_short: bool = False
) -> list[Finding]:
    """Return what is wrong with the way in which a process ended and with what it said.

    Args:
        outcome: What became of the process.
        ended_by: Signal that was sent to it, or 0.
        memory_is_short: Whether the trial gave it too little memory on purpose.
    """
    findings = []
    if outcome.timed_out:
        return [Finding(HANG, f"still running after {outcome.seconds:.0f} s")]
    expected = (0, 1, 2, *ENDED_BY.get(ended_by, ()), *(CRASHES if memory_is_short else ()))
    if outcome.status not in expected:
        text = crash_site(outcome.err) or last_line(outcome.err)
        findings.append(Finding(OTHER, f"exit status {outcome.status}: {text}"))
    if DEFECT.search(outcome.err):
        findings.append(Finding(TRACEBACK, last_line(outcome.err)))
    elif outcome.status in (1, 2) and NO_MEMORY.search(outcome.err) and not memory_is_short:
        findings.append(Finding(MEMORY, last_line(outcome.err)))
    if not findings and outcome.status >= 0 and (problem := unclear(outcome)):
        findings.append(Finding(UNCLEAR, problem))
    return findings


def unclear(outcome: Outcome) -> str:
    """Return what is unclear about the messages of a process, or ''."""
    lines = outcome.err.splitlines()
    errors = [line for line in lines if line.startswith(("tpspred: error:", "Error: "))]
    if outcome.status in (1, 2) and len(errors) != 1:
        return f"exit status {outcome.status} with {len(errors)} error messages: {lines[-3:]}"
    usage = outcome.status == 2 and lines[0].startswith(("Usage: ", "Error: "))
    foreign = [line for line in lines if not line.startswith("tpspred: ")]
    if foreign and not usage:
        return f"a line that is not from tpspred: {foreign[0][:300]}"
    return ""


def crash_site(text: str) -> str:
    """Return where a crash happened, as faulthandler has printed it, or ''."""
    frames = re.findall(r'^  File "(?:.*/)?([^"/]+)", line (\d+) in (.*)$', text, re.MULTILINE)
    return " < ".join(f"{name}:{line} {function}" for name, line, function in frames[:4])


def last_line(text: str) -> str:
    """Return the last line of a text, or ''."""
    return (text.strip().splitlines() or [""])[-1][:300]
