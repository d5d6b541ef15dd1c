"""The command tpspred merge."""

import click

from . import options


@click.command("merge", short_help="Merge the results of all shards.")
@click.argument("shards", type=options.INPUT, metavar="SHARD...", nargs=-1, required=True)
@options.output("table or store")
@options.messages
def command(shards: tuple[str, ...], output: str) -> None:
    """Merge the results of all shards into what a single run would have written.

    The shards are either all tables that tpspred predict --shard wrote, or all stores that tpspred
    embed --shard wrote. They can be given in any order, but each must be given exactly once.
    """
    from ..console import notify
    from ..io.shards import merge

    notify("%d rows of %d shards", merge(shards, output), len(shards))
