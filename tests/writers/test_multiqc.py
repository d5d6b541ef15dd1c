"""Counts of one run for MultiQC."""

import csv
import io

import pytest
from support import DATA

from tpspred.writers import multiqc


def test_predict_writes_the_counts_of_a_run(run, tmp_path):
    done = run("predict", DATA / "proteins.faa", "--multiqc", tmp_path / "mqc")
    assert (done.code, done.out) == (0, b"")
    status, types = (
        (tmp_path / f"mqc/proteins_tpspred_{section}_mqc.tsv").read_text().splitlines()
        for section in ("status", "type")
    )
    assert status[:4] == [
        '# id: "tpspred_status"',
        '# section_name: "tpspred"',
        '# description: "Proteins by status"',
        '# plot_type: "generalstats"',
    ]
    rows = csv.DictReader(io.StringIO((DATA / "expected.tsv").read_text()), delimiter="\t")
    statuses = [row["status"] for row in rows]
    counts = [str(statuses.count(name)) for name in ("tps", "uncertain", "related")]
    assert status[4:] == ["Sample\ttps\tuncertain\trelated", "\t".join(["proteins", *counts])]
    assert types[3] == '# plot_type: "bargraph"'
    assert dict(zip(*(line.split("\t") for line in types[4:])))["sesq"] == "1"


def test_calls_are_counted_by_status_and_by_type(model, awkward_call, unscored_call, written):
    calls = [
        awkward_call,
        awkward_call,
        awkward_call._replace(status="uncertain", product_type="di"),
        awkward_call._replace(status="related", product_type="pt"),
        unscored_call,
    ]
    for section, counts in (
        ("status", {"tps": "2", "uncertain": "1", "related": "1"}),
        ("type", {"mono": "2"}),
    ):
        text = written(multiqc.Writer, model, *calls, section=section, sample="s")
        header, row = (line.split("\t") for line in text.splitlines()[4:])
        cells = dict(zip(header, row, strict=True))
        assert cells.pop("Sample") == "s"
        assert {name: count for name, count in cells.items() if count != "0"} == counts


@pytest.mark.parametrize(
    "source, name",
    [
        ("-", "stdin"),
        ("p.faa", "p"),
        ("data/E.coli.faa.gz", "E.coli"),
        ("proteome", "proteome"),
        (".faa", ".faa"),
    ],
)
def test_a_sample_is_named_after_its_file(source, name):
    assert multiqc.sample_name(source) == name
