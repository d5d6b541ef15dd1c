"""Trials that follow from a seed and a number, what they find, and the table of a campaign."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import pathlib
import random
import re
import shutil
from collections.abc import Iterable, Iterator

from . import cases
from .bases import Bases
from .faults import FAULTS, Setting
from .readers import KINDS
from .runner import COLUMNS, Finding, Outcome, Zygote

SHARES = {name: share for name, (_, share) in (KINDS | FAULTS).items()}
STATUS_COLUMNS = ("exit 0", "exit 1", "exit 2", "stopped by the signal")
KEPT_PER_CAUSE = 3


@dataclasses.dataclass(frozen=True)
class Trial:
    """A trial that was run.

    Attributes:
        kind: Kind of input or fault, a key of :data:`SHARES`.
        number: Number of the trial among those of its kind.
        outcome: What became of the run.
        findings: What is wrong.
        folder: Folder with its files.
    """

    kind: str
    number: int
    outcome: Outcome
    findings: list[Finding]
    folder: pathlib.Path

    def report(self) -> str:
        """Return what was found, and what the command said."""
        findings = "".join(f"{finding.column}: {finding.text}\n" for finding in self.findings)
        return f"{findings}exit status {self.outcome.status}\n\n{self.outcome.err}"


def schedule(seed: int) -> Iterator[tuple[str, int]]:
    """Yield (kind, number) for ever: in every thousand or so, each kind has its share."""
    numbers: dict[str, Iterator[int]] = {name: itertools.count() for name in SHARES}
    for turn in itertools.count():
        names = [name for name, share in SHARES.items() for _ in range(share)]
        random.Random(f"{seed}:turn:{turn}").shuffle(names)
        for name in names:
            yield name, next(numbers[name])


def run(
    kind: str, number: int, seed: int, bases: Bases, zygote: Zygote, folder: pathlib.Path
) -> Trial:
    """Run a trial in a new subfolder of a folder."""
    rng = random.Random(f"{seed}:{kind}:{number}")
    own = folder / f"{re.sub('[^a-z0-9]+', '-', kind.lower())}-{number}"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    bases = bases.seen_by(zygote)
    if kind in FAULTS:
        outcome, findings = FAULTS[kind][0](Setting(rng, bases, own, zygote))
    else:
        outcome, findings = cases.run(KINDS[kind][0](rng, bases), own, zygote)
    return Trial(kind, number, outcome, findings, own)


class Table:
    """Counts of all trials, and the causes of what they found.

    Attributes:
        counts: (kind, column) → number of trials.
        causes: (kind, column, what all of them have in common) → trials.
    """

    def __init__(self) -> None:
        self.counts: collections.Counter[tuple[str, str]] = collections.Counter()
        self.causes: dict[tuple[str, str, str], list[Trial]] = collections.defaultdict(list)

    def add(self, trial: Trial) -> None:
        """Count a trial; keep its folder if it is one of the first with this cause."""
        self.counts[trial.kind, "inputs"] += 1
        status = trial.outcome.status
        if status in (0, 1, 2):
            self.counts[trial.kind, f"exit {status}"] += 1
        elif "other status" not in {finding.column for finding in trial.findings}:
            self.counts[trial.kind, STATUS_COLUMNS[-1]] += 1
        keep = False
        for column in {finding.column for finding in trial.findings}:
            self.counts[trial.kind, column] += 1
        for finding in trial.findings:
            alike = self.causes[trial.kind, finding.column, cause(finding.text)]
            alike.append(trial)
            keep |= len(alike) <= KEPT_PER_CAUSE
        if keep:
            (trial.folder / "findings").write_text(trial.report(), errors="backslashreplace")
        else:
            shutil.rmtree(trial.folder)

    @property
    def trials(self) -> int:
        """Number of all trials."""
        return sum(count for (_, column), count in self.counts.items() if column == "inputs")

    def rows(self) -> Iterable[list[str]]:
        """Yield the header and a row for every kind, and one for all."""
        columns = ("inputs", *STATUS_COLUMNS, *COLUMNS)
        yield ["kind", *columns]
        for kind in SHARES:
            if self.counts[kind, "inputs"]:
                yield [kind, *(str(self.counts[kind, column]) for column in columns)]
        sums = [sum(self.counts[kind, column] for kind in SHARES) for column in columns]
        yield ["all", *map(str, sums)]


def cause(text: str) -> str:
    """Return a text without what differs from trial to trial.

    >>> cause("row 12 has 3 columns, not 'x'")
    "row N has N columns, not '…'"
    """
    text = re.sub(r"'[^']*'", "'…'", text)
    text = re.sub(r"0x[0-9a-f]+|\d+", "N", text)
    return re.sub(r"/\S+/", "", text)[:160]
