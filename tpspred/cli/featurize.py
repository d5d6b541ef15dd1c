"""tpspred featurize"""

import click

from . import options


@click.command("featurize", short_help="Add the 64 features to a store.")
@click.argument("source", metavar="STORE")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Store to write; '-' is standard output.  [default: STORE itself]",
)
@options.encoder
@options.threads
@options.messages
def command(source, output, encoder, threads):
    """Compute the 64 engineered features of the proteins in STORE (from tpspred embed; '-' for standard input)."""
    from .. import pipeline
    from ..console import notify, progress
    from ..encoders.representations import featurize
    from ..io import store
    from ..model import checkpoint

    loaded, (table,) = pipeline.read_stores(
        [source], checkpoint.load_encoder(encoder), lend_profiles=True
    )
    with progress("proteins featurized") as advance:
        table = featurize(table, loaded.profiles, threads, advance)
    store.write(table, output or source)
    notify("%d proteins, %d features", len(table), len(table.feature_names))
