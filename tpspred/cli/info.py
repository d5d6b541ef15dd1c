"""The command tpspred info."""

import click

from . import options
from .layout import Command, option


@click.command("info", cls=Command, example="tpspred info model.h5")
@click.argument("model", type=options.INPUT, metavar="[MODEL]", required=False)
@option(
    "--json",
    "as_json",
    group="output",
    is_flag=True,
    help="Print everything as one JSON object.",
)
@options.messages
def command(model: str | None, as_json: bool) -> None:
    """Describe a model: its encoder, its training, its scores and its labels.

    MODEL is a model file; without one, the bundled model is described. Scores are those on held-out
    enzymes. The table of the labels shows for each one the number of training enzymes that have it,
    the threshold from which it is called (probability, 0-1), and the precision: the share of the
    held-out calls at this threshold that were right. A label with a threshold above 1 is never
    called.
    """
    options.start()
    import json

    from ..model import checkpoint
    from ..model.description import describe
    from ..writers.tables import write_table

    description = describe(checkpoint.load(model))
    if as_json:
        click.echo(json.dumps(description, indent=1, ensure_ascii=False))
        return
    for title, section in description.items():
        if isinstance(section, list):  # the table of the labels
            write_table(section, "-")
            continue
        click.echo(title)
        for name, value in section.items():
            text = json.dumps(value) if isinstance(value, (dict, list)) else value
            click.echo(f"  {name}: {text}")
