"""README and documentation: the pages build; commands, examples, files and links are true.

In a block ``console`` every line after ``$`` is run, and what the page shows below it is what is
printed; ``...`` stands for any text. Blocks ``sh`` are commands that need a network, a cluster or
data that the project does not ship: only their syntax, subcommands and options are checked.
A block ``python`` with ``>>>`` is a doctest.
"""

import contextlib
import doctest
import os
import re
import shlex
import subprocess
import sys

import pytest
from support import ROOT

from tpspred import cli

README = (ROOT / "README.md").read_text()
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
}
LOOSELY = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# What commands of a page may read.
SHIPPED = ("test_data", "workflows", "bin", "benchmarks", "tpspred")
FOLDERS = r"(?:bin|benchmarks|conda-recipe|docs|test_data|tests|tpspred|workflows)"


def blocks(text, language):
    """Return the contents of a page's fenced blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def commands_and_outputs(text):
    """Split the console blocks of a page into (command, what is shown below it)."""
    found = []
    for block in blocks(text, "console"):
        assert block.startswith("$ "), block
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, shown = re.sub(r"\\\n", "\0", part).partition("\n")
            found.append((command.replace("\0", "\\\n"), shown))
    return found


def pages_with(found):
    """Return the names of the pages in which something is found."""
    return [name for name, text in PAGES.items() if found(text)]


@pytest.fixture
def folder(tmp_path):
    """A folder with the project's files, and its uninstalled tpspred in bin_of_test."""
    for name in SHIPPED:
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "bin_of_test").mkdir()
    program = tmp_path / "bin_of_test/tpspred"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/bin/tpspred "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(command, folder):
    """Run a line of bash in a folder."""
    return subprocess.run(
        command,
        shell=True,
        executable="/bin/bash",
        cwd=folder,
        env=os.environ | {"PATH": f"{folder}/bin_of_test:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_documentation_builds_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", ROOT / "docs"]
    done = subprocess.run([*command, tmp_path / "html"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html/index.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", pages_with(commands_and_outputs))
def test_commands_print_what_the_page_shows(name, folder):
    for command, shown in commands_and_outputs(PAGES[name]):
        done = run(command, folder)
        assert (done.returncode != 0) == ("tpspred: error:" in shown), (command, done.stderr)
        printed = [done.stdout, done.stdout + done.stderr, done.stderr + done.stdout]
        check = doctest.OutputChecker().check_output
        if shown and not any(check(shown, text, LOOSELY) for text in printed):
            pytest.fail(f"$ {command}\n{printed[1]}\nis not what {name} shows:\n{shown}")


@pytest.mark.slow
@pytest.mark.parametrize("name", pages_with(lambda text: "\n>>> " in text))
def test_python_examples_print_what_the_page_shows(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    examples = "\n".join(block for block in blocks(PAGES[name], "python") if ">>> " in block)
    test = doctest.DocTestParser().get_doctest(examples, {}, name, name, 0)
    report = []
    doctest.DocTestRunner(optionflags=LOOSELY).run(test, out=report.append)
    assert test.examples and not report, "".join(report)


def unrun_commands(text):
    """Return the lines of a page's commands that are not run, joined where one goes on."""
    outside = re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.M | re.S)
    lines = "".join(blocks(text, "sh")) + "\n".join(re.findall(r"^    (\S.*)$", outside, re.M))
    return re.sub(r"\\\n", " ", lines).splitlines()


@pytest.mark.parametrize("name", pages_with(unrun_commands))
def test_commands_that_are_not_run_are_spelled_right(name):
    text = "\n".join(blocks(PAGES[name], "sh"))
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in unrun_commands(PAGES[name]):
        for call in re.findall(r"\btpspred ([a-z][a-z-]*\b(?: .*?)?)(?=[|;&#]|$)", line):
            assert_options_exist(call)


@pytest.mark.parametrize("name", PAGES)
def test_every_named_option_exists(name):
    for call in re.findall(r"`tpspred ([a-z-]+ [^`]*--[^`]+)`", PAGES[name]):
        assert_options_exist(call)


def assert_options_exist(call):
    """Check the subcommand and the options of a call, such as 'predict --html page.html'."""
    words = [call]
    with contextlib.suppress(ValueError):  # a quote that the pattern cut
        words = shlex.split(call)
    if call.startswith("count "):  # the command that CONTRIBUTING.md shows how to add
        return
    group = cli.group
    command = group.get_command(None, words[0])
    assert command is not None, call
    known = {option for parameter in command.params for option in parameter.opts}
    if words[0] in ("slurm", "pbs"):  # the call of predict or embed follows
        for inner in ("predict", "embed"):
            known |= {o for p in group.get_command(None, inner).params for o in p.opts}
    for word in words[1:]:
        if word.startswith("-") and len(word) > 1:
            assert word.partition("=")[0] in known | {"--help", "-h"}, call


def test_every_named_file_exists():
    for name, text in PAGES.items():
        for path in re.findall(rf"`({FOLDERS}/[\w./-]+)`", text):
            assert "NAME" in path or (ROOT / path).exists(), (name, path)


def test_every_link_of_the_readme_exists():
    for path in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / path).exists(), path


def test_readme_is_short_and_names_the_test_command_once():
    assert len(README.splitlines()) <= 150
    assert len(re.findall(r"^    pip install .*pytest.*$", README, re.M)) == 1
