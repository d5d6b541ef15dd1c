"""Faults of the machine: a run is killed, a disk is full, a stream is closed, memory is short.

Each fault meets a run that writes over the outputs of an earlier one. Afterwards, each output must
be the old or the new one as a whole, and the same command without the fault must give the new ones.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator

from .bases import FORMATS, Bases
from .cases import Case, contents, prepare, temporary_files
from .programs import PROGRAMS, Program, prediction
from .runner import (
    LEFTOVER,
    OTHER,
    WRONG,
    Finding,
    Job,
    Outcome,
    Zygote,
    findings_of_process,
    last_line,
    run_program,
)

NOBODY = 65534  # user without rights
SWALLOWED = 0.5  # seconds that a run may go on after a signal that does not end it
PAGE = 4096
# Standard streams that can write no Greek letter.
LOCALES = (
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"},
)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a fault gets.

    Attributes:
        rng: Source of everything random.
        bases: Valid files.
        folder: Empty folder of the trial.
        zygote: Process that runs commands.
    """

    rng: random.Random
    bases: Bases
    folder: pathlib.Path
    zygote: Zygote


Result = tuple[Outcome, list[Finding]]
Fault = Callable[[Setting], Result]


def some_program(at: Setting) -> Program:
    """Return one of the programs."""
    makers, shares = zip(*PROGRAMS.values())
    return at.rng.choices(makers, shares)[0](at.bases)


def killed(at: Setting, number: int = signal.SIGKILL) -> Result:
    """Send a signal at a random moment, and run the command again."""
    program = some_program(at)
    job = prepare(program.case(), at.folder)
    outcome = at.zygote.run(dataclasses.replace(job, signal=number, **moment(at.rng, program, job)))
    files = contents(job.folder)
    findings = findings_of_process(outcome, number)
    findings += wrong_state(program, files, outcome)
    if number != signal.SIGKILL:
        findings += left_behind(program, files, at.folder)
        delay = outcome.seconds_after_signal or 0
        if outcome.status == 0 and delay > SWALLOWED:
            findings.append(Finding(OTHER, f"went on for {delay:.1f} s after the signal, exit 0"))
        if outcome.status in (1, 2):
            findings.append(Finding(OTHER, f"exit {outcome.status} after signal {number}"))
    return outcome, findings + run_again(program, job, at.zygote)


def terminated(at: Setting) -> Result:
    """Send SIGTERM."""
    return killed(at, signal.SIGTERM)


def interrupted(at: Setting) -> Result:
    """Send SIGINT, as Ctrl-C does."""
    return killed(at, signal.SIGINT)


def moment(rng: random.Random, program: Program, job: Job) -> dict[str, object]:
    """Return the moment of a signal: at any time, while files are made, or while they are renamed.

    The renames take less than a thousandth of a run, so they are aimed at.
    """
    kind = rng.choice(("time", "time", "created", "written", "renamed", "renamed"))
    if kind == "time":
        return {"after": rng.uniform(0, 1.2 * program.seconds)}
    count = rng.randint(1, 20 if kind == "written" else len(program.new))
    after = rng.choice((0, rng.uniform(0, 0.001), rng.uniform(0, 0.1)))
    return {"watch": str(job.folder), "event": kind, "event_count": count, "after": after}


def wrong_state(program: Program, files: dict[str, bytes], outcome: Outcome) -> list[Finding]:
    """Return what is wrong with the outputs after a fault."""
    findings = []
    is_new = {}
    for name, new in program.new.items():
        found = files.get(name)
        is_new[name] = found == new != program.old[name]
        if found not in (new, program.old[name]):
            size = "no file" if found is None else f"{len(found)} bytes"
            findings.append(Finding(WRONG, f"{name} is neither the old nor the new one: {size}"))
    old_names = [name for name, new in program.new.items() if files.get(name) != new]
    if program.last and is_new[program.last] and old_names:
        findings.append(Finding(WRONG, f"{program.last} is new, but {old_names} are old"))
    if outcome.status == 0 and old_names:
        findings.append(Finding(WRONG, f"exit 0, but {old_names} are old"))
    if outcome.status in (1, 2) and any(is_new.values()):
        findings.append(Finding(WRONG, f"exit {outcome.status}, but outputs are new"))
    return findings


def left_behind(program: Program, files: dict[str, bytes], folder: pathlib.Path) -> list[Finding]:
    """Return the files that a run has left and should not."""
    expected = {*program.inputs, *program.new, program.journal}
    names = sorted(files.keys() - expected) + temporary_files(folder)
    return [Finding(LEFTOVER, f"left {name}") for name in names]


def run_again(program: Program, job: Job, zygote: Zygote) -> list[Finding]:
    """Run a command once more, without a fault, and return what is wrong then."""
    temporary = job.folder.parent / "tmp"
    shutil.rmtree(temporary)  # what a killed run has left there is for the system to remove
    plain = Job(job.arguments, job.folder, stdin=job.stdin)
    outcome = zygote.run(plain)
    files = contents(job.folder)
    findings = []
    if outcome.status:
        text = f"the run after the fault: exit {outcome.status}: {last_line(outcome.err)}"
        findings.append(Finding(WRONG, text))
    for name, new in program.new.items():
        if files.get(name) != new:
            findings.append(Finding(WRONG, f"the run after the fault gives another {name}"))
    expected = {*program.inputs, *program.new}
    for name in sorted(files.keys() - expected) + temporary_files(job.folder.parent):
        findings.append(Finding(LEFTOVER, f"still there after the next run: {name}"))
    return findings


def failed(program: Program, job: Job, zygote: Zygote, memory_is_short: bool = False) -> Result:
    """Run a job that has a fault, and the command without it; return what is wrong."""
    outcome = zygote.run(job)
    files = contents(job.folder)
    findings = findings_of_process(outcome, memory_is_short=memory_is_short)
    findings += wrong_state(program, files, outcome)
    if outcome.status >= 0:
        findings += left_behind(program, files, job.folder.parent)
    return outcome, findings


def file_size(at: Setting) -> Result:
    """No file may become larger than a limit."""
    program = some_program(at)
    job = prepare(program.case(), at.folder)
    largest = max(map(len, program.new.values()))
    limited = dataclasses.replace(job, file_bytes=at.rng.randint(1000, max(largest, 1001)))
    outcome, findings = failed(program, limited, at.zygote)
    return outcome, findings + run_again(program, job, at.zygote)


@contextlib.contextmanager
def small_disk(folder: pathlib.Path, size: int, files: int) -> Iterator[bool]:
    """Mount a small file system in memory, if this user may; yield whether it is there."""
    if os.geteuid():
        yield False
        return
    options = f"size={size},nr_inodes={files}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def full_disk(at: Setting) -> Result:
    """The file system has too few bytes or too few files; without root, a limit of file size."""
    program = some_program(at)
    case = program.case()
    there = sum(
        len(content or b"") // PAGE + 1
        for content in (*case.files.values(), *case.outputs.values())
    )
    wanted = sum(len(content) // PAGE + 1 for content in program.new.values())
    pages = there + at.rng.randint(0, wanted)
    entries = len(case.files) + len(case.outputs) + 1
    entries += at.rng.choice((1000, 1000, at.rng.randint(0, len(program.new))))
    work = at.folder / "work"
    work.mkdir(parents=True)
    with small_disk(work, pages * PAGE, entries) as is_mounted:
        if not is_mounted:
            work.rmdir()
            return file_size(at)
        job = prepare(case, at.folder)
        return failed(program, job, at.zygote)


def short_memory(at: Setting) -> Result:
    """There is too little memory."""
    program = some_program(at)
    job = prepare(program.case(), at.folder)
    limited = dataclasses.replace(job, memory_mib=int(2 ** at.rng.uniform(0, 9)))
    outcome, findings = failed(program, limited, at.zygote, memory_is_short=True)
    return outcome, findings + run_again(program, job, at.zygote)


def reader_leaves(at: Setting) -> Result:
    """The reader of standard output goes before the end, as head does."""
    kind = at.rng.choice(("jsonl", "html", "gff3", "tsv"))
    case = Case(["predict", "-", "-m", at.bases.path("c.h5"), "-f", kind, "-t", "1"])
    case.stdin = at.bases["p.faa"] * at.rng.choice((1, 5))
    job = prepare(case, at.folder)
    job.reader_bytes = at.rng.choice((0, 1, 100, 10_000))
    outcome = at.zygote.run(job)
    findings = findings_of_process(outcome)
    if outcome.status:
        findings.append(Finding(OTHER, f"exit {outcome.status}: {last_line(outcome.err)}"))
    return outcome, findings


def full_device(at: Setting) -> Result:
    """Standard output is a device that is full."""
    proteins, model = at.bases.path("p.faa"), ["-m", at.bases.path("c.h5")]
    arguments = at.rng.choice(
        (
            ["predict", proteins, *model],
            ["predict", proteins, *model, "-f", at.rng.choice(FORMATS)],
            ["explain", proteins, "--id", "bacteria_sesq_di_1", *model],
            ["info", at.bases.path("c.h5")],
            ["info", at.bases.path("c.h5"), "--json"],
            ["merge", *(at.bases.path(f"p{number}.tsv") for number in (1, 2, 3)), "-o", "-"],
            ["embed", proteins, "--encoder", at.bases.path("e.h5"), "-o", "-"],
            ["predict", "--help"],
            ["--help"],
            ["--version"],
        )
    )
    job = prepare(Case(arguments), at.folder)
    job.stdout = "/dev/full"
    outcome = at.zygote.run(job)
    findings = findings_of_process(outcome)
    if outcome.status != 1:
        findings.append(Finding(OTHER, f"exit {outcome.status}, though nothing was written"))
    return outcome, findings


def forbidden(at: Setting) -> Result:
    """A file or folder may not be read or written."""
    program = prediction(at.bases)
    job = prepare(program.case(), at.folder)
    for parent in (at.bases.folder.parent, at.bases.folder, at.folder, job.folder):
        parent.chmod(0o755)
    job.folder.chmod(0o777)
    for name in contents(job.folder):
        os.chmod(job.folder / name, 0o666)
    secret = at.folder / "secret"
    secret.mkdir(0o000)
    what = at.rng.choice(("input", "folder", "output", "log", "model"))
    if what == "input":
        os.chmod(job.folder / "p.faa", 0o000)
    elif what == "folder":
        job.folder.chmod(0o555)
    elif what == "output":
        os.chmod(job.folder / "a.html", 0o444)
    elif what == "log":
        job.arguments = [*job.arguments, "--log", str(secret / "log")]
    else:
        job.arguments = [*job.arguments, "-m", str(secret / "m.h5")]
    job.user = NOBODY if os.geteuid() == 0 else None
    outcome, findings = failed(program, job, at.zygote)
    for forbidden_folder in (secret, job.folder):
        forbidden_folder.chmod(0o755)  # so that anybody can remove it
    if outcome.status != 1:
        findings.append(Finding(OTHER, f"exit {outcome.status} with a forbidden {what}"))
    return outcome, findings


def closed_streams(at: Setting) -> Result:
    """Standard streams are closed. This takes a process of its own."""
    closed = at.rng.choice((("<&-",), (">&-",), ("2>&-",), ("<&-", ">&-", "2>&-"), (">&-", "2>&-")))
    from_stdin, to_stdout = at.rng.random() < 0.3, at.rng.random() < 0.4
    source = "-" if from_stdin else at.bases.path("p.faa")
    output = [] if to_stdout else ["-o", "o.tsv"]
    case = Case(["predict", source, "-m", at.bases.path("c.h5"), "-t", "1", *output])
    case.stdin = at.bases["p.faa"]
    case.outputs = {} if to_stdout else {"o.tsv": at.bases["old.tsv"]}
    job = prepare(case, at.folder)
    outcome = run_program(job, " ".join(closed))
    impossible = from_stdin and "<&-" in closed or to_stdout and ">&-" in closed
    findings = [] if "2>&-" in closed else findings_of_process(outcome)
    if outcome.status != int(impossible):
        text = f"exit {outcome.status} with {' '.join(closed)}: {last_line(outcome.err)}"
        findings.append(Finding(OTHER, text))
    result = outcome.out if to_stdout else contents(job.folder).get("o.tsv")
    wanted = at.bases["new.tsv"]
    if impossible:
        wanted = b"" if to_stdout else at.bases["old.tsv"]
    if result != wanted and not findings:
        findings.append(Finding(WRONG, f"another output with {' '.join(closed)}"))
    return outcome, findings


def poor_locale(at: Setting) -> Result:
    """The language of the terminal has no Greek letters, but ids and paths do."""
    data = at.bases["p.faa"].replace(b">fungi", ">αlpha_fungi".encode())
    case = Case(["predict", "αlpha.faa", "-m", at.bases.path("c.h5"), "-t", "1"])
    is_wrong = at.rng.random() < 0.3
    case.files = {"αlpha.faa": b"no FASTA" if is_wrong else data}
    job = prepare(case, at.folder)
    outcome = run_program(job, environment=at.rng.choice(LOCALES))
    findings = findings_of_process(outcome)
    wanted = at.bases["new.tsv"].replace(b"\nfungi", "\nαlpha_fungi".encode())
    if outcome.status != int(is_wrong):
        findings.append(Finding(OTHER, f"exit {outcome.status}: {last_line(outcome.err)}"))
    elif not is_wrong and outcome.out != wanted:
        findings.append(Finding(WRONG, "another table"))
    return outcome, findings


FAULTS: dict[str, tuple[Fault, int]] = {
    "kill -9": (killed, 12),
    "SIGTERM": (terminated, 5),
    "SIGINT": (interrupted, 5),
    "limit of file size": (file_size, 3),
    "full disk": (full_disk, 3),
    "short memory": (short_memory, 3),
    "reader leaves": (reader_leaves, 2),
    "full device": (full_device, 2),
    "forbidden": (forbidden, 2),
    "closed streams": (closed_streams, 1),
    "poor locale": (poor_locale, 1),
}
