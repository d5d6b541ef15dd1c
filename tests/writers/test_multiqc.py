"""Counts of one run for MultiQC."""

import csv
import io

import pytest
from support import DATA

from tpspred.writers import multiqc


def test_predict_writes_the_counts_of_a_run(run, tmp_path):
    done = run("predict", DATA / "proteins.faa", "--multiqc", tmp_path / "mqc")
    assert (done.code, done.out) == (0, b"")
    status, types, ensembles = (
        (tmp_path / f"mqc/proteins_tpspred_{section}_mqc.tsv").read_text().splitlines()
        for section in ("status", "type", "ensemble")
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
    made = dict(zip(*(line.split("\t") for line in ensembles[4:])))
    assert (made["specialized_cyclic"], made["sesq_cadinane"], made["mono_pinene"]) == (
        "3",
        "1",
        "0",
    )


def test_a_run_of_several_files_has_a_row_for_each(run, tmp_path):
    (tmp_path / "none.faa").write_text(">x\nMKV\n")
    done = run("predict", DATA / "proteins.faa", tmp_path / "none.faa", "--multiqc", tmp_path / "m")
    assert done.code == 0
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        f"tpspred_{section}_mqc.tsv" for section in multiqc.SECTIONS
    }
    status = (tmp_path / "m/tpspred_status_mqc.tsv").read_text().splitlines()
    assert status[4:] == ["Sample\ttps\tuncertain\trelated", "proteins\t3\t0\t1", "none\t0\t0\t0"]


def test_samples_of_one_name_are_named_by_their_paths():
    names = multiqc.sample_names(["a/p.faa", "b/p.faa.gz", "q.faa"])
    assert list(names.values()) == ["a/p.faa", "b/p.faa.gz", "q.faa"]


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
        ("ensemble", {"mono_pinene": "2", "mono_thujene": "2", "mono_sabinene": "2"}),
    ):
        text = written(multiqc.Writer, model, *calls, section=section, sample_of={"-": "s"})
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
