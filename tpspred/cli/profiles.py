"""tpspred profiles"""

import click

from . import options


@click.command("profiles", short_help="Build the profile encoder from labelled enzymes.")
@click.argument("table", metavar="DATASET")
@options.output("Encoder file")
@options.threads
@options.messages
def command(table, output, threads):
    """Group the sequences of DATASET (from tpspred prepare), build the families' profile HMMs and the projection of their
    match columns, and write both as an encoder.
    """
    from .. import pipeline
    from ..console import detail, notify
    from ..dataset.enzymes import read_enzymes
    from ..model import checkpoint

    encoder, _ = pipeline.fit_encoder(read_enzymes(table), threads)
    for profile in encoder.profiles:
        detail(
            "%s: %d columns, domains %s, motifs %s",
            profile.name,
            profile.columns,
            ", ".join(f"{name} {first}-{last}" for name, first, last in profile.regions),
            ", ".join(f"{site.motif}@{site.column}" for site in profile.sites) or "none",
        )
    checkpoint.save_encoder(encoder, output)
    notify(
        "%d profiles, %d dimensions, checksum %s",
        len(encoder.profiles),
        encoder.dimension,
        encoder.checksum[:12],
    )
