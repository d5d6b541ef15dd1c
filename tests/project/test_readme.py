"""The commands, options, files and the example in the README are true."""

import os
import re
import subprocess
import sys

import pytest
from support import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^    (.*)$", README, re.M)


@pytest.fixture
def shell(tmp_path):
    """Run a line of bash at the top of the checkout, with its uninstalled tpspred on PATH."""
    link = tmp_path / "tpspred"
    link.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT}/bin/tpspred "$@"\n')
    link.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return lambda line: subprocess.run(
        line,
        shell=True,
        executable="/bin/bash",
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_first_command_prints_the_table_below_it(shell):
    line = next(command for command in COMMANDS if "tpspred predict" in command)
    install, _, predict = line.partition(" && ")
    assert install == "pip install -c constraints.txt ."
    assert README.splitlines().index("    " + line) < 20
    shown = re.search(r"```\n(.*?)```", README, re.S)[1]
    done = shell(predict)
    assert done.returncode == 0, done.stderr
    assert done.stdout.expandtabs(1) == shown.expandtabs(1)


def test_command_for_the_tests_is_near_the_top():
    line = next(i for i, text in enumerate(README.splitlines(), 1) if "pytest" in text)
    assert line <= 20


def test_python_example_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.S)
    exec(code, {})
    assert capsys.readouterr().out.splitlines()[0].startswith("plantae_sesq_mono_1 tps")


@pytest.mark.slow
def test_every_named_option_exists(shell):
    for command, options in re.findall(r"`tpspred (\w+)[^`]*?((?: --[a-z-]+)+)[^`]*`", README):
        text = shell(f"tpspred {command} --help").stdout
        for option in options.split():
            assert option in text


def test_every_named_file_exists():
    for path in re.findall(
        r"`((?:bin|benchmarks|test_data|tpspred|conda-recipe|workflows)/[\w./-]+)`", README
    ):
        assert (ROOT / path).exists(), path
