"""The command tpspred merge."""

import click

from . import options
from .layout import Command


@click.command("merge", cls=Command, example="tpspred merge calls.?.tsv -o calls.tsv")
@click.argument("shards", type=options.INPUT, metavar="SHARD...", nargs=-1, required=True)
@options.output("table or store")
@options.messages
def command(shards: tuple[str, ...], output: str) -> None:
    """Merge the results of all shards into one file.

    The file is what a single run would have written. Each SHARD is a table that tpspred predict
    --shard wrote; or each is a store that tpspred embed --shard wrote. The order does not matter,
    but every shard must be given exactly once.
    """
    options.start()
    from ..console import notify
    from ..io.shards import merge

    notify("%d rows of %d shards", merge(shards, output), len(shards))
