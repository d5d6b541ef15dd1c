"""Counts of the proteins of each input."""

import collections
import csv

from support import DATA

from tpspred.dataset.product_types import PRODUCT_TYPES
from tpspred.io.fasta import PROBLEMS
from tpspred.writers import Place, summary


def rows_of(text):
    """The rows of a summary by source, without the counts that are 0."""
    header, *rows = (line.split("\t") for line in text.splitlines())
    assert header[0] == "source"
    counts = (dict(zip(header, row, strict=True)) for row in rows)
    return {
        row.pop("source"): {name: int(count) for name, count in row.items() if count != "0"}
        for row in counts
    }


def test_calls_are_counted_by_status_and_those_that_are_tps_also_by_what_they_make(
    model, awkward_call, unscored_call, written
):
    calls = [
        awkward_call,
        awkward_call._replace(product_type="di", ensembles=()),
        awkward_call._replace(status="uncertain", product_type="di"),
        awkward_call._replace(status="related", product_type="pt"),
        unscored_call,
        unscored_call._replace(status="not_tps"),
    ]
    assert rows_of(written(summary.Writer, model, *calls, sources=["-", "b\tc"])) == {
        "-": {
            "proteins": 6,
            "tps": 2,
            "uncertain": 1,
            "related": 1,
            "not_tps": 1,
            "empty": 1,
            "product_type:mono": 1,
            "product_type:di": 1,
            "ensemble:mono_pinene": 1,
            "ensemble:mono_thujene": 1,
            "ensemble:mono_sabinene": 1,
        },
        r"b\tc": {},
    }


def test_every_status_type_and_ensemble_has_a_column(model, written):
    (header,) = written(summary.Writer, model, sources=[]).splitlines()
    assert header.split("\t") == [
        *("source", "proteins", "tps", "uncertain", "related", "not_tps", *PROBLEMS),
        *(label.column for label in model.labels if label.group == "product_type"),
        *(label.column for label in model.labels if label.group == "ensemble"),
    ]
    assert {f"product_type:{name}" for name in PRODUCT_TYPES} <= set(header.split("\t"))


def test_the_summary_counts_what_the_table_says(run):
    rows = csv.DictReader((DATA / "expected.tsv").read_text().splitlines(), delimiter="\t")
    counts = collections.Counter()
    for row in rows:
        counts.update(["proteins", row["status"]])
        if row["status"] == "tps":
            counts[f"product_type:{row['product_type']}"] += 1
            counts.update(
                f"ensemble:{cell.partition(':')[0]}" for cell in row["ensembles"].split(";")
            )
    done = run("predict", DATA / "proteins.faa", "--summary", "-")
    assert rows_of(done.out.decode()) == {str(DATA / "proteins.faa"): counts}


def test_a_row_is_given_to_its_source(model, awkward_call):
    tally = summary.Tally(["a", "b", "c"])
    for place in (Place("a"), Place("b"), Place("b")):
        tally.add(awkward_call, place.source)
    assert [counts["tps"] for counts in tally.counts.values()] == [1, 2, 0]


def test_predict_writes_the_summary_alone(run, tmp_path):
    path = tmp_path / "none.faa"
    path.write_text("")
    done = run("predict", DATA / "proteins.faa", path, "--summary", tmp_path / "s.tsv")
    assert (done.code, done.out) == (0, b"")
    rows = rows_of((tmp_path / "s.tsv").read_text())
    assert list(rows) == [str(DATA / "proteins.faa"), str(path)]
    proteins, nothing = rows.values()
    assert (proteins["proteins"], proteins["tps"], proteins["product_type:sesq"]) == (7, 3, 1)
    assert nothing == {}
