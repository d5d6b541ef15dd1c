import dataclasses
import gzip
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError, StoreError
from tpspred.io import store
from tpspred.io.shards import COLUMN, Shard, merge

HEADER = ["id", "status", "model"]


def write_tables(folder, count, shards, model="m"):
    """Write the tables that the shards of a run on so many records would write."""
    paths = [folder / f"{number}of{shards}.tsv" for number in range(1, shards + 1)]
    for number, path in enumerate(paths, 1):
        rows = [["id", "status", "model", f"{COLUMN}{number}/{shards}"]]
        for record in Shard(number, shards).select(range(1, count + 1)):
            rows.append([f"p{record}", "tps", model, str(record)])
        path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return paths


def single_run(count, model="m"):
    """Return the table that a single run on so many records would write."""
    rows = [HEADER, *([f"p{record}", "tps", model] for record in range(1, count + 1))]
    return "".join("\t".join(row) + "\n" for row in rows)


@pytest.fixture
def whole():
    """A store of five proteins, as a single run would make it."""
    return store.Representations(
        ids=[f"p{i}" for i in range(5)],
        descriptions=[f"protein {i}" for i in range(5)],
        sequences=["M" * (i + 1) for i in range(5)],
        problems=["", "", store.NO_MATCH, "", "empty"],
        embedding=np.arange(10, dtype=np.float32).reshape(5, 2),
        windows=np.array([1, 1, 0, 1, 0], np.int32),
        features=np.arange(15, dtype=np.float32).reshape(5, 3),
        encoder="profile",
        checksum="c",
        pooling="columns",
        precision="float32",
        screen="s",
        feature_names=("a", "b", "c"),
    )


def part_of(whole, shard):
    """Return the store that one shard would make."""
    rows = slice(shard.number - 1, None, shard.of)
    return dataclasses.replace(
        whole,
        ids=whole.ids[rows],
        descriptions=whole.descriptions[rows],
        sequences=whole.sequences[rows],
        problems=whole.problems[rows],
        embedding=whole.embedding[rows],
        windows=whole.windows[rows],
        features=None if whole.features is None else whole.features[rows],
        shard=str(shard),
    )


def write_stores(folder, whole, shards):
    paths = [folder / f"{number}of{shards}.h5" for number in range(1, shards + 1)]
    for number, path in enumerate(paths, 1):
        store.write(part_of(whole, Shard(number, shards)), path)
    return paths


@given(st.integers(1, 99), st.integers(0, 99))
def test_a_shard_is_read_from_the_text_that_it_writes(number, further):
    shard = Shard(number, number + further)
    assert Shard.parse(str(shard)) == shard


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2 ", "", "1/2/3"])
def test_a_text_that_is_no_shard_is_refused(text):
    with pytest.raises(ValueError):
        Shard.parse(text)


def test_shards_are_disjoint_and_complete():
    parts = [list(Shard(number, 4).select(range(10))) for number in range(1, 5)]
    assert sorted(sum(parts, [])) == list(range(10)) and parts[1] == [1, 5, 9]


@given(st.integers(0, 12), st.integers(1, 5), st.randoms())
def test_tables_in_any_order_merge_to_the_single_run(tmp_path_factory, count, shards, random):
    folder = tmp_path_factory.mktemp("tables")
    paths = write_tables(folder, count, shards)
    random.shuffle(paths)
    assert merge(paths, folder / "merged.tsv") == count
    assert (folder / "merged.tsv").read_text() == single_run(count)


def test_compressed_tables_merge_to_standard_output(tmp_path, capsysbinary):
    first, second = write_tables(tmp_path, 5, 2)
    second.write_bytes(gzip.compress(second.read_bytes()))
    assert merge([str(first), str(second)], "-") == 5
    assert capsysbinary.readouterr().out.decode() == single_run(5)


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
def test_stores_in_any_order_merge_to_the_single_run(tmp_path, whole, shards):
    paths = write_stores(tmp_path, whole, shards)
    for order in itertools.islice(itertools.permutations(paths), 6):
        assert merge(order, tmp_path / "merged.h5") == 5
        merged = store.read(tmp_path / "merged.h5")
        for field in dataclasses.fields(whole):
            assert np.array_equal(getattr(merged, field.name), getattr(whole, field.name))


def test_stores_without_features_merge_to_one_without(tmp_path, whole):
    bare = dataclasses.replace(whole, features=None, feature_names=())
    merge(write_stores(tmp_path, bare, 2), tmp_path / "merged.h5")
    assert store.read(tmp_path / "merged.h5").features is None


def test_stores_made_in_different_ways_are_refused(tmp_path, whole):
    paths = write_stores(tmp_path, whole, 2)
    store.write(dataclasses.replace(part_of(whole, Shard(2, 2)), checksum="0"), paths[1])
    with pytest.raises(StoreError, match="2of2.h5: found an encoder with checksum 0; wanted c"):
        merge(paths, tmp_path / "merged.h5")
    assert not (tmp_path / "merged.h5").exists()


def test_a_store_that_was_cut_short_is_refused(tmp_path, whole):
    paths = write_stores(tmp_path, whole, 2)
    short = part_of(part_of(whole, Shard(1, 2)), Shard(1, 3))  # its first row alone
    store.write(dataclasses.replace(short, shard="1/2"), paths[0])
    with pytest.raises(InputError, match="1of2.h5: found too few rows"):
        merge([paths[1], paths[0]], tmp_path / "merged.h5")


def test_a_store_and_a_table_are_not_merged(tmp_path, whole):
    paths = [write_stores(tmp_path, whole, 2)[0], write_tables(tmp_path, 5, 2)[1]]
    with pytest.raises(InputError, match="2of2.tsv: found a table; wanted a store like .*1of2.h5"):
        merge(paths, tmp_path / "merged")


@pytest.mark.parametrize("chosen", [[0, 1], [0, 2], [1], [0, 1, 2, 3]])
def test_every_shard_is_needed_once(tmp_path, chosen):
    paths = write_tables(tmp_path, 7, 3)
    copy = tmp_path / "copy.tsv"
    copy.write_bytes(paths[0].read_bytes())
    with pytest.raises(InputError, match="shards: found .*; wanted each of 1/3 to 3/3 once"):
        merge([[*paths, copy][i] for i in chosen], tmp_path / "merged.tsv")
    assert not (tmp_path / "merged.tsv").exists()


def test_a_shard_of_another_run_is_refused(tmp_path):
    paths = [*write_tables(tmp_path, 7, 3)[:2], write_tables(tmp_path, 7, 2)[0]]
    with pytest.raises(InputError, match="wanted each of 1/3 to 3/3 once"):
        merge(paths, tmp_path / "merged.tsv")


def test_one_path_given_twice_is_refused(tmp_path):
    paths = write_tables(tmp_path, 7, 2)
    with pytest.raises(InputError, match="1of2.tsv: found a shard that is given twice"):
        merge([*paths, paths[0]], tmp_path / "merged.tsv")


@pytest.mark.parametrize("text", ["", "id\tstatus\tmodel\np1\ttps\tm\n", f"id\t{COLUMN}3/2\n"])
def test_a_table_that_is_no_shard_is_refused(tmp_path, text):
    (tmp_path / "x.tsv").write_text(text)
    with pytest.raises(InputError, match="x.tsv: found no shard of a run"):
        merge([tmp_path / "x.tsv"], tmp_path / "merged.tsv")


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda lines: lines[:-1], "found too few rows.*3of3.tsv contains a later record"),
        (
            lambda lines: lines[:1] + lines[2:],
            "line 2: found 3 columns of record 5; wanted 3 columns of record 2, as in .*1of3.tsv",
        ),
        (
            lambda lines: [lines[0], lines[1].replace("tps\t", ""), *lines[2:]],
            "line 2: found 2 columns of record 2; wanted 3 columns of record 2",
        ),
        (
            lambda lines: [lines[0].replace("status", "state"), *lines[1:]],
            "line 2: found 3 columns of record 2; wanted 3 columns of record 2",
        ),
        (
            lambda lines: [line.replace("\tm\t", "\tn\t") for line in lines],
            "line 2: found a row of model n; wanted m, as in .*1of3.tsv",
        ),
    ],
)
def test_a_damaged_table_is_refused_and_nothing_is_written(tmp_path, edit, message):
    paths = write_tables(tmp_path, 9, 3)
    lines = paths[1].read_text().splitlines(keepends=True)
    paths[1].write_text("".join(edit(lines)))
    with pytest.raises(InputError, match=f"2of3.tsv.*{message}"):
        merge(paths, tmp_path / "merged.tsv")
    assert not (tmp_path / "merged.tsv").exists()
