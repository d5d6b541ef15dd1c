"""The command tpspred embed."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

import click

from . import options
from .layout import Command, option

if TYPE_CHECKING:
    from ..encoders.protocol import Encoder
    from ..encoders.runtime import Runtime
    from ..io.shards import Shard

NEEDS_MATCH = (
    "--screen none: the profile encoder has no vector for a protein without a profile match"
)


@click.command(
    "embed", cls=Command, example="tpspred embed enzymes.faa --encoder profiles.h5 -o enzymes.h5"
)
@options.proteins
@options.output("store (HDF5)")
@option(
    "--encoder",
    group="model",
    type=options.INPUT_OR_NAME,
    metavar="FILE|NAME",
    show_default=options.BUNDLED,
    help="Encoder file, model file, or name of an encoder. The name is that of an ESM-2, such as "
    "esm2_t33_650M_UR50D, or profile+esm2_t33_650M_UR50D to join the vectors of the profile "
    "encoder and of ESM-2.",
)
@option(
    "--screen",
    group="model",
    type=options.INPUT_OR_NAME,
    metavar="FILE|none",
    show_default=options.BUNDLED,
    help="Encoder or model file whose profiles choose the proteins that ESM-2 embeds. A joined "
    "encoder takes its profile encoder from this file, too. With none, ESM-2 embeds all proteins.",
)
@options.language_model
@options.shard
@options.duplicates
@options.strict
@options.threads
@options.messages
def command(
    proteins: str,
    output: str,
    encoder: str | None,
    screen: str | None,
    runtime: Runtime,
    shard: Shard | None,
    duplicates: str,
    strict: bool,
    threads: int,
) -> None:
    """Turn proteins into vectors and store them (HDF5).

    PROTEINS is a FASTA file, plain or compressed with gzip or xz; '-' is standard input. The store
    has one row per record.

    If the store exists, sequences that it contains are not computed again. A run that is killed
    leaves its vectors in STORE.partial, and the same command continues from there. ESM-2 needs its
    weights: see tpspred fetch-weights.
    """
    from ..console import notify, progress
    from ..encoders import representations
    from ..io import fasta, store
    from ..io.embedding_journal import open_journal

    screened = screen != store.UNSCREENED
    if screen and screened and not is_name(encoder):
        raise click.UsageError("--screen FILE is for ESM-2 by name; a file has its own profiles")
    if not screened and encoder is None:
        raise click.UsageError(NEEDS_MATCH)
    options.start(files_to_read(encoder, screen))
    loaded = _load_encoder(encoder, screen if screened else None, runtime)
    if not screened and loaded.needs_profile_match:
        raise click.UsageError(NEEDS_MATCH)
    options.check_runtime(runtime, loaded)
    loaded.ready()
    shard_name = str(shard) if shard else ""
    known = store.read(output) if output != "-" and os.path.isfile(output) else None
    if known is not None:
        store.check_extension(known, loaded, screened, shard_name, output)
    made_by = {
        "encoder": loaded.name,
        "checksum": loaded.checksum,
        "pooling": loaded.pooling,
        "precision": loaded.precision,
    }
    with (
        open_journal(output, made_by, loaded.dimension) as vectors,
        progress("proteins embedded") as advance,
    ):
        if vectors and vectors.recovered:
            notify("continuing with %d vectors of an earlier run", vectors.recovered)
        records = fasta.read_fasta(proteins, duplicates, strict)
        table = representations.embed(
            shard.select(records) if shard else records,
            loaded,
            threads,
            known,
            vectors,
            screened,
            advance,
        )
        store.write(dataclasses.replace(table, shard=shard_name), output)
    embedded = sum(not problem for problem in table.problems)
    notify("%d proteins, %d embedded by %s", len(table), embedded, table.encoder)
    if known is not None and known.features is not None:
        notify("%s has no features any more: run tpspred featurize again", output)


def is_name(encoder: str | None) -> bool:
    """Return whether --encoder names an encoder and not a file."""
    from ..encoders.protocol import encoder_class

    return bool(encoder and not os.path.exists(encoder) and encoder_class(encoder))


def files_to_read(encoder: str | None, screen: str | None) -> list[str]:
    """Return the files among what --encoder and --screen name."""
    from ..io.store import UNSCREENED

    named = [encoder] if encoder and not is_name(encoder) else []
    return named + ([screen] if screen and screen != UNSCREENED else [])


def _load_encoder(encoder: str | None, profiles: str | None, runtime: Runtime) -> Encoder:
    """Load the encoder of a file, or make an ESM-2 encoder by its name.

    Args:
        encoder: File or name; None is the bundled model.
        profiles: File whose profiles screen the proteins of an ESM-2; None is the bundled model.
        runtime: How ESM-2 runs.
    """
    from ..encoders.protocol import encoder_by_name
    from ..model import checkpoint

    if encoder and is_name(encoder):
        return encoder_by_name(encoder, checkpoint.load_encoder(profiles), runtime)
    return checkpoint.load_encoder(encoder, runtime)
