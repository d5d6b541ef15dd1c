"""Options that several commands share."""

import dataclasses
import functools
import os

import click

from .. import console
from ..encoders.runtime import Runtime
from ..io.fasta import DUPLICATES
from ..model.hyperparameters import Config, flag

weights = click.option(
    "--weights",
    metavar="FILE",
    help="Weights of ESM-2 (.pt).  [default: TPSPRED_WEIGHTS, a file or folder, "
    "or the torch hub cache]",
)


def messages(function):
    """-v, -q and --log; configures the console before the command runs."""

    @click.option("-v", "--verbose", is_flag=True, help="Say more.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
    @click.option(
        "--log", "log_file", metavar="FILE", help="Write messages, with all detail, to FILE."
    )
    @functools.wraps(function)
    def command(*args, verbose, quiet, log_file, **options):
        console.configure(-1 if quiet else int(verbose), log_file)
        return function(*args, **options)

    return command


def language_model(function):
    """Options of a run of ESM-2; the command gets them as ``runtime``, a Runtime."""

    @weights
    @click.option(
        "--device",
        metavar="NAME",
        help="Where ESM-2 runs: auto, cpu, cuda, cuda:N or mps.  [default: auto]",
    )
    @click.option(
        "--precision",
        type=click.Choice(["float32", "bfloat16", "float16"]),
        help="Of ESM-2's matrix products.  [default: float32 on a CPU, bfloat16 or float16 on a GPU]",
    )
    @click.option(
        "--attention",
        type=click.Choice(["fused", "original"]),
        help="Torch's fused attention, or fair-esm's own forward pass.  [default: fused]",
    )
    @click.option(
        "--batch-residues",
        type=click.IntRange(1),
        metavar="N",
        help="Residues per pass of ESM-2.  [default: one protein on a CPU, 16384 on a GPU]",
    )
    @functools.wraps(function)
    def command(*args, weights, device, precision, attention, batch_residues, **options):
        runtime = Runtime(weights, device, precision, attention, batch_residues)
        return function(*args, runtime=runtime, **options)

    return command


def hyperparameters(renamed=()):
    """An option for every field of hyperparameters.Config, without importing torch.

    Args:
        renamed: {field: name of its option} where the option has another name.
    """

    def decorate(function):
        for field in reversed(dataclasses.fields(Config)):
            name = dict(renamed).get(field.name, flag(field.name))
            if isinstance(field.default, bool):
                name += "/--no-" + name.removeprefix("--")
            function = click.option(
                name,
                field.name,
                default=field.default,
                show_default=True,
                help=field.metadata["help"],
            )(function)
        return function

    return decorate


def check_targets(targets):
    """Refuse two outputs to one place."""
    for target in targets:
        if targets.count(target) > 1:
            raise click.UsageError(
                "two outputs to " + ("standard output" if target == "-" else target)
            )


def check_runtime(runtime, encoder):
    """Refuse options of ESM-2 for an encoder that is none."""
    if encoder.has_runtime:
        return
    for name, value in runtime.given().items():
        if (name, value) not in (("device", "auto"), ("device", "cpu")):
            raise click.UsageError(
                f"--{name.replace('_', '-')} is for ESM-2 encoders; the profile encoder has no use for it"
            )


class ShardType(click.ParamType):
    """I/N as a shards.Shard."""

    name = "I/N"

    def convert(self, value, param, context):
        from ..io.shards import Shard

        try:
            return Shard.parse(value)
        except ValueError:
            self.fail(f"found {value}; wanted I/N with I from 1 to N", param, context)


shard = click.option(
    "--shard",
    type=ShardType(),
    metavar="I/N",
    help="Only every N-th record, from the I-th on; tpspred merge makes one result of all shards.",
)
threads = click.option(
    "-t",
    "--threads",
    type=click.IntRange(1),
    default=lambda: (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ),
    show_default="all that this process may use",
    help="CPU threads.",
)
duplicates = click.option(
    "--duplicates",
    type=click.Choice(DUPLICATES),
    default="error",
    show_default=True,
    help="What to do with an id that occurs twice; suffix appends _2, _3 …",
)
encoder = click.option(
    "--encoder",
    metavar="FILE",
    help="Encoder or model file whose profiles to use.  [default: the bundled model]",
)
negatives = click.option(
    "--negatives",
    multiple=True,
    metavar="STORE",
    help="Store of proteins that are no terpene synthases; may be given several times.",
)
proteins = click.argument("proteins", metavar="PROTEINS")


def output(what):
    """-o, required: a file that appears whole or not at all."""
    return click.option(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help=f"{what} to write; '-' is standard output.",
    )
