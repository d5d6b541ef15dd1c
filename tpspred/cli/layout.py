"""How a command is shown: a sentence, an example, and its options in groups.

An example in the help of a command is a command line that works as it stands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.decorators import FC

# Group of options → its title, in the order of the help texts.
TITLES = {
    "input": "Input",
    "output": "Output",
    "model": "Model",
    "genome": "Genome",
    "go": "GO annotation file (--gaf)",
    "folds": "Folds",
    "training": "Training",
    "baselines": "Comparison",
    "jobs": "Jobs",
    "download": "Download",
    "run": "Run",
    "esm2": "ESM-2 (not used by the bundled model)",
}
WIDTH = 100  # columns of a help text, if the terminal has so many
NAMES = 24  # columns for the names of the options; longer ones get a line of their own


class Option(click.Option):
    """An option that belongs to a group of the help text.

    Args:
        declarations: Names of the option.
        group: Key of :data:`TITLES`.
        attributes: What click.Option takes.
    """

    def __init__(self, declarations: Sequence[str], group: str, **attributes: Any) -> None:
        super().__init__(declarations, **attributes)
        self.title = TITLES[group]

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the names of the option, and its help text with the default."""
        row = super().get_help_record(ctx)
        if row is None:
            return None
        if default := self.default_text():
            return row[0], f"{self.help}  [default: {default}]"
        return row[0], f"{self.help}  [required]" if self.required else str(self.help)

    def default_text(self) -> str:
        """Return the default as the help shows it, or '' if there is none."""
        if isinstance(self.show_default, str):
            return self.show_default
        if not self.show_default:
            return ""
        if isinstance(self.default, bool):
            return "on" if self.default else "off"
        return str(self.default)


def option(*declarations: str, group: str, **attributes: Any) -> Callable[[FC], FC]:
    """Return a decorator that adds an option to a group of the help text."""
    return click.option(*declarations, cls=Option, group=group, **attributes)


class Command(click.Command):
    """A command whose help shows an example after the first sentence, and groups of options.

    Lists of commands show the first sentence, too.

    Args:
        example: Command lines, such as ``("tpspred predict proteins.faa -o calls.tsv",)``.
        attributes: What click.Command takes.
    """

    def __init__(self, *arguments: Any, example: str | Sequence[str], **attributes: Any) -> None:
        attributes.setdefault("context_settings", {"max_content_width": WIDTH})
        super().__init__(*arguments, **attributes)
        self.examples = (example,) if isinstance(example, str) else tuple(example)
        first, _, self.explanation = inspect.cleandoc(self.help or "").partition("\n\n")
        self.short_help = " ".join(first.split())

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first sentence, the example, and the rest of the help text."""
        with formatter.indentation():
            formatter.write_paragraph()
            formatter.write_text(self.short_help or "")
            formatter.write_paragraph()
            formatter.write_text("Example:" if len(self.examples) == 1 else "Examples:")
            for line in self.examples:
                formatter.write(f"{'':{formatter.current_indent + 2}}{line}\n")
            if self.explanation:
                formatter.write_paragraph()
                formatter.write_text(self.explanation)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the subcommands if there are any, and then the options in groups."""
        if isinstance(self, click.Group):
            self.format_commands(ctx, formatter)
        rows: dict[str, list[tuple[str, str]]] = {title: [] for title in TITLES.values()}
        others: list[tuple[str, str]] = []  # those of click
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and row is not None:
                padded = (f"{row[0]:{NAMES}}", row[1])
                (rows[parameter.title] if isinstance(parameter, Option) else others).append(padded)
        run = TITLES["run"]
        rows[run if rows[run] else "Options"] = rows[run] + others
        for title, records in rows.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records, col_max=NAMES)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; for an unknown option, suggest the one that is most like it."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            best = nearest(error.option_name, error.possibilities or ())
            raise click.NoSuchOption(error.option_name, None, best, error.ctx) from None


class Group(Command, click.Group):
    """A command with subcommands, which is shown like the others."""


def nearest(word: str, known: Sequence[str]) -> list[str]:
    """Return the known word that is most like another one, or nothing if none is like it.

    >>> nearest("predikt", ["predict", "merge"]), nearest("x", ["predict"])
    (['predict'], [])
    """
    from difflib import get_close_matches

    return get_close_matches(word, known, n=1)
