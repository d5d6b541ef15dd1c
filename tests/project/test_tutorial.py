"""The script of the tutorial draws the figure that the tutorial shows."""

import os
import re
import subprocess
import sys

import pytest
from support import DATA, ROOT

PAGE = (ROOT / "docs/tutorial.md").read_text()
FIGURE = ROOT / "docs/images/tutorial.svg"


def labels(path):
    """Return the texts in an SVG file of matplotlib, which draws them as shapes with comments."""
    return re.findall("<!-- (.*) -->", path.read_text())


@pytest.mark.slow
def test_script_draws_the_figure_of_the_page(tmp_path, run):
    (script,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    results = tmp_path / "results"
    results.mkdir()
    done = run("predict", DATA / "genome.faa", "-o", results / "hits.tsv")
    assert done.code == 0, done.err
    subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        check=True,
    )
    assert "GENE_018 (sesq, tps)" in labels(FIGURE)
    assert labels(results / "figure.svg") == labels(FIGURE)
