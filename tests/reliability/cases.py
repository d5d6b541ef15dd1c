"""A damaged input, the command that reads it, and what is wrong with what the command did."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shlex
from collections.abc import Callable

from .runner import LEFTOVER, WRONG, Finding, Job, Outcome, Zygote, findings_of_process

TEMPORARY = ".tpspred-"


@dataclasses.dataclass
class Case:
    """A command with the files that it reads.

    Attributes:
        arguments: Arguments after ``tpspred``. The command runs in the folder of the files.
        files: Name → content of the files that are there before.
        outputs: Name → content of an output that is there before; None if there is none.
        stdin: Content of standard input.
        feed: Bytes per write if standard input is a pipe; 0 for a file.
        check: Function of (exit status, name → content of what is there afterwards, with standard
            output as '-') that returns what is wrong with the answer.
        may_stay: Further names that may be there after a failure.
        any_output: Whether the names of the outputs are not known.
    """

    arguments: list[str]
    files: dict[str, bytes] = dataclasses.field(default_factory=dict)
    outputs: dict[str, bytes | None] = dataclasses.field(default_factory=dict)
    stdin: bytes = b""
    feed: int = 0
    check: Callable[[int, dict[str, bytes]], list[str]] = lambda status, files: []
    may_stay: tuple[str, ...] = ()
    any_output: bool = False


def prepare(case: Case, folder: pathlib.Path) -> Job:
    """Write the files of a case into an empty folder, and return its job."""
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    for name, content in {**case.files, **case.outputs}.items():
        if content is not None:
            path = os.path.join(os.fsencode(work), os.fsencode(name))
            with open(path, "wb") as handle:
                handle.write(content)
    (folder / "stdin").write_bytes(case.stdin)
    command = shlex.join(["tpspred", *case.arguments])
    (folder / "command").write_bytes(command.encode(errors="surrogateescape") + b"\n")
    return Job(case.arguments, work, stdin=str(folder / "stdin"), feed=case.feed)


def run(case: Case, folder: pathlib.Path, zygote: Zygote) -> tuple[Outcome, list[Finding]]:
    """Run a case in a folder, and return what became of it and what is wrong with that."""
    job = prepare(case, folder)
    before = identities(job.folder)
    outcome = zygote.run(job)
    findings = findings_of_process(outcome)
    after = contents(job.folder)
    findings += leftovers(case, outcome.status, before, job.folder, after)
    if not findings:
        wrong = case.check(outcome.status, after | {"-": outcome.out})
        findings += [Finding(WRONG, text) for text in wrong[:3]]
    return outcome, findings


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    """Return name → content of all files in a folder and in its subfolders."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            if os.path.isfile(path):
                with open(path, "rb") as handle:
                    found[os.path.relpath(path, folder)] = handle.read()
    return found


def identities(folder: pathlib.Path) -> dict[str, tuple[int, int]]:
    """Return name → (number of the file, time of its last change) of the files in a folder."""
    found = {}
    for entry in os.scandir(folder):
        status = entry.stat()
        found[entry.name] = (status.st_ino, status.st_mtime_ns)
    return found


def leftovers(
    case: Case,
    status: int,
    before: dict[str, tuple[int, int]],
    folder: pathlib.Path,
    after: dict[str, bytes],
) -> list[Finding]:
    """Return what a command has left or touched that it should not."""
    findings = []
    expected = set(case.files) | set(case.may_stay)
    expected |= {name for name, old in case.outputs.items() if status == 0 or old is not None}
    unexpected = after.keys() - expected
    if case.any_output and status == 0:
        unexpected = {name for name in unexpected if TEMPORARY in name}
    for name in sorted(unexpected):
        findings.append(Finding(LEFTOVER, f"left {name} ({len(after[name])} bytes)"))
    if status:
        now = identities(folder)
        for name in sorted(before.keys() & (set(case.outputs) | set(case.files))):
            if now.get(name) != before[name] and name not in case.may_stay:
                findings.append(Finding(LEFTOVER, f"touched {name}, and failed"))
    for name in temporary_files(folder.parent):
        findings.append(Finding(LEFTOVER, f"left {name} in TMPDIR"))
    return findings


def temporary_files(folder: pathlib.Path) -> list[str]:
    """Return what is in the folder for temporary files, without the cache of torch."""
    return sorted(
        name for name in os.listdir(folder / "tmp") if not name.startswith("torchinductor")
    )
