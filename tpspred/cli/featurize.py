"""The command tpspred featurize."""

import os

import click

from ..io.outputs import check_target
from . import options
from .layout import Command, option


@click.command(
    "featurize", cls=Command, example="tpspred featurize enzymes.h5 --encoder profiles.h5"
)
@click.argument("source", metavar="STORE")
@option(
    "-o",
    "--output",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    show_default="STORE itself",
    help="Write the store to this file; '-' is standard output.",
)
@options.encoder
@options.threads
@options.messages
def command(source: str, output: str | None, encoder: str | None, threads: int) -> None:
    """Add the 64 engineered features to a store.

    STORE was made by tpspred embed; '-' is standard input. The features are numbers that follow
    from the sequence, such as the length and the motifs of a protein.
    """
    if output is None and source != "-" and os.path.exists(source) and not os.path.isfile(source):
        raise click.UsageError("a pipe cannot be replaced by its own store: add -o FILE")
    options.start([source])
    check_target(output or source)
    from .. import pipeline
    from ..console import notify, progress
    from ..encoders.representations import featurize
    from ..io import store
    from ..model import checkpoint

    base = checkpoint.load_encoder(encoder)
    store_encoder, table = pipeline.read_store(source, base, lend_profiles=True)
    with progress("proteins featurized") as advance:
        table = featurize(table, store_encoder.profiles, threads, advance)
    store.write(table, output or source)
    notify("%d proteins, %d features", len(table), len(table.feature_names))
