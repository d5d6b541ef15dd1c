"""Command lines with odd options and values, and paths with odd characters."""

from __future__ import annotations

import random

from .bases import Bases
from .cases import Case
from .mutations import TEXTS, mutate

# Valid command lines; a file of the bases is written as '@name'.
COMMAND_LINES = (
    ["predict", "@old.faa", "-m", "@c.h5", "-o", "o.tsv"],
    ["predict", "@old.faa", "-m", "@c.h5", "--gff3", "o.gff3", "--annotation", "@g.gff3"],
    ["predict", "@old.faa", "-m", "@c.h5", "--jsonl", "o.jsonl", "--references", "@r.csv"],
    ["predict", "@p.h5", "-m", "@c.h5", "-o", "o.tsv", "--shard", "1/2", "--all"],
    ["predict", "@old.faa", "@p.faa", "-m", "@c.h5", "-o", "o.tsv", "--summary", "s.tsv"],
    [
        "explain",
        "@old.faa",
        "--id",
        "bacteria_sesq_di_1",
        "-m",
        "@c.h5",
        "--top",
        "3",
        "-o",
        "o.tsv",
    ],
    ["info", "@c.h5"],
    ["prepare", "@r.csv", "-o", "o.tsv", "--fasta", "o.faa"],
    ["embed", "@old.faa", "-o", "o.h5", "--encoder", "@e.h5"],
    ["featurize", "@p.h5", "-o", "o.h5", "--encoder", "@e.h5"],
    ["calibrate", "@m.h5", "@d.tsv", "@d.h5", "-o", "o.h5", "--negatives", "@n.h5"],
    ["train", "@d.tsv", "@d.h5", "-o", "o.h5", "--encoder", "@e.h5", "--epochs", "1"],
    ["evaluate", "@d.tsv", "--folds", "@d.tsv", "-o", "o.tsv"],
    ["merge", "@p1.tsv", "@p2.tsv", "@p3.tsv", "-o", "o.tsv"],
    ["fetch-weights", "esm2_t6_8M_UR50D", "-o", "o.pt"],
    ["fetch-data", "-o", "o.csv"],
    ["slurm", "@p.faa", "-o", "o.tsv"],
    ["pbs", "@p.faa", "-o", "o.tsv"],
)
FILES = {part[1:] for line in COMMAND_LINES for part in line if part.startswith("@")}
NUMBER_TEXTS = (
    "nan NaN inf -inf -1 0 1 2 1e20 1e400 1e-400 0.5 1.0 ² ١ 1_0 0x10 1/2 1/0 2/1 0/0 1/1e23 x"
)
NUMBERS = [*NUMBER_TEXTS.split(" "), "", " ", " 1", "1 ", "9" * 20]
# Numbers that only mean that the command takes long.
LONG = {"--epochs", "--members", "--folds", "--inner-folds", "--fold-count", "--patience"}
# What is written is written here: a trial must not touch what is not its own.
OUTPUT_NAMES = [
    "",
    "-",
    "o.tsv",
    "./o.tsv",
    "nowhere/o.tsv",
    ".",
    "./",
    "a b",
    "a\nb",
    "é",
    "x" * 300,
]
OUTPUT_OPTIONS = {
    "-o", "--output", "--tsv", "--gff3", "--jsonl", "--html", "--multiqc", "--fasta", "--history",
    "--summary", "--tables", "--report", "--log",
}  # fmt: skip


def command_line(rng: random.Random, bases: Bases) -> Case:
    """Command line with odd options and values."""
    import click

    from tpspred import cli

    line = list(rng.choice(COMMAND_LINES))
    command = cli.group.get_command(click.Context(cli.group), line[0])
    wanted_nan = False
    for _ in range(rng.choice((1, 1, 2))):
        action = rng.choice(("option", "option", "option", "delete", "repeat", "value", "mutate"))
        index = rng.randrange(len(line))
        if action == "option" and command is not None:
            option = rng.choice(command.params)
            name = max(option.opts, key=len)
            if option.param_type_name != "option" or name == "--log":
                continue
            line.append(name)
            if not getattr(option, "is_flag", False):
                value = odd_value(rng, name)
                line.append(value)
                is_number = isinstance(option.type, (click.types.FloatParamType, click.FloatRange))
                wanted_nan |= is_number and value.lower() == "nan"
        elif action == "delete" and len(line) > 1:
            del line[index]
        elif action == "repeat":
            line.insert(index, line[index])
        elif action == "value":
            previous = line[index - 1] if index else ""
            line[index] = odd_value(rng, previous)
        elif action == "mutate" and (index == 0 or line[index - 1] not in OUTPUT_OPTIONS):
            text = mutate(rng, line[index].encode()).replace(b"\0", b"").replace(b"/", b"")
            line[index] = text[:2000].decode(errors="surrogateescape")
    line += rng.choice(([], [], [], ["--log", "nowhere/log"], ["--log", "."], ["-v"], ["-q"]))
    # Copies in the folder of the trial, because a changed line may overwrite what it should read.
    names = {part[1:] for part in line if part.startswith("@")}
    files = {name: bases[name] for name in names if name in FILES}
    arguments = [part[1:] if part.startswith("@") else part for part in line]

    def check(status: int, files: dict[str, bytes]) -> list[str]:
        return ["a value that is no number was accepted"] if wanted_nan and not status else []

    return Case(arguments, files, check=check, any_output=True)


def odd_value(rng: random.Random, option: str) -> str:
    """Return a value for an option."""
    if option in OUTPUT_OPTIONS:
        return rng.choice(OUTPUT_NAMES)
    if option in LONG:
        return rng.choice([value for value in NUMBERS if not value.strip().isdigit()])
    texts = [text.decode(errors="surrogateescape") for text in TEXTS]
    texts = [text.replace("\0", "").replace("/", "") for text in texts]
    return rng.choice(rng.choice((NUMBERS, texts, ["@p.faa", "@r.csv", "@c.h5", "@e.h5"])))


ODD_NAMES = [
    "a b", "a\nb", "a\tb", "a\rb", "--x", "é", "\udcff", "'", '"', "$(touch X)", "`touch X`", ";",
    "*", "?", "[", "x" * 255, "x" * 256, "x" * 5000, "🧬", "\u202e", "\x1b[31m", "~", "%s", "{0}",
    "%00", "<b>", "&", "|", "\\", "a.faa.gz", ".hidden", "...", "esm2_tiny", "profile", "none",
]  # fmt: skip


def odd_path(rng: random.Random, bases: Bases) -> Case:
    """Paths with odd characters, for valid files."""
    source, target, model_name = rng.sample(ODD_NAMES, 3)
    can_exist = all(len(name) <= 255 for name in (source, target, model_name))
    files = {source: bases["p.faa"], model_name: bases["c.h5"]} if can_exist else {}
    arguments = [
        "predict",
        f"./{source}",
        "-m",
        f"./{model_name}",
        "-t",
        "1",
        "--tsv",
        f"./{target}",
    ]
    if rng.random() < 0.3:
        arguments += ["--multiqc", "."]

    def check(status: int, files: dict[str, bytes]) -> list[str]:
        if not can_exist:
            return [] if status else ["names that are too long were accepted"]
        if status:
            return [] if len(source) > 200 else ["a file with an odd name was not read or written"]
        same = files.get(target) == bases["new.tsv"]
        return [] if same else ["another answer for a file with an odd name"]

    return Case(arguments, files, {target: None}, check=check, any_output=True)
