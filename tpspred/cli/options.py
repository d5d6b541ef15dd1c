"""Options that several commands share; importing this module starts nothing heavy."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from .. import console
from ..encoders.runtime import Runtime
from ..errors import TpspredError
from ..io.files import check_input
from ..io.names import DUPLICATES
from ..io.outputs import check_target
from ..io.paths import collision
from ..model.hyperparameters import Config, flag

if TYPE_CHECKING:
    from click.decorators import FC

    from ..encoders.protocol import Encoder
    from ..io.shards import Shard

CommandFunction = Callable[..., object]  # function of a command, before click makes it one

# Texts that --help shows as default where the default is None.
BUNDLED = "the bundled model"
STANDARD_OUTPUT = "standard output"
DEVICES = "auto, cpu, cuda, cuda:N or mps"

# Types of the options and arguments that name a file: what a command reads, and what it writes. No
# output may be the same file as another one, or as an input. What cannot be read is bad data, which
# the reader reports, and not wrong usage.
INPUT = click.Path(readable=False)
OUTPUT = click.Path(readable=False)
MAX_THREADS = 1024


def messages(function: CommandFunction) -> CommandFunction:
    """Add -v, -q and --log, and check all paths and configure the console before the command."""

    @click.option("-v", "--verbose", is_flag=True, help="Show more messages.")
    @click.option("-q", "--quiet", is_flag=True, help="Show errors only.")
    @click.option(
        "--log",
        "log_file",
        type=OUTPUT,
        metavar="FILE",
        help="Also write all messages to this file, with all detail.",
    )
    @functools.wraps(function)
    def command(
        *args: object, verbose: bool, quiet: bool, log_file: str | None, **options: object
    ) -> object:
        context = click.get_current_context()
        targets = paths_of(context, OUTPUT)
        refuse_collisions(targets, paths_of(context, INPUT))
        for target in targets:
            check_target(target)
        console.configure(-1 if quiet else int(verbose), log_file)
        return function(*args, **options)

    return command


weights = click.option(
    "--weights",
    type=INPUT,
    metavar="FILE",
    show_default="the file or folder that TPSPRED_WEIGHTS names, or the torch hub cache",
    help="File with the weights of ESM-2 (.pt).",
)


def language_model(function: CommandFunction) -> CommandFunction:
    """Add the options of a run of ESM-2; the command gets them as ``runtime``, a Runtime."""

    @weights
    @click.option(
        "--device",
        metavar="NAME",
        show_default="auto",
        help=f"Device that computes ESM-2: {DEVICES}.",
    )
    @click.option(
        "--precision",
        type=click.Choice(["float32", "bfloat16", "float16"]),
        show_default="float32 on a CPU, bfloat16 or float16 on a GPU",
        help="Precision of the matrix products of ESM-2.",
    )
    @click.option(
        "--attention",
        type=click.Choice(["fused", "original"]),
        show_default="fused",
        help="Compute ESM-2 with the fused attention of torch, or with fair-esm's original "
        "forward pass.",
    )
    @click.option(
        "--batch-residues",
        type=click.IntRange(1),
        metavar="N",
        show_default="one protein on a CPU, 16384 residues on a GPU",
        help="Number of residues that ESM-2 computes in one pass.",
    )
    @functools.wraps(function)
    def command(
        *args: object,
        weights: str | None,
        device: str | None,
        precision: str | None,
        attention: str | None,
        batch_residues: int | None,
        **options: object,
    ) -> object:
        runtime = Runtime(weights, device, precision, attention, batch_residues)
        return function(*args, runtime=runtime, **options)

    return command


def gaf_columns(function: CommandFunction) -> CommandFunction:
    """Add the options of a GO annotation file; the command gets them as ``gaf_columns``.

    That is a :class:`tpspred.writers.gaf.Columns`, or None without --taxon.
    """

    @click.option(
        "--taxon",
        type=click.IntRange(1),
        metavar="N",
        help="Number of the species in NCBI Taxonomy, such as 3702, for a GO annotation file.",
    )
    @click.option(
        "--date",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="YYYY-MM-DD",
        show_default="today",
        help="Date of the annotations in a GO annotation file.",
    )
    @click.option(
        "--database",
        metavar="NAME",
        callback=_check_form(r"[\w.-]+", "letters, digits, '.', '_' and '-'"),
        show_default="local, and UniProtKB for ids such as sp|P37268|FDFT_HUMAN",
        help="Database that the ids of the proteins come from, for a GO annotation file.",
    )
    @click.option(
        "--reference",
        metavar="DATABASE:ACCESSION",
        callback=_check_form(r"[\w.-]+:[^\s|]+", "DATABASE:ACCESSION, such as PMID:2676709"),
        show_default="name and checksum of the model",
        help="Reference of the annotations in a GO annotation file.",
    )
    @functools.wraps(function)
    def command(
        *args: object,
        taxon: int | None,
        date: datetime.datetime | None,
        database: str | None,
        reference: str | None,
        **options: object,
    ) -> object:
        if taxon is None:
            for name, value in (("date", date), ("database", database), ("reference", reference)):
                if value is not None:
                    raise click.UsageError(f"--{name} is for a GO annotation file: add --taxon")
            return function(*args, gaf_columns=None, **options)
        from ..writers.gaf import Columns

        day = date.date() if date else datetime.date.today()
        columns = Columns(taxon, day, database or Columns.database, reference)
        return function(*args, gaf_columns=columns, **options)

    return command


def _check_form(
    pattern: str, wanted: str
) -> Callable[[click.Context, click.Parameter, str | None], str | None]:
    """Return a callback that refuses a text that has not the form of a pattern."""

    def check(context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
        if text is not None and not re.fullmatch(pattern, text):
            raise click.BadParameter(f"found {text!r}; wanted {wanted}")
        return text

    return check


def hyperparameters(
    renamed: Mapping[str, str] | None = None,
) -> Callable[[CommandFunction], CommandFunction]:
    """Return a decorator that adds an option for every field of Config.

    The command gets them as ``config``, a Config.

    Args:
        renamed: Field → option, for options that are not named after their field.
    """
    fields = dataclasses.fields(Config)

    def decorate(function: CommandFunction) -> CommandFunction:
        @functools.wraps(function)
        def command(*args: object, **options: Any) -> object:
            values = {field.name: options.pop(field.name) for field in fields}
            try:
                config = Config(**values)
            except TpspredError as error:
                message = str(error)
                for field_name, option in (renamed or {}).items():
                    message = message.replace(flag(field_name), option)
                raise TpspredError(message) from None
            return function(*args, config=config, **options)

        with_options: CommandFunction = command
        for field in reversed(fields):
            name = (renamed or {}).get(field.name, flag(field.name))
            if isinstance(field.default, bool):
                name += "/--no-" + name.removeprefix("--")
            add_option = click.option(
                name,
                field.name,
                default=field.default,
                show_default=True,
                help=field.metadata["help"],
            )
            with_options = add_option(with_options)
        return with_options

    return decorate


def paths_of(context: click.Context, kind: click.Path) -> list[str]:
    """Return the paths that a command was given.

    Args:
        context: Context of the command.
        kind: :data:`INPUT` or :data:`OUTPUT`.
    """
    paths: list[str] = []
    for parameter in context.command.params:
        value = context.params[str(parameter.name)]
        if parameter.type is kind and value is not None:
            paths += [value] if isinstance(value, str) else value
    return paths


def check_inputs() -> None:
    """Refuse inputs of the running command that certainly cannot be read, before any work.

    A command calls this when it has checked how its options go together.

    Raises:
        InputError: Naming the first one.
    """
    for path in paths_of(click.get_current_context(), INPUT):
        check_input(path)


def refuse_collisions(outputs: Sequence[str], inputs: Sequence[str]) -> None:
    """Refuse an output that is the same file as another one, or as an input.

    Raises:
        click.UsageError: If there is one.
    """
    if message := collision(outputs, inputs):
        raise click.UsageError(message)


def check_runtime(runtime: Runtime, encoder: Encoder) -> None:
    """Refuse options of ESM-2 for an encoder that does not use it.

    Raises:
        click.UsageError: If such an option was given; a CPU as the device is accepted.
    """
    if encoder.has_runtime:
        return
    for name, value in runtime.given().items():
        if (name, value) not in (("device", "auto"), ("device", "cpu")):
            option = flag(name)
            raise click.UsageError(
                f"{option} is for ESM-2 encoders; the {encoder.name} encoder has no use for it"
            )


def _parse_shard(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Shard | None:
    from ..io.shards import Shard

    if text is None:
        return None
    try:
        return Shard.parse(text)
    except ValueError:
        raise click.BadParameter(f"found {text}; wanted I/N with I from 1 to N") from None


def _available_threads() -> int:
    """Return the number of CPU threads that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


proteins = click.argument("proteins", type=INPUT, metavar="PROTEINS")
protein_files = click.argument(
    "proteins", type=INPUT, metavar="PROTEINS...", nargs=-1, required=True
)
model = click.option(
    "-m", "--model", type=INPUT, metavar="FILE", show_default=BUNDLED, help="Model file to use."
)
encoder = click.option(
    "--encoder",
    type=INPUT,
    metavar="FILE",
    show_default=BUNDLED,
    help="Encoder or model file whose profiles are used.",
)
negatives = click.option(
    "--negatives",
    type=INPUT,
    multiple=True,
    metavar="FILE",
    help="FASTA file or store of proteins that are not terpene synthases. The option may be given "
    "several times.",
)
shard = click.option(
    "--shard",
    callback=_parse_shard,
    metavar="I/N",
    help="Process only every N-th record, starting with the I-th. Join the results of all shards "
    "with tpspred merge.",
)
duplicates = click.option(
    "--duplicates",
    type=click.Choice(DUPLICATES),
    default="keep",
    show_default=True,
    help="What to do if an id occurs twice: keep it and warn, append a suffix (_2, _3 …) to it, "
    "or stop with an error.",
)
strict = click.option(
    "--strict",
    is_flag=True,
    help="Stop with an error at a record with a character that is no residue, at a nucleotide "
    "sequence, and at a header without an id. Otherwise such a record gets a row or, without an "
    "id, a name.",
)
threads = click.option(
    "-t",
    "--threads",
    type=click.IntRange(1, MAX_THREADS),
    default=_available_threads,
    show_default="all that this process may use",
    metavar="N",
    help="Number of CPU threads.",
)
device = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="NAME",
    help=f"Device to compute on: {DEVICES}.",
)


class FiniteRange(click.FloatRange):
    """A range of numbers; nan, which is in no range, is refused."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number of a text.

        Raises:
            click.BadParameter: If it is no number of the range.
        """
        converted: float = super().convert(value, param, ctx)
        if math.isnan(converted):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return converted


class Share(FiniteRange):
    """A share from 0 to 1, such as an identity; a per cent is refused with the share it is."""

    def __init__(self) -> None:
        super().__init__(0, 1)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the share that a text gives.

        Raises:
            click.BadParameter: If it is no number from 0 to 1.
        """
        with contextlib.suppress(ValueError):
            if 1 < float(value) <= 100:
                share = float(value) / 100
                self.fail(f"{value} is a per cent; write it as a share, {share:g}.", param, ctx)
        return super().convert(value, param, ctx)


def output(what: str) -> Callable[[FC], FC]:
    """Return the required option -o for a file that appears whole or not at all.

    Args:
        what: What is written, such as ``model``.
    """
    return click.option(
        "-o",
        "--output",
        type=OUTPUT,
        required=True,
        metavar="FILE",
        help=f"Write the {what} to this file; '-' is standard output.",
    )
