"""The command tpspred info."""

import click

from . import options


@click.command("info", short_help="Describe a model.")
@click.argument("model", type=options.INPUT, metavar="[MODEL]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@options.messages
def command(model: str | None, as_json: bool) -> None:
    """Describe MODEL, or the bundled model if none is given.

    The description contains the encoder, the training, the scores on held-out enzymes, and a table
    of the labels. For each label, the table shows the number of positive training enzymes, the
    threshold, and the precision: the share of the held-out calls at this threshold that were right.
    A label with a threshold above 1 is never called.
    """
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
