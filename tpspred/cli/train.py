"""The command tpspred train."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import options
from .layout import Command, option

if TYPE_CHECKING:
    from ..model.hyperparameters import Config


@click.command(
    "train",
    cls=Command,
    example="tpspred train dataset.tsv enzymes.h5 --negatives negatives.h5 --encoder profiles.h5 "
    "-o raw.h5",
)
@click.argument("table", type=options.INPUT, metavar="DATASET")
@click.argument("representations", type=options.INPUT, metavar="STORE")
@options.output("model")
@options.negatives
@options.encoder
@option(
    "--name",
    group="model",
    metavar="NAME",
    show_default="tpspred- and the name of the encoder",
    help="Name of the model, which is written with every call.",
)
@options.device
@option(
    "--history",
    group="output",
    type=options.OUTPUT,
    metavar="FILE",
    help="Write a table of the losses and scores of every network, epoch by epoch, to this file.",
)
@options.hyperparameters()
@options.threads
@options.messages
def command(
    table: str,
    representations: str,
    output: str,
    negatives: tuple[str, ...],
    encoder: str | None,
    name: str | None,
    device: str,
    history: str | None,
    config: Config,
    threads: int,
) -> None:
    """Train a model on labelled enzymes.

    DATASET is the table of tpspred prepare, and STORE is the store of its sequences, made by
    tpspred embed and tpspred featurize. The model is not calibrated yet: continue with tpspred
    calibrate.
    """
    options.start()
    from .. import building, pipeline
    from .. import device as devices
    from ..console import notify, progress
    from ..dataset.enzymes import read_enzymes
    from ..dataset.labels import labels_of
    from ..model import checkpoint
    from ..model.examples import gather_examples
    from ..writers.tables import write_table

    base = checkpoint.load_encoder(encoder)
    store_encoder, store = pipeline.read_store(representations, base, lend_profiles=True)
    where = devices.resolve(device)
    enzymes = read_enzymes(table)
    labels = labels_of(enzymes)
    others = pipeline.read_negatives(negatives, store_encoder, threads)
    examples = gather_examples(enzymes, store, others, labels, threads=threads)
    name = name or f"tpspred-{store_encoder.name}"
    with progress("epochs") as advance:
        predictor = building.train(
            enzymes, examples, labels, store_encoder, config, name, where, advance, threads
        )
    if history:
        write_table(predictor.trained.history, history, exact=True)
    checkpoint.save(predictor, output)
    unsupported = [label.column for label in predictor.unsupported()]
    notify(
        "%d labels, %d of them unsupported%s",
        len(predictor.labels),
        len(unsupported),
        ": " + ", ".join(unsupported) if unsupported else "",
    )
