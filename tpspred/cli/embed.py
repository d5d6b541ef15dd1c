"""tpspred embed"""

import dataclasses
import os

import click

from . import options


@click.command("embed", short_help="Turn proteins into vectors (HDF5).")
@options.proteins
@options.output("HDF5 store")
@click.option(
    "--encoder",
    metavar="FILE|NAME",
    help="Encoder or model file; or an ESM-2 such as esm2_t33_650M_UR50D, or "
    "profile+esm2_t33_650M_UR50D, its vectors behind those of the profile encoder.  [default: the bundled model]",
)
@click.option(
    "--screen",
    metavar="FILE|none",
    help="Encoder or model file whose profiles choose the proteins that an ESM-2 "
    "embeds, and whose encoder it is joined to, or none to embed all proteins.  [default: the bundled model]",
)
@options.language_model
@options.shard
@options.duplicates
@options.threads
@options.messages
def command(proteins, output, encoder, screen, runtime, shard, duplicates, threads):
    """Embed PROTEINS (FASTA, plain, gzip or xz, '-' for standard input) and write an HDF5 store, one row per record.

    If the store exists, sequences that it already holds are not computed again. A run that was killed leaves its vectors in
    STORE.partial, and the same command goes on from there. ESM-2 needs its weights: see tpspred fetch-weights.
    """
    from ..console import notify, progress
    from ..encoders import representations
    from ..io import fasta, journal, store

    screened = screen != store.UNSCREENED
    loaded = _open(encoder, screen if screened else None, runtime)
    if not screened and loaded.needs_profile_match:
        raise click.UsageError(
            "--screen none: the profile encoder has no vector for a protein without a profile match"
        )
    options.check_runtime(runtime, loaded)
    loaded.ready()
    known = store.read(output) if output != "-" and os.path.exists(output) else None
    if known is not None:
        store.check_extension(known, loaded, screened, str(shard or ""), output)
    made_by = {
        "encoder": loaded.name,
        "checksum": loaded.checksum,
        "pooling": loaded.pooling,
        "precision": loaded.precision,
    }
    with (
        journal.journal(output, made_by, loaded.dimension) as vectors,
        progress("proteins embedded") as advance,
    ):
        if vectors and vectors.recovered:
            notify("going on with %d vectors of an earlier run", vectors.recovered)
        stream = fasta.read_fasta(proteins, duplicates)
        table = representations.embed(
            shard.select(stream) if shard else stream,
            loaded,
            threads,
            known,
            vectors,
            screened,
            advance,
        )
        store.write(dataclasses.replace(table, shard=str(shard or "")), output)
    notify(
        "%d proteins, %d embedded by %s",
        len(table),
        sum(not problem for problem in table.problems),
        table.encoder,
    )
    if known is not None and known.features is not None:
        notify("the features that were in %s are gone: run tpspred featurize again", output)


def _open(encoder, screen, runtime):
    """The encoder of a file, or an ESM-2 by its name behind the profiles of a file or joined to its encoder."""
    from ..encoders.protocol import encoder_by_name, encoder_class
    from ..model import checkpoint

    if not encoder or os.path.exists(encoder) or encoder_class(encoder) is None:
        if screen:
            raise click.UsageError(
                "--screen FILE is for ESM-2 by name; a file has its own profiles"
            )
        return checkpoint.load_encoder(encoder, runtime)
    return encoder_by_name(encoder, checkpoint.load_encoder(screen), runtime)
