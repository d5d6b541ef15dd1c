"""Shards of embed and predict, and the single result that merge makes of them."""

import gzip
import itertools

import h5py
import numpy as np
import pytest
from support import DATA, change_about

from tpspred.io import sealed, shards, store
from tpspred.writers import tsv

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()
SLOW = pytest.mark.slow


def predict_shards(run, folder, of, *options, proteins=PROTEINS):
    """Write a table for every shard and return their paths."""
    names = [folder / f"{number}of{of}.tsv" for number in range(1, of + 1)]
    for number, name in enumerate(names, 1):
        assert run("predict", proteins, "--shard", f"{number}/{of}", "-o", name, *options).code == 0
    return names


@pytest.mark.parametrize("of", [1, *(pytest.param(of, marks=SLOW) for of in (2, 4, 7, 9))])
def test_tables_merge_to_the_single_run(run, tmp_path, of):
    names = predict_shards(run, tmp_path, of)
    merged = run("merge", *names[::-1], "-o", "-")
    assert (merged.code, merged.out) == (0, EXPECTED), merged.err
    assert f"7 rows of {of} shards" in merged.err


def test_shards_without_any_record_merge_to_a_table_without_rows(run, tmp_path):
    (tmp_path / "one.faa").write_text(">p1\nMK*L\n")
    names = predict_shards(run, tmp_path, 3, proteins=tmp_path / "one.faa")
    assert [name.read_text().rstrip().split("\t")[-1] for name in names] == [
        "1:last",
        "shard:2/3:empty",
        "shard:3/3:empty",
    ]
    merged = run("merge", *names, "-o", "-").out
    assert merged == run("predict", tmp_path / "one.faa").out
    names[2].write_text(names[2].read_text().replace(":empty", ""))
    assert "3of3.tsv: found a table that is cut short" in run("merge", *names, "-o", "-").err


def test_a_shard_on_standard_output_differs_in_its_last_column_alone(run):
    shard = run("predict", PROTEINS, "--shard", "1/1").out.decode()
    assert [
        line.rpartition("\t")[0] for line in shard.splitlines()
    ] == EXPECTED.decode().splitlines()


@pytest.mark.slow
def test_any_order_and_gzip(run, tmp_path):
    names = predict_shards(run, tmp_path, 3, "--all")
    names[1].with_suffix(".gz").write_bytes(gzip.compress(names[1].read_bytes()))
    names[1] = names[1].with_suffix(".gz")
    whole = run("predict", PROTEINS, "--all").out
    for order in itertools.permutations(names):
        assert run("merge", *order, "-o", "-").out == whole


@pytest.mark.slow
def test_a_shard_that_runs_twice_changes_nothing(run, tmp_path):
    names = predict_shards(run, tmp_path, 2)
    before = [name.read_bytes() for name in names]
    assert [name.read_bytes() for name in predict_shards(run, tmp_path, 2)] == before


@pytest.mark.slow
def test_stores_merge_to_the_single_run(run, tmp_path):
    assert run("embed", PROTEINS, "-o", tmp_path / "whole.h5").code == 0
    names = [tmp_path / f"{number}.h5" for number in (3, 1, 2)]
    for name in names:
        for _ in range(2):  # again: nothing is new
            assert run("embed", PROTEINS, "--shard", f"{name.stem}/3", "-o", name).code == 0
        assert run("featurize", name).code == 0
    assert run("featurize", tmp_path / "whole.h5").code == 0
    assert run("merge", *names, "-o", tmp_path / "merged.h5").code == 0
    one, other = (store.read(tmp_path / name) for name in ("whole.h5", "merged.h5"))
    for field in vars(one):
        assert np.array_equal(getattr(one, field), getattr(other, field)), field
    assert run("predict", tmp_path / "merged.h5").out == EXPECTED


@pytest.mark.slow
def test_shards_that_are_not_whole_are_refused(run, tmp_path):
    names = predict_shards(run, tmp_path, 3)
    other = predict_shards(run, tmp_path, 2)
    output = tmp_path / "merged.tsv"

    def refused(*sources):
        done = run("merge", *sources, "-o", output)
        assert done.code == 1 and not output.exists() and "Traceback" not in done.err
        return done.err

    assert "wanted each of 1/3 to 3/3 once" in refused(*names[:2])
    assert "1of3.tsv: found a shard that is given twice; wanted each once" in refused(
        *names, names[0]
    )
    (tmp_path / "copy.tsv").write_bytes(names[0].read_bytes())
    assert "wanted each of 1/3 to 3/3 once" in refused(*names, tmp_path / "copy.tsv")
    assert "wanted each of 1/3 to 3/3 once" in refused(*names[:2], other[0])
    assert "expected.tsv: found no shard of a run; wanted an output of --shard I/N" in refused(
        DATA / "expected.tsv"
    )
    lines = names[1].read_text().splitlines(keepends=True)
    names[1].write_text("".join(lines[:-1]))
    assert "2of3.tsv: found a table that is cut short; wanted a last row" in refused(*names)
    names[1].write_text("".join(lines[:1] + lines[2:]))
    error = refused(*names)
    columns = len(tsv.COLUMNS)
    assert (
        f"2of3.tsv, line 2: found {columns} columns of record 5; "
        f"wanted {columns} columns of record 2" in error
    )
    names[1].write_text("".join(lines).replace("tpspred-profile:", "another:"))
    assert "2of3.tsv, line 2: found a row of model another:" in refused(*names)
    names[1].write_bytes(b"\x89HDF\r\n\x1a\n")
    assert "1of3.tsv: found a table; wanted a store like" in refused(*names)


@pytest.mark.slow
def test_foreign_stores_are_refused(run, tmp_path):
    names = [tmp_path / f"{number}.h5" for number in (1, 2)]
    for number, name in enumerate(names, 1):
        assert run("embed", PROTEINS, "--shard", f"{number}/2", "-o", name).code == 0
    assert "found shard 1/2; wanted 1/1" in run("embed", PROTEINS, "-o", names[0]).err
    with h5py.File(names[1], "r+") as handle:
        change_about(handle, encoder_checksum="0" * 64)
    done = run("merge", *names, "-o", tmp_path / "m.h5")
    assert done.code == 1 and "2.h5: found no checksum at its end" in done.err
    sealed.seal(names[1])
    done = run("merge", *names, "-o", tmp_path / "m.h5")
    assert done.code == 1
    assert "2.h5: found an encoder with checksum 0000" in done.err
    assert not (tmp_path / "m.h5").exists()


@pytest.mark.parametrize(
    "text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/1e23", "1/99999999999999999999999"]
)
def test_shard_numbers_are_checked(run, text):
    done = run("predict", PROTEINS, "--shard", text)
    assert done.code == 2 and f"found {text}; wanted I/N with I from 1 to N" in done.err


def test_shards_are_disjoint_and_complete():
    parts = [list(shards.Shard(number, 4).select(range(10))) for number in range(1, 5)]
    assert sorted(sum(parts, [])) == list(range(10)) and parts[1] == [1, 5, 9]
