"""The command line: a lazy group, one file per command."""

import importlib
import os
import sys

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


class LazyGroup(click.Group):
    """Loads a command's module when it is asked for; these modules import nothing heavy either."""

    def list_commands(self, context):
        return list(COMMANDS)

    def get_command(self, context, name):
        return (
            importlib.import_module(f".{name.replace('-', '_')}", __name__).command
            if name in COMMANDS
            else None
        )


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="tpspred %(version)s")
@click.option("--debug", is_flag=True, help="Show a traceback when something fails.")
def group(debug):
    """Find terpene synthases in protein sequences and predict what they make.

    \b
    tpspred predict genome_proteins.faa > hits.tsv

    Data goes to standard output, words to standard error. Exit status: 0 done, 1 bad data, file or model, 2 usage,
    130 interrupted.
    """


def main():
    """Entry point: run a command and turn what went wrong into a line and an exit status."""
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
        status = 130
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the reader has gone; nothing is left to say
    except TpspredError as error:
        if debug:
            raise
        print(f"tpspred: error: {error}", file=sys.stderr)
        status = 1
    sys.exit(status)
