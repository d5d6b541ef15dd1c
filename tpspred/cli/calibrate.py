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
    from ..dataset.enzymes import read_enzymes
    from ..model import checkpoint
    from ..model.examples import gather_examples
    from ..model.held_out import calibrate

    predictor = checkpoint.load(model)
    _, (first, *others) = pipeline.read_stores([representations, *negatives], predictor.encoder)
    examples = gather_examples(
        read_enzymes(table), first, others, predictor.labels, predictor.feature_names, threads
    )
    calibrated = calibrate(predictor, examples)
    checkpoint.save(calibrated, output)
    fitted = calibrated.calibration
    notify(
        "calibrated on %d held-out proteins; tps from probability %.3f, uncertain from %.3f",
        fitted.sequences,
        fitted.tps_threshold,
        fitted.uncertain_threshold,
    )
