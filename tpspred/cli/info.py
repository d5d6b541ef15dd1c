"""tpspred info"""

import click

from . import options


@click.command("info", short_help="Say what a model is.")
@click.argument("model", metavar="[MODEL]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
@options.messages
def command(model, as_json):
    """Say what MODEL, by default the bundled one, is: its encoder, how it was trained, its scores on held-out enzymes, and a table of
    its labels with training positives, threshold, and the share of held-out calls at that threshold that was right.
    """
    import json

    from ..model import checkpoint
    from ..model.description import describe
    from ..writers.tables import write_table

    about = describe(checkpoint.load(model))
    if as_json:
        return click.echo(json.dumps(about, indent=1, ensure_ascii=False))
    for section, values in about.items():
        if section != "labels":
            click.echo(section)
            for name, value in values.items():
                click.echo(
                    f"  {name}: {json.dumps(value) if isinstance(value, (dict, list)) else value}"
                )
    write_table(about["labels"], "-")
