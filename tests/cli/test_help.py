"""The help of every command: a sentence, an example that parses, options in groups; completion."""

import os
import shlex
import subprocess
import sys

import click
import pytest
from support import ROOT

from tpspred import cli
from tpspred.cli import layout, options


def all_commands():
    """Yield (words of the command line, context of the command) for every command."""
    main = click.Context(cli.group, info_name="tpspred")
    yield ("tpspred",), main
    for name in cli.COMMANDS:
        command = cli.group.get_command(main, name)
        context = click.Context(command, main, info_name=name)
        yield ("tpspred", name), context
        for subname in command.list_commands(context) if isinstance(command, click.Group) else ():
            subcommand = command.get_command(context, subname)
            yield ("tpspred", name, subname), click.Context(subcommand, context, info_name=subname)


COMMANDS = dict(all_commands())
OPTIONS = [
    pytest.param(option, id=" ".join([*words, option.opts[-1]]))
    for words, context in COMMANDS.items()
    for option in context.command.params
    if isinstance(option, click.Option) and words != ("tpspred",)
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_has_a_sentence_an_example_and_groups(words):
    context = COMMANDS[words]
    lines = context.get_help().splitlines()
    assert lines[0].startswith(f"Usage: {' '.join(words)} ")
    first = context.command.short_help
    assert lines[2].strip() and first.startswith(lines[2].strip()) and first.endswith(".")
    assert len(first) <= 80 and first.count(". ") == 0
    assert max(map(len, lines)) <= 100
    for example in context.command.examples:
        assert f"    {example}" in lines
    titles = [line[:-1] for line in lines if line[:1].isalpha() and line.endswith(":")]
    known = [*layout.TITLES.values(), "Options"]
    groups = [title for title in titles if title in known]
    assert groups == sorted(groups, key=known.index) and len(groups) == len(set(groups))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_examples_parse(run, monkeypatch, words):
    """An example is a line of a shell; what is behind a > is for the shell."""
    parsed = []
    monkeypatch.setattr(click.Command, "invoke", lambda self, context: parsed.append(self.name))
    assert COMMANDS[words].command.examples
    for example in COMMANDS[words].command.examples:
        program, *arguments = shlex.split(example.partition(" > ")[0])
        assert program == "tpspred" and set(words) <= {program, *arguments}
        done = run(*arguments)
        assert (done.code, done.err) == (0, "")
        assert parsed.pop() in arguments  # the command


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_has_a_group_a_text_and_a_default(option):
    assert option.title in layout.TITLES.values()
    assert option.help and option.help[0].isupper() and option.help.endswith((".", ")"))
    if option.is_flag and not option.secondary_opts:
        return
    # A file is only read or written if its option is given.
    needs_none = option.required or option.type in options.PATHS
    assert option.default_text() or needs_none
    number = option.type.name.removesuffix(" range") in ("integer", "float")
    if number and not option.is_flag:
        assert option.metavar in ("N", "NUMBER", "SHARE")


def test_options_of_esm2_come_last():
    help_text = COMMANDS["tpspred", "predict"].get_help()
    assert help_text.index("ESM-2 (") > max(help_text.index(f"\n{t}:") for t in ("Input", "Run"))


def test_help_is_plain_text_in_a_pipe():
    done = subprocess.run(
        [sys.executable, ROOT / "bin/tpspred", "predict", "--help"],
        capture_output=True,
        env=os.environ | {"FORCE_COLOR": "1", "TERM": "xterm-256color"},
    )
    assert done.returncode == 0 and done.stderr == b""
    assert b"\x1b" not in done.stdout and "─" not in done.stdout.decode()


@pytest.mark.parametrize(
    "arguments, advice",
    [
        (["predikt"], "did you mean predict?"),
        (["fetch_weights"], "did you mean fetch-weights?"),
        (["xyzzy"], "tpspred --help lists all commands"),
        (["predict", "x.faa", "--modle", "m.h5"], "Did you mean '--model'?"),
        (["predict", "x.faa", "--otput", "o.tsv"], "Did you mean '--output'?"),
        (["slurm", "--shard", "2", "predict", "x.faa"], "Did you mean '--shards'?"),
        (["slurm", "predikt"], "Did you mean 'predict'?"),
        (["predict", "--xyzzy"], "No such option '--xyzzy'."),
    ],
)
def test_a_mistyped_word_gets_a_suggestion(run, arguments, advice):
    done = run(*arguments)
    assert (done.code, done.out) == (2, b"")
    assert done.err.splitlines()[-1].endswith(advice)


def test_a_file_without_a_command(run, tmp_path):
    path = tmp_path / "my proteins.faa"
    path.write_text(">a\nMKV\n")
    done = run(path)
    assert done.code == 2 and f"did you mean tpspred predict '{path}'?" in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_is_printed(shell):
    done = complete(f"{shell}_source")
    assert done.returncode == 0 and "_TPSPRED_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    "line, completions",
    [
        ("tpspred pre", ["plain,predict", "plain,prepare"]),
        ("tpspred predict --cov", ["plain,--coverage"]),
        ("tpspred predict x.faa --format gf", ["plain,gff3"]),
        ("tpspred predict x", ["file,x"]),
        ("tpspred slurm pred", ["plain,predict"]),
    ],
)
def test_words_are_completed(line, completions):
    words = line.split(" ")
    done = complete("bash_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == completions


def complete(instruction, **environment):
    """Ask tpspred for completions, as a shell does."""
    return subprocess.run(
        [sys.executable, ROOT / "bin/tpspred"],
        capture_output=True,
        text=True,
        env=os.environ | {"_TPSPRED_COMPLETE": instruction} | environment,
    )
