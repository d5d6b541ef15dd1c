"""tpspred merge"""

import click

from . import options


@click.command("merge", short_help="Make one result of all shards.")
@click.argument("shards", metavar="SHARD...", nargs=-1, required=True)
@options.output("Table or store")
@options.messages
def command(shards, output):
    """Make one table of all tables that tpspred predict --shard I/N wrote, or one store of all stores of tpspred embed --shard, in the
    order of the records: the same as that of a single run. The shards may be given in any order; each must be there once.
    """
    from ..console import notify
    from ..io import shards as merging

    notify("%d rows of %d shards", merging.merge(shards, output), len(shards))
