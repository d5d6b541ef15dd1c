"""The version is written once, and its copies in the files of registries agree with it."""

import re
import runpy
import shutil
import subprocess
import sys

from support import ROOT

import tpspred

SCRIPT = ROOT / "bin/set-version"
PLACES = runpy.run_path(str(SCRIPT))["PLACES"]
# Files that tell the history of versions, or of a model that a version made.
HISTORY = {"CHANGELOG.md", "tpspred/resources/model_card.md"}


def versions(path, pattern):
    """Return the versions that a file of PLACES names."""
    return {found[1] for found in re.findall(pattern, path.read_text())}


def test_copies_of_the_version_agree():
    for name, pattern in PLACES.items():
        assert versions(ROOT / name, pattern) == {tpspred.__version__}, name


def test_the_version_is_in_no_other_file():
    version = re.compile(rf"(?<![\d.])(?<!==){re.escape(tpspred.__version__)}(?![\d.]*\d)".encode())
    inside = [path for path in ROOT.rglob("*") if is_text_of_the_project(path)]
    names = {
        path.relative_to(ROOT).as_posix() for path in inside if version.search(path.read_bytes())
    }
    assert names - HISTORY == set(PLACES)


def is_text_of_the_project(path):
    """Whether a path is a text file that belongs to the project: no cache, build or environment."""
    parts = path.relative_to(ROOT).parts
    generated = any(part.startswith(".") and part not in (".ci", ".github") for part in parts)
    built = set(parts) & {"venv", "build", "dist", "__pycache__", "tpspred.egg-info", "PKG-INFO"}
    return path.is_file() and path.suffix in SUFFIXES and not generated and not built


SUFFIXES = {
    "",
    ".cff",
    ".cfg",
    ".cwl",
    ".def",
    ".md",
    ".nf",
    ".py",
    ".toml",
    ".xml",
    ".yaml",
    ".yml",
}


def test_script_sets_all_copies(tmp_path):
    for name in (*PLACES, "bin/set-version"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    command = [sys.executable, str(tmp_path / "bin/set-version")]
    done = subprocess.run([*command, "1.2.3"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == list(PLACES)
    for name, pattern in PLACES.items():
        assert versions(tmp_path / name, pattern) == {"1.2.3"}, name
    wrong = subprocess.run([*command, "new"], capture_output=True, text=True)
    assert wrong.returncode == 1 and "usage: set-version VERSION" in wrong.stderr
