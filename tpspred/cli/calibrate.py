"""tpspred calibrate"""

import click

from . import options


@click.command("calibrate", short_help="Fit probabilities and thresholds on held-out data.")
@click.argument("model", metavar="MODEL")
@click.argument("table", metavar="DATASET")
@click.argument("representations", metavar="STORE")
@options.output("Calibrated model")
@options.negatives
@options.threads
@options.messages
def command(model, table, representations, output, negatives, threads):
    """Set the per-class thresholds and the probability calibration of MODEL with DATASET and STORE.

    A sequence that some of the model's networks left out of their training is scored by these alone; one that all of
    them were trained on is refused. The training data itself therefore serves when every fold was left out by a network.
    """
    from .. import pipeline
    from ..console import notify
    from ..dataset import reactions
    from ..model import checkpoint

    predictor = checkpoint.load(model)
    _, (first, *others) = pipeline.read_stores([representations, *negatives], predictor.encoder)
    calibrated = pipeline.calibrate(predictor, reactions.read(table), first, others, threads)
    checkpoint.save(calibrated, output)
    lines = calibrated.calibration
    notify(
        "calibrated on %d held-out proteins; tps from probability %.3f, uncertain from %.3f",
        lines.sequences,
        lines.tps_threshold,
        lines.uncertain_threshold,
    )
