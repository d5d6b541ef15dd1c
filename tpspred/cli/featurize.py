"""The command tpspred featurize."""

import os

import click

from . import options


@click.command("featurize", short_help="Add the 64 features to a store.")
@click.argument("source", metavar="STORE")
@click.option(
    "-o",
    "--output",
    type=options.OUTPUT,
    metavar="FILE",
    show_default="STORE itself",
    help="Write the store to this file; '-' is standard output.",
)
@options.encoder
@options.threads
@options.messages
def command(source: str, output: str | None, encoder: str | None, threads: int) -> None:
    """Compute the 64 engineered features of the proteins in STORE and add them to it.

    STORE was made by tpspred embed; '-' is standard input.
    """
    from .. import pipeline
    from ..console import notify, progress
    from ..encoders.representations import featurize
    from ..io import store
    from ..model import checkpoint

    if output is None and source != "-" and os.path.exists(source) and not os.path.isfile(source):
        raise click.UsageError("a pipe cannot be replaced by its own store: add -o FILE")
    base = checkpoint.load_encoder(encoder)
    store_encoder, table = pipeline.read_store(source, base, lend_profiles=True)
    with progress("proteins featurized") as advance:
        table = featurize(table, store_encoder.profiles, threads, advance)
    store.write(table, output or source)
    notify("%d proteins, %d features", len(table), len(table.feature_names))
