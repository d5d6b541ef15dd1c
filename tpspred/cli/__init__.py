"""Command line of tpspred, one file per command; imports from all other rooms."""

import importlib
import os
import sys
from typing import NoReturn

import click

from .. import __version__
from ..errors import TpspredError

COMMANDS = (
    "predict",
    "explain",
    "info",
    "prepare",
    "profiles",
    "embed",
    "featurize",
    "train",
    "calibrate",
    "evaluate",
    "merge",
    "fetch-weights",
)
# Exit status, beside those of click: 0 done and 2 usage.
BAD_DATA = 1
INTERRUPTED = 130


class LazyGroup(click.Group):
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
        module = importlib.import_module(f".{cmd_name.replace('-', '_')}", __name__)
        command: click.Command = module.command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="tpspred %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
def group(debug: bool) -> None:
    """Find terpene synthases in protein sequences and predict what they make.

    Example: tpspred predict genome_proteins.faa > hits.tsv

    Data is written to standard output, and messages to standard error. The exit status is 0 if all
    went well, 1 for bad data, a bad file or a bad model, 2 for wrong usage, and 130 if the command
    was interrupted.
    """


def main() -> NoReturn:
    """Run the command line and exit; report an error as one line and an exit status."""
    debug = "--debug" in sys.argv[1:2]
    status = 0
    try:
        with group.make_context("tpspred", sys.argv[1:]) as context:
            group.invoke(context)
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except KeyboardInterrupt:
        print("tpspred: interrupted", file=sys.stderr)
        status = INTERRUPTED
    except BrokenPipeError:
        # The reader of standard output has left. Python flushes the stream once more at the end,
        # which must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except TpspredError as error:
        if debug:
            raise
        print(f"tpspred: error: {error}", file=sys.stderr)
        status = BAD_DATA
    sys.exit(status)
