"""tpspred embed"""

import os

import click

from . import options


@click.command("embed", short_help="Turn proteins into vectors (HDF5).")
@options.proteins
@options.output("HDF5 store")
@options.encoder
@options.duplicates
@options.threads
@options.messages
def command(proteins, output, encoder, duplicates, threads):
    """Embed PROTEINS (FASTA, plain or gzip, '-' for standard input) and write an HDF5 store, one row per record.

    If the store exists, sequences that it already holds are not computed again.
    """
    from .. import checkpoint, encoders, records, store
    from ..console import notify, progress
    loaded = checkpoint.load_encoder(encoder)
    known = store.read(output) if output != "-" and os.path.exists(output) else None
    if known is not None:
        store.check_encoder(known, loaded, output)
    with progress("proteins embedded") as advance:
        table = encoders.embed(records.read_fasta(proteins, duplicates), loaded, threads, known, advance)
    store.write(table, output)
    notify("%d proteins, %d match a profile", len(table), sum(not problem for problem in table.problems))
