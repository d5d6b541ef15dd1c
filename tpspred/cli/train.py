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
    from ..dataset.enzymes import read_enzymes
    from ..dataset.labels import labels_of
    from ..model import checkpoint
    from ..model.examples import gather_examples
    from ..model.hyperparameters import Config
    from ..writers.tables import write_table

    loaded, (first, *others) = pipeline.read_stores(
        [representations, *negatives], checkpoint.load_encoder(encoder), lend_profiles=True
    )
    config, where = Config(**hyperparameters), devices.resolve(device)
    enzymes = read_enzymes(table)
    labels = labels_of(enzymes)
    examples = gather_examples(enzymes, first, others, labels, threads=threads)
    name = name or f"tpspred-{loaded.name}"
    with progress("epochs") as advance:
        predictor = pipeline.train(enzymes, examples, labels, loaded, config, name, where, advance)
    if history:
        write_table(predictor.trained.history, history, exact=True)
    checkpoint.save(predictor, output)
    missing = predictor.unsupported()
    notify(
        "%d labels, %d of them unsupported%s",
        len(predictor.labels),
        len(missing),
        ": " + ", ".join(label.column for label in missing) if missing else "",
    )
