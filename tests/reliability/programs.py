"""Commands that write outputs, to be stopped by the faults: what they read, and what they make."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from .bases import FORMATS, SHARDS, Bases
from .cases import Case


@dataclasses.dataclass
class Program:
    """A command that writes outputs.

    Attributes:
        arguments: Arguments after ``tpspred``.
        inputs: Name → content of what it reads.
        old: Name → content of each output before; None if there is none.
        new: Name → content of each output after a run without a fault.
        last: Output that is replaced after all others; '' if that is not promised.
        journal: File that may stay after a run that was stopped.
        seconds: How long a run takes.
    """

    arguments: list[str]
    inputs: dict[str, bytes]
    old: dict[str, bytes | None]
    new: dict[str, bytes]
    last: str = ""
    journal: str = ""
    seconds: float = 0.3

    def case(self) -> Case:
        """Return the command with its files."""
        return Case(self.arguments, dict(self.inputs), dict(self.old))


def prediction(bases: Bases) -> Program:
    """Predict, with the four formats and counts for MultiQC, over the outputs of another input."""
    names = {kind: f"a.{kind}" for kind in FORMATS}
    return Program(
        bases.prediction(),
        {"p.faa": bases["p.faa"]},
        {name: bases[f"old.{kind}"] for kind, name in names.items()},
        {name: bases[f"new.{kind}"] for kind, name in names.items()},
        last="a.tsv",
    )


def embedding(bases: Bases) -> Program:
    """Embed with a language model, which keeps a journal."""
    return Program(
        ["embed", *bases.embedding("w.h5")],
        {},
        {"w.h5": None},
        {"w.h5": bases["w.h5"]},
        journal="w.h5.partial",
    )


def extension(bases: Bases) -> Program:
    """Embed what is missing in a store that is there."""
    return dataclasses.replace(embedding(bases), old={"w.h5": bases["w_old.h5"]})


def features(bases: Bases) -> Program:
    """Add features to a store in its place."""
    return Program(
        ["featurize", "s.h5", "--encoder", bases.path("e.h5")],
        {},
        {"s.h5": bases["p.h5"]},
        {"s.h5": bases["pf.h5"]},
    )


def calibration(bases: Bases) -> Program:
    """Calibrate a model over another one."""
    arguments = ["calibrate", *bases.calibration("a.h5")]
    return Program(arguments, {}, {"a.h5": bases["e.h5"]}, {"a.h5": bases["c.h5"]}, seconds=0.6)


def training(bases: Bases) -> Program:
    """Train a model over another one."""
    arguments = ["train", *bases.training("a.h5")]
    return Program(arguments, {}, {"a.h5": bases["e.h5"]}, {"a.h5": bases["m.h5"]}, seconds=1.5)


def merging(bases: Bases) -> Program:
    """Merge the tables of shards."""
    shards = [bases.path(f"p{number}.tsv") for number in range(1, SHARDS + 1)]
    old, new = bases["old.tsv"], bases["new.tsv"]
    return Program(
        ["merge", *shards, "-o", "a.tsv"], {}, {"a.tsv": old}, {"a.tsv": new}, seconds=0.03
    )


def preparation(bases: Bases) -> Program:
    """Prepare a dataset and its sequences."""
    return Program(
        ["prepare", bases.path("r.csv"), "-o", "a.tsv", "--fasta", "a.faa"],
        {},
        {"a.tsv": b"old\n", "a.faa": b">old\nMKV\n"},
        {"a.tsv": bases["d.tsv"], "a.faa": bases["d.faa"]},
        seconds=0.2,
    )


PROGRAMS: dict[str, tuple[Callable[[Bases], Program], int]] = {
    "predict": (prediction, 40),
    "embed": (embedding, 15),
    "embed more": (extension, 10),
    "featurize": (features, 8),
    "calibrate": (calibration, 8),
    "train": (training, 4),
    "merge": (merging, 8),
    "prepare": (preparation, 7),
}
