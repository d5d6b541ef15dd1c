"""The command tpspred calibrate."""

import click

from . import options
from .layout import Command


@click.command(
    "calibrate",
    cls=Command,
    example="tpspred calibrate raw.h5 dataset.tsv enzymes.h5 --negatives negatives.h5 -o model.h5",
)
@click.argument("model", type=options.INPUT, metavar="MODEL")
@click.argument("table", type=options.INPUT, metavar="DATASET")
@click.argument("representations", type=options.INPUT, metavar="STORE")
@options.output("calibrated model")
@options.negatives
@options.threads
@options.messages
def command(
    model: str,
    table: str,
    representations: str,
    output: str,
    negatives: tuple[str, ...],
    threads: int,
) -> None:
    """Fit the probabilities and thresholds of a model on held-out enzymes.

    MODEL is the model of tpspred train, DATASET the table of tpspred prepare, and STORE the store
    of its sequences, made by tpspred embed and tpspred featurize.

    Each network of the model left a part of the training data out. A sequence of the training data
    is scored only by the networks that left it out, and a new sequence by all networks. If all
    networks were trained on a sequence, the command stops with an error. So the training data
    itself can be used if each part of it was left out by a network.
    """
    options.start()
    from .. import pipeline
    from ..console import notify
    from ..dataset.enzymes import read_enzymes
    from ..model import checkpoint
    from ..model.examples import gather_examples
    from ..model.held_out import calibrate

    predictor = checkpoint.load(model)
    _, store = pipeline.read_store(representations, predictor.encoder)
    enzymes = read_enzymes(table)
    others = pipeline.read_negatives(negatives, predictor.encoder, threads)
    examples = gather_examples(
        enzymes,
        store,
        others,
        predictor.labels,
        predictor.feature_names,
        threads,
    )
    calibrated = calibrate(predictor, examples, threads)
    checkpoint.save(calibrated, output)
    calibration = calibrated.calibration
    notify(
        "calibrated on %d held-out proteins; status tps from probability %.3f, uncertain from %.3f",
        calibration.sequences,
        calibration.tps_threshold,
        calibration.uncertain_threshold,
    )
