"""A slim installation: an environment with all requirements but PyTorch and fair-esm."""

import importlib.metadata
import os
import pathlib
import runpy
import subprocess
import venv

import pytest
from packaging.requirements import Requirement
from support import DATA, ROOT, assert_same

from tpspred.dataset.enzymes import write_enzymes

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()
REQUIREMENTS = runpy.run_path(str(ROOT / "bin/core-requirements"))["core_requirements"]()
INSTALL = (
    "tpspred: error: training and ESM-2 need PyTorch and fair-esm, which are not both installed: "
    "pip install torch fair-esm (with conda: conda install tpspred)\n"
)


def with_requirements(names):
    """Return distributions and all that they require, without extras."""
    wanted = {}
    queue = list(names)
    while queue:
        name = queue.pop()
        if name in wanted:
            continue
        wanted[name] = importlib.metadata.distribution(name)
        for line in wanted[name].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                queue.append(requirement.name)
    return wanted.values()


@pytest.fixture(scope="module")
def slim(tmp_path_factory, enzymes):
    """Run tpspred in a new environment, whose packages are links to those of this one.

    The working directory has a table of labelled enzymes and a store of the test proteins.
    """
    folder = tmp_path_factory.mktemp("slim") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin/python"
    (packages,) = folder.glob("lib/python*/site-packages")
    names = {Requirement(line).name for line in REQUIREMENTS}
    for distribution in with_requirements(names):
        for path in {pathlib.Path(path.parts[0]) for path in distribution.files}:
            if path.name not in ("..", "__pycache__"):
                link = packages / path
                if not link.exists():
                    link.symlink_to(distribution.locate_file(path))
    (packages / "tpspred").symlink_to(ROOT / "tpspred")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for module in ("torch", "esm"):
        found = subprocess.run([python, "-c", f"import {module}"], capture_output=True, text=True)
        assert f"No module named '{module}'" in found.stderr

    def call(*arguments):
        command = [python, "-m", "tpspred", *arguments]
        return subprocess.run(command, capture_output=True, cwd=folder, env=environment)

    write_enzymes(enzymes, folder / "enzymes.tsv")
    assert call("embed", PROTEINS, "-o", "store.h5").returncode == 0
    assert call("featurize", "store.h5").returncode == 0
    return call


@pytest.mark.slow
def test_calls_are_those_of_a_full_installation(slim, tmp_path):
    outputs = [f"--{name}={tmp_path / name}" for name in ("gff3", "jsonl", "html", "multiqc")]
    done = slim("predict", "-q", PROTEINS, "-o", "-", *outputs)
    assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, b"")
    for name in ("gff3", "jsonl"):
        expected = (DATA / f"expected.{name}").read_text()
        assert_same((tmp_path / name).read_text(), expected, name)
    page = (tmp_path / "html").read_text()
    assert page.rstrip().endswith("</html>") and "bacteria_sesq_di_1" in page
    for number in (1, 2):
        shard = tmp_path / f"shard{number}"
        assert slim("predict", PROTEINS, "--shard", f"{number}/2", "-o", shard).returncode == 0
    merged = slim("merge", "-q", tmp_path / "shard1", tmp_path / "shard2", "-o", "-")
    assert (merged.returncode, merged.stdout) == (0, EXPECTED)


@pytest.mark.slow
def test_explain_info_annotate_and_embed_run(slim, tmp_path):
    explained = slim("explain", PROTEINS, "--id", "animalia_pt_1")
    assert explained.returncode == 0 and explained.stdout.startswith(b"kind\tname\t")
    about = slim("info")
    assert about.returncode == 0 and b"tpspred-profile" in about.stdout
    genome = DATA / "genome.gff3"
    annotated = slim("annotate", genome, "--proteins", DATA / "genome.faa")
    assert annotated.returncode == 0 and annotated.stdout.count(b"Dbxref=") > 0
    assert slim("predict", "-q", "store.h5").stdout == EXPECTED


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("embed", PROTEINS, "--encoder", "esm2_t6_8M_UR50D", "-o", "x.h5"),
        ("embed", PROTEINS, "--encoder", "profile+esm2_t6_8M_UR50D", "-o", "x.h5"),
        ("train", "enzymes.tsv", "store.h5", "-o", "x.h5"),
        ("profiles", "enzymes.tsv", "-o", "x.h5"),
        ("evaluate", "enzymes.tsv", "-o", "x"),
        ("fetch-weights", "esm2_t6_8M_UR50D"),
    ],
)
def test_what_is_missing_is_said_in_one_line(slim, command):
    done = slim(*command)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", INSTALL)
