"""The command tpspred profiles."""

import click

from . import options
from .layout import Command


@click.command("profiles", cls=Command, example="tpspred profiles dataset.tsv -o profiles.h5")
@click.argument("table", type=options.INPUT, metavar="DATASET")
@options.output("encoder")
@options.threads
@options.messages
def command(table: str, output: str, threads: int) -> None:
    """Build the profile encoder from labelled enzymes.

    DATASET is the table of tpspred prepare. Its sequences are grouped into families, and a profile
    HMM is built for each family. The encoder consists of these profiles and of a projection that
    turns the residues at their match columns into a vector.
    """
    options.start()
    from .. import building
    from ..console import detail, notify
    from ..dataset.enzymes import read_enzymes
    from ..model import checkpoint

    encoder, _ = building.fit_encoder(read_enzymes(table), threads)
    for profile in encoder.profiles:
        domains = [f"{name} {first}-{last}" for name, first, last in profile.regions]
        sites = [f"{site.motif}@{site.column}" for site in profile.sites]
        detail(
            "%s: %d columns, domains %s, motifs %s",
            profile.name,
            profile.columns,
            ", ".join(domains),
            ", ".join(sites) or "none",
        )
    checkpoint.save_encoder(encoder, output)
    notify(
        "%d profiles, %d dimensions, checksum %s",
        len(encoder.profiles),
        encoder.dimension,
        encoder.checksum[:12],
    )
