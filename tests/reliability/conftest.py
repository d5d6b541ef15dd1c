"""A process that forks commands, valid files to damage, and commands in a folder of their own."""

import contextlib
import dataclasses
import pathlib
import sys
import tempfile

import pytest

from reliability.bases import Bases
from reliability.runner import Job, Zygote, run_program


@pytest.fixture(scope="session")
def zygote():
    if not sys.platform.startswith("linux"):
        pytest.skip("forks, limits and events of files are those of Linux")
    with Zygote() as started:
        yield started


@contextlib.contextmanager
def folder_for_all():
    """Make a folder that commands of another user can read, unlike the folders of pytest."""
    with tempfile.TemporaryDirectory(prefix="reliability-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def bases(zygote):
    with folder_for_all() as folder:
        yield Bases(folder, zygote)


@pytest.fixture
def scratch():
    """A folder for trials."""
    with folder_for_all() as folder:
        yield folder


@pytest.fixture
def work(scratch):
    """The folder in which the commands run."""
    (scratch / "work").mkdir()
    return scratch / "work"


@pytest.fixture
def job(scratch, work):
    """Make a job from the arguments of a command: job(*arguments, stdin=b'', **fields)."""

    def make(*arguments, stdin=b"", **fields):
        (scratch / "stdin").write_bytes(stdin)
        made = Job(list(map(str, arguments)), work, stdin=str(scratch / "stdin"))
        return dataclasses.replace(made, **fields)

    return make


@pytest.fixture
def command(zygote, job):
    """Run a command in a forked child: command(*arguments, stdin=b'', **fields of its job)."""
    return lambda *arguments, **fields: zygote.run(job(*arguments, **fields))


@pytest.fixture
def process(job):
    """Run a command in a process of its own, through a shell.

    process(redirection, *arguments, setup="", **environment); see ``runner.run_program``.
    """

    def call(redirection, *arguments, setup="", **environment):
        return run_program(job(*arguments), redirection, environment, setup)

    return call
