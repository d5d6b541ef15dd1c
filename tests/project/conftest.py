"""Fixtures about the distributions of the project."""

import shutil
import subprocess
import sys

import pytest
from support import ROOT


@pytest.fixture(scope="session")
def tracked():
    """Paths of the files of the repository, the new ones among them."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone of the repository")
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = done.stdout.splitlines()
    return [path for path in paths if (ROOT / path).is_symlink() or (ROOT / path).exists()]


@pytest.fixture(scope="session")
def built(tracked, tmp_path_factory):
    """Folder with the source distribution of a clean copy, and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("distribution")
    for path in tracked:
        target = folder / "clone" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target, follow_symlinks=False)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist"]
    done = subprocess.run([*command, folder / "clone"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "dist"
