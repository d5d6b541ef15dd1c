"""Options that several commands share; importing this module starts nothing heavy."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import functools
import math
import os
import pathlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from .. import console
from ..encoders.runtime import Runtime
from ..errors import TpspredError
from ..io.files import check_compression, check_input
from ..io.names import DUPLICATES
from ..io.outputs import check_target
from ..io.paths import collision
from ..model.hyperparameters import Config, flag
from ..writers import ENDINGS
from .layout import option

if TYPE_CHECKING:
    from click.decorators import FC

    from ..encoders.protocol import Encoder
    from ..io.shards import Shard
    from ..model.predictor import Predictor

CommandFunction = Callable[..., object]  # function of a command, before click makes it one

# Texts that --help shows as default where the default is None.
BUNDLED = "the bundled model"
BUNDLED_ENCODER = "profile"  # encoder of the bundled model
STANDARD_OUTPUT = "standard output"
DEVICES = "auto, cpu, cuda, cuda:N or mps"

# Types of the options and arguments that name a file: what a command reads, what it reads unless it
# is a name, and what it writes. No output may be the same file as another one, or as an input. What
# cannot be read is bad data, which is reported after all wrong usage.
INPUT = click.Path(readable=False)
INPUT_OR_NAME = click.Path(readable=False)
OUTPUT = click.Path(readable=False)
WEIGHTS = click.Path(readable=False)  # to read as well; such a file is a ZIP archive
PATHS = (INPUT, INPUT_OR_NAME, WEIGHTS, OUTPUT)
COMPRESSED = (".gz", ".bgz", ".xz", ".bz2", ".zst", ".zip")  # endings of compressed files
ALIAS = f"{__name__}.alias"  # key of the paths that -i gives, in the context of click
MAX_THREADS = 1024
METAVARS = {int: "N", float: "NUMBER", bool: None}  # type of a hyperparameter → its metavar


def messages(function: CommandFunction) -> CommandFunction:
    """Add -v, -q and --log, and refuse paths that collide before the command.

    The command has to call :func:`start` when it has checked the rest of its usage.
    """

    @option("-v", "--verbose", group="run", is_flag=True, help="Show more messages.")
    @option("-q", "--quiet", group="run", is_flag=True, help="Show errors only.")
    @option(
        "--log",
        "log_file",
        group="run",
        type=OUTPUT,
        metavar="FILE",
        help="Append all messages to this file, with all detail.",
    )
    @functools.wraps(function)
    def command(
        *args: object, verbose: bool, quiet: bool, log_file: str | None, **options: object
    ) -> object:
        context = click.get_current_context()
        refuse_collisions(
            paths_of(context, OUTPUT), paths_of(context, INPUT, INPUT_OR_NAME, WEIGHTS)
        )
        return function(*args, **options)

    return command


def start(inputs: Sequence[str] = ()) -> None:
    """Begin the work of a command: check its files, and send messages where the user wants them.

    Args:
        inputs: Files to read, beside those of options and arguments of the type :data:`INPUT`.

    Raises:
        click.UsageError: If the name of an output asks for a compressed file.
        InputError: If an input certainly cannot be read, or an output certainly not be written.
    """
    context = click.get_current_context()
    for target in paths_of(context, OUTPUT):
        refuse_compression(target)
    sources = (*paths_of(context, INPUT), *inputs)
    for source in (*sources, *paths_of(context, WEIGHTS)):
        check_input(source)
    for source in sources:
        check_compression(source)
    for target in paths_of(context, OUTPUT):
        check_target(target)
    given = context.params
    console.configure(-1 if given["quiet"] else int(given["verbose"]), given["log_file"])


weights = option(
    "--weights",
    group="esm2",
    type=WEIGHTS,
    metavar="FILE",
    show_default="the file or folder that TPSPRED_WEIGHTS names, or the torch hub cache",
    help="File with the weights of ESM-2 (.pt). See tpspred fetch-weights.",
)


def language_model(function: CommandFunction) -> CommandFunction:
    """Add the options of a run of ESM-2; the command gets them as ``runtime``, a Runtime."""

    @weights
    @option(
        "--device",
        group="esm2",
        metavar="NAME",
        show_default="auto",
        help=f"Device that computes ESM-2: {DEVICES}.",
    )
    @option(
        "--precision",
        group="esm2",
        type=click.Choice(["float32", "bfloat16", "float16"]),
        show_default="float32 on a CPU, bfloat16 or float16 on a GPU",
        help="Precision of the matrix products of ESM-2.",
    )
    @option(
        "--attention",
        group="esm2",
        type=click.Choice(["fused", "original"]),
        show_default="fused",
        help="Compute ESM-2 with the fused attention of torch, or with the forward pass of "
        "fair-esm.",
    )
    @option(
        "--batch-residues",
        group="esm2",
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
        if options.get("model", options.get("encoder")) is None:
            _refuse_runtime(runtime, BUNDLED_ENCODER)
        return function(*args, runtime=runtime, **options)

    return command


def gaf_columns(function: CommandFunction) -> CommandFunction:
    """Add the options of a GO annotation file; the command gets them as ``gaf_columns``.

    That is a :class:`tpspred.writers.gaf.Columns`, or None without --taxon.
    """

    @option(
        "--taxon",
        group="go",
        type=click.IntRange(1),
        metavar="N",
        show_default="none; required for --gaf",
        help="Number of the species in NCBI Taxonomy, such as 3702.",
    )
    @option(
        "--date",
        group="go",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="YYYY-MM-DD",
        show_default="today",
        help="Date of the annotations.",
    )
    @option(
        "--database",
        group="go",
        metavar="NAME",
        callback=_check_form(r"[\w.-]+", "letters, digits, '.', '_' and '-'"),
        show_default="local, and UniProtKB for ids such as sp|P37268|FDFT_HUMAN",
        help="Database that the ids of the proteins come from.",
    )
    @option(
        "--reference",
        group="go",
        metavar="DATABASE:ACCESSION",
        callback=_check_form(r"[\w.-]+:[^\s|]+", "DATABASE:ACCESSION, such as PMID:2676709"),
        show_default="name and checksum of the model",
        help="Reference of the annotations.",
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
                for field_name, name in (renamed or {}).items():
                    message = message.replace(flag(field_name), name)
                raise click.UsageError(message) from None
            return function(*args, config=config, **options)

        with_options: CommandFunction = command
        for field in reversed(fields):
            name = (renamed or {}).get(field.name, flag(field.name))
            if isinstance(field.default, bool):
                name += "/--no-" + name.removeprefix("--")
            add_option = option(
                name,
                field.name,
                group="run" if field.name == "seed" else "training",
                default=field.default,
                show_default=True,
                metavar=METAVARS[type(field.default)],
                help=field.metadata["help"],
            )
            with_options = add_option(with_options)
        return with_options

    return decorate


def paths_of(context: click.Context, *kinds: click.Path) -> list[str]:
    """Return the paths that a command was given.

    Args:
        context: Context of the command.
        kinds: Some of :data:`PATHS`.
    """
    paths: list[str] = []
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        if any(parameter.type is kind for kind in kinds) and value is not None:
            paths += [value] if isinstance(value, str) else value
    return paths


def refuse_collisions(outputs: Sequence[str], inputs: Sequence[str]) -> None:
    """Refuse an output that is the same file as another one, or as an input.

    Raises:
        click.UsageError: If there is one.
    """
    if message := collision(outputs, inputs):
        raise click.UsageError(message)


def refuse_compression(target: str) -> None:
    """Refuse an output whose name asks for a compressed file of a known format.

    Raises:
        click.UsageError: If it is one.
    """
    path = pathlib.PurePath(target)
    if path.suffix.lower() in COMPRESSED and path.with_suffix("").suffix.lower() in ENDINGS:
        raise click.UsageError(
            f"found the output {target}; wanted a name without {path.suffix}: outputs are not "
            "compressed"
        )


def load_model(path: str | None, runtime: Runtime) -> Predictor:
    """Load a model to call proteins with, and warn if it is not calibrated.

    Args:
        path: Model file; None is the bundled model.
        runtime: How ESM-2 runs.

    Raises:
        click.UsageError: If options of ESM-2 were given for an encoder without it.
    """
    from ..model import checkpoint

    predictor = checkpoint.load(path, runtime)
    check_runtime(runtime, predictor.encoder)
    if path is not None and not predictor.calibration.sequences:
        console.warn(
            "%s is not calibrated: its probabilities are raw scores, and every threshold is 0.5; "
            "run tpspred calibrate first",
            path,
        )
    return predictor


def check_runtime(runtime: Runtime, encoder: Encoder) -> None:
    """Refuse options of ESM-2 for an encoder that does not use it.

    Raises:
        click.UsageError: If such an option was given; a CPU as the device is accepted.
    """
    if not encoder.has_runtime:
        _refuse_runtime(runtime, encoder.name)


def _refuse_runtime(runtime: Runtime, encoder: str) -> None:
    """Refuse options of ESM-2 for an encoder that does not use it.

    Args:
        runtime: The options.
        encoder: Name of the encoder.
    """
    for name, value in runtime.given().items():
        if (name, value) not in (("device", "auto"), ("device", "cpu")):
            option = flag(name)
            raise click.UsageError(
                f"{option} is for ESM-2 encoders; the {encoder} encoder has no use for it"
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


def input_argument(name: str, metavar: str, what: str, several: bool = False) -> Callable[[FC], FC]:
    """Return a decorator that adds an argument for files to read, and -i as another way to give it.

    Args:
        name: Name of the parameter of the command.
        metavar: Name in the help text.
        what: What the file is, for the help text.
        several: Whether there may be more than one.
    """
    plain = metavar.rstrip(".")

    def keep(context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]) -> None:
        context.meta[ALIAS] = paths

    def take(context: click.Context, parameter: click.Parameter, value: object) -> object:
        paths = context.meta.get(ALIAS, ())
        if value and paths:
            again = "; give -i before each file" if several else ""
            raise click.UsageError(f"found -i and {plain}; wanted one of them{again}", context)
        if len(paths) > 1 and not several:
            raise click.UsageError(f"found -i {len(paths)} times; wanted one file", context)
        if not value and not paths and not context.resilient_parsing:
            raise click.MissingParameter(ctx=context, param=parameter)
        return value or (paths if several else "".join(paths))

    def decorate(function: FC) -> FC:
        alias = option(
            "-i",
            "--input",
            group="input",
            type=INPUT,
            multiple=True,
            metavar="FILE",
            is_eager=True,
            expose_value=False,
            callback=keep,
            help=f"{what}: another way to give {plain}."
            + (" The option may be given several times." if several else ""),
        )
        nargs = -1 if several else 1
        argument = click.argument(
            name, type=INPUT, metavar=metavar, nargs=nargs, required=False, callback=take
        )
        return argument(alias(function))

    return decorate


proteins = input_argument("proteins", "PROTEINS", "FASTA file of proteins")
protein_files = input_argument(
    "proteins", "PROTEINS...", "FASTA file of proteins, or store of tpspred embed", several=True
)
model = option(
    "-m",
    "--model",
    group="model",
    type=INPUT,
    metavar="FILE",
    show_default=BUNDLED,
    help="Model file, made by tpspred calibrate.",
)
encoder = option(
    "--encoder",
    group="model",
    type=INPUT,
    metavar="FILE",
    show_default=BUNDLED,
    help="Encoder or model file whose profiles are used.",
)
negatives = option(
    "--negatives",
    group="input",
    type=INPUT,
    multiple=True,
    metavar="FILE",
    show_default="none",
    help="FASTA file or store of proteins that are not terpene synthases. The option may be given "
    "several times.",
)
shard = option(
    "--shard",
    group="input",
    callback=_parse_shard,
    metavar="I/N",
    show_default="all records",
    help="Process only every N-th record, starting with the I-th, such as 1/4. Join the results "
    "of all shards with tpspred merge.",
)
duplicates = option(
    "--duplicates",
    group="input",
    type=click.Choice(DUPLICATES),
    default="keep",
    show_default=True,
    help="What to do if an id occurs twice: keep it and warn, append a suffix (_2, _3 …) to it, "
    "or stop with an error.",
)
strict = option(
    "--strict",
    group="input",
    is_flag=True,
    help="Stop with an error at a record with a character that is no residue, at a nucleotide "
    "sequence, and at a header without an id. Otherwise such a record gets a row with a status "
    "or, without an id, a name.",
)
threads = option(
    "-t",
    "--threads",
    group="run",
    type=click.IntRange(1, MAX_THREADS),
    default=_available_threads,
    show_default="all that this process may use",
    metavar="N",
    help="Number of CPU threads.",
)
device = option(
    "--device",
    group="run",
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
    return option(
        "-o",
        "--output",
        group="output",
        type=OUTPUT,
        required=True,
        metavar="FILE",
        help=f"Write the {what} to this file; '-' is standard output.",
    )
