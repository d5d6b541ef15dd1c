"""Command line of tpspred, one file per command; imports from all other rooms."""

import contextlib
import importlib
import io
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from .. import __version__
from ..console import one_line
from ..errors import TpspredError
from ..signals import Stopped, raise_stopped
from .layout import WIDTH, Group, nearest

# Commands by what they are for, in the order of the help text.
SECTIONS = {
    "Find terpene synthases": ("predict", "annotate", "explain", "info"),
    "Train a model": (
        "prepare",
        "profiles",
        "embed",
        "featurize",
        "train",
        "calibrate",
        "evaluate",
        "fetch-data",
        "fetch-weights",
    ),
    "Share the work": ("slurm", "pbs", "merge"),
}
COMMANDS = tuple(name for names in SECTIONS.values() for name in names)
# Function of a command → module of several commands.
SHARED_MODULES = {
    "slurm": "cluster",
    "pbs": "cluster",
    "fetch_weights": "fetch",
    "fetch_data": "fetch",
}
COMPLETE = "_TPSPRED_COMPLETE"  # environment variable in which a shell asks for completions
# Exit status, beside those of click, 0 done and 2 usage, and 128 + number of a signal.
BAD_DATA = 1
# Modules that a slim installation lacks, because only training and language models need them.
FULL_INSTALLATION = ("torch", "esm")
# What libraries say in a RuntimeError when there is no memory, for data or for a thread.
NO_MEMORY = ("allocate memory", "bad_alloc", "temporarily unavailable", "start new thread")


class LazyGroup(Group):
    """Imports the module of a command when the command is used.

    These modules import nothing heavy either before their command runs.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, or return None if there is no command of that name."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = importlib.import_module(f".{SHARED_MODULES.get(name, name)}", __name__)
        command: click.Command = getattr(module, name if name in SHARED_MODULES else "command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one, suggest what the user may have meant."""
        word = args[0]
        if word not in COMMANDS and not word.startswith("-") and not ctx.resilient_parsing:
            best = nearest(word, COMMANDS)
            if os.path.isfile(word):
                advice = f"did you mean tpspred predict {shlex.quote(one_line(word))}?"
            elif best:
                advice = f"did you mean {best[0]}?"
            else:
                advice = "tpspred --help lists all commands"
            raise click.UsageError(f"there is no command {one_line(word)}; {advice}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by what they are for, each with the first sentence of its help."""
        longest = max(map(len, COMMANDS))
        for title, names in SECTIONS.items():
            commands = {name: self.get_command(ctx, name) for name in names}
            rows = [
                (f"{name:{longest}}", command.short_help or "")
                for name, command in commands.items()
                if command is not None
            ]
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
    example=(
        "tpspred predict proteins.faa > calls.tsv",
        "tpspred predict proteins.faa -o calls.html",
    ),
)
@click.version_option(__version__, "-V", "--version", message="tpspred %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
def group(debug: bool) -> None:
    """Find terpene synthases among protein sequences and predict their products.

    Results go to standard output or to the files that you name; messages go to standard error. The
    exit status is 0 if all went well, 1 if an input, a model or an output cannot be used, 2 if the
    command line is wrong, and 130 after Ctrl-C.

    To complete commands, options and file names with the Tab key, add this line to ~/.bashrc (or to
    ~/.zshrc, with zsh_source):

    \b
      eval "$(_TPSPRED_COMPLETE=bash_source tpspred)"
    """  # noqa: D301 (click reads this backslash)


def main() -> NoReturn:
    """Run the command line and exit; report an error as one line and an exit status."""
    _replace_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
    received = raise_stopped()
    status = _run(received)
    # A library may have swallowed the exception of a signal, or made another one of it.
    sys.exit(128 + received[0] if received else status)


def _run(received: Sequence[int]) -> int:
    """Run the command line and return its exit status; report an error as one line.

    Args:
        received: Numbers of the signals that asked the process to end.
    """
    debug = "--debug" in sys.argv[1:2]
    status = 0
    try:
        if instruction := os.environ.get(COMPLETE):
            from click.shell_completion import shell_complete

            return shell_complete(group, {}, "tpspred", COMPLETE, instruction)
        try:
            with group.make_context("tpspred", sys.argv[1:]) as context:
                group.invoke(context)
        except click.exceptions.Exit as stop:
            status = stop.exit_code
        if sys.stdout is not None:
            sys.stdout.flush()
        return status
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader of standard output has left.
        message = ""
        status = 0
    except (Stopped, Exception) as error:
        if debug and not received:
            raise
        message = f"error: {_describe(error)}"
        if received:
            message = signal.strsignal(received[0]) or "stopped"
        status = BAD_DATA
    _discard_standard_output()
    if message:
        with contextlib.suppress(OSError):
            print(f"tpspred: {one_line(message)}", file=sys.stderr)
    return status


def _describe(error: BaseException) -> str:
    """Return an error as one line for the user."""
    if isinstance(error, TpspredError):
        return str(error)
    first_line = (str(error).splitlines() or [""])[0]
    if isinstance(error, MemoryError) or any(words in first_line for words in NO_MEMORY):
        return "there is not enough memory"
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    if isinstance(error, ModuleNotFoundError) and error.name in FULL_INSTALLATION:
        return (
            "training and ESM-2 need PyTorch and fair-esm, which are not both installed: "
            "pip install torch fair-esm (with conda: conda install tpspred)"
        )
    if isinstance(error, ImportError):
        return f"a package cannot be loaded: {first_line}"
    return (
        f"unexpected {type(error).__name__}: {first_line}; this is a bug, please report it with "
        "what the same command prints after tpspred --debug"
    )


def _replace_closed_streams() -> None:
    """Open the null device in place of standard streams that are closed.

    A file that is opened later would otherwise take the number of such a stream, and get its text.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (it stays open)


def _discard_standard_output() -> None:
    """Send what is still buffered for standard output to nowhere.

    Python flushes the stream once more at its end, which must not fail.
    """
    if sys.stdout is not None:
        with contextlib.suppress(OSError):  # a program may have replaced it by what is no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
