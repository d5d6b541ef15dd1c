"""tpspred train"""

import click

from . import options


@click.command("train", short_help="Train a model on labelled representations.")
@click.argument("table", metavar="DATASET")
@click.argument("representations", metavar="STORE")
@options.output("Model")
@options.negatives
@options.encoder
@click.option(
    "--name",
    metavar="NAME",
    help="Name of the model, shown with every call.  [default: tpspred- and the encoder]",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--history", metavar="FILE", help="Write a table of every member's epochs.")
@options.hyperparameters()
@options.threads
@options.messages
def command(
    table,
    representations,
    output,
    negatives,
    encoder,
    name,
    device,
    history,
    threads,
    **hyperparameters,
):
    """Train the fused network on DATASET (from tpspred prepare) and STORE (from tpspred embed and featurize).

    The model is not calibrated: go on with tpspred calibrate.
    """
    from .. import device as devices
    from .. import pipeline
    from ..console import notify, progress
    from ..dataset import reactions
    from ..model import checkpoint
    from ..model.hyperparameters import Config

    loaded, (first, *others) = pipeline.read_stores(
        [representations, *negatives], checkpoint.load_encoder(encoder), lend_profiles=True
    )
    with progress("epochs") as advance:
        predictor = pipeline.train(
            reactions.read(table),
            loaded,
            first,
            others,
            Config(**hyperparameters),
            name or f"tpspred-{loaded.name}",
            devices.resolve(device),
            threads=threads,
            progress=advance,
        )
    if history:
        pipeline.write_history(predictor.fitted.history, history)
    checkpoint.save(predictor, output)
    missing = predictor.unsupported()
    notify(
        "%d labels, %d of them unsupported%s",
        len(predictor.labels),
        len(missing),
        ": " + ", ".join(label.column for label in missing) if missing else "",
    )
