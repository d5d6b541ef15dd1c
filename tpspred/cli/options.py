"""Options that several commands share."""

import functools
import os

import click

from .. import console
from ..records import DUPLICATES


def messages(function):
    """-v, -q and --log; configures the console before the command runs."""
    @click.option("-v", "--verbose", is_flag=True, help="Say more.")
    @click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
    @click.option("--log", "log_file", metavar="FILE", help="Write messages, with all detail, to FILE.")
    @functools.wraps(function)
    def command(*args, verbose, quiet, log_file, **options):
        console.configure(-1 if quiet else int(verbose), log_file)
        return function(*args, **options)
    return command


threads = click.option("-t", "--threads", type=click.IntRange(1), default=lambda: len(os.sched_getaffinity(0))
                       if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
                       show_default="all that this process may use", help="CPU threads.")
duplicates = click.option("--duplicates", type=click.Choice(DUPLICATES), default="error",
                          show_default=True, help="What to do with an id that occurs twice; suffix appends _2, _3 …")
encoder = click.option("--encoder", metavar="FILE",
                       help="Encoder or model file whose profiles to use.  [default: the bundled model]")
negatives = click.option("--negatives", multiple=True, metavar="STORE",
                         help="Store of proteins that are no terpene synthases; may be given several times.")
proteins = click.argument("proteins", metavar="PROTEINS")


def output(what):
    """-o, required: a file that appears whole or not at all."""
    return click.option("-o", "--output", required=True, metavar="FILE", help=f"{what} to write; '-' is standard output.")
