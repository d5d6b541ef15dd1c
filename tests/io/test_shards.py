import contextlib
import dataclasses
import gzip
import itertools
import os
import resource

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError, StoreError
from tpspred.io import store
from tpspred.io.shards import COLUMN, EMPTY, LAST, MAX_SHARDS, Dealer, Shard, merge

HEADER = ["id", "status", "model"]


def write_tables(folder, count, shards, model="m"):
    """Write the tables that the shards of a run on so many records would write."""
    paths = [folder / f"{number}of{shards}.tsv" for number in range(1, shards + 1)]
    for number, path in enumerate(paths, 1):
        rows = [["id", "status", "model", f"{COLUMN}{number}/{shards}"]]
        for record in Shard(number, shards).select(range(1, count + 1)):
            rows.append([f"p{record}", "tps", model, str(record)])
        rows[-1][-1] += LAST if len(rows) > 1 else EMPTY
        path.write_text("".join("\t".join(row) + "\n" for row in rows))
    return paths


def single_run(count, model="m"):
    """Return the table that a single run on so many records would write."""
    rows = [HEADER, *([f"p{record}", "tps", model] for record in range(1, count + 1))]
    return "".join("\t".join(row) + "\n" for row in rows)


@given(st.lists(st.integers(0, 20)), st.integers(1, 7))
def test_several_inputs_are_dealt_out_as_if_they_were_one(lengths, of):
    ends = list(itertools.accumulate(lengths, initial=0))
    inputs = [range(begin, end) for begin, end in itertools.pairwise(ends)]
    for number in range(1, of + 1):
        dealer = Dealer(Shard(number, of))
        selected = [item for stream in inputs for item in dealer.select(stream)]
        assert selected == list(range(ends[-1]))[number - 1 :: of]


@pytest.fixture
def whole():
    """A store of five proteins, as a single run would make it."""
    return store.Representations(
        ids=[f"p{i}" for i in range(5)],
        descriptions=[f"protein {i}" for i in range(5)],
        sequences=["M", "MM", "MMM", "MMMM", ""],
        problems=["", "", store.NO_MATCH, "", "too_long"],
        lengths=np.array([1, 2, 3, 4, 200_000]),
        embedding=np.arange(10, dtype=np.float32).reshape(5, 2),
        windows=np.array([1, 1, 0, 1, 0], np.int32),
        features=np.arange(15, dtype=np.float32).reshape(5, 3),
        encoder="profile",
        checksum="c" * 64,
        pooling="columns",
        precision="float32",
        screen="5" * 64,
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
        lengths=whole.lengths[rows],
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


NO_SHARDS = [
    "0/2", "3/2", "1", "a/b", "1/0", "-1/2", "1/2 ", "", "1/2/3", "1/1e23", "1/²", "١/٢",
    "1/1000001", "1/" + "9" * 23, "1/" + "9" * 5000, "0000000001/2",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_SHARDS)
def test_a_text_that_is_no_shard_is_refused(text):
    with pytest.raises(ValueError):
        Shard.parse(text)


def test_a_million_shards_are_the_most():
    assert Shard.parse(f"1/{MAX_SHARDS}").of == 1_000_000


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
    store.write(dataclasses.replace(part_of(whole, Shard(2, 2)), checksum="0" * 64), paths[1])
    with pytest.raises(StoreError, match="2of2.h5: found an encoder with checksum 0{64}; wanted c"):
        merge(paths, tmp_path / "merged.h5")
    assert not (tmp_path / "merged.h5").exists()


def test_a_store_that_was_edited_is_refused(tmp_path, whole):
    """A store that lost its last row in another program has no seal, or another one."""
    paths = write_stores(tmp_path, whole, 2)
    with h5py.File(paths[1], "r+") as handle:
        handle["lengths"][0] += 1
    with pytest.raises(StoreError, match="2of2.h5: found (no checksum|altered content)"):
        merge(paths, tmp_path / "merged.h5")


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
        (lambda lines: lines[:-1], "found a table that is cut short; wanted a last row that ends"),
        (lambda lines: lines[:1], "found a table that is cut short"),
        (lambda lines: [*lines[:-1], lines[-1][:-4]], "columns of record 8:l; wanted .* record 8"),
        (lambda lines: [*lines, lines[-1]], "line 5: found a row behind the last one; wanted the"),
        (
            lambda lines: [*lines[:-2], lines[-2].replace("5\n", "5:last\n")],
            "found too few rows.*3of3.tsv contains a later record",
        ),
        (
            lambda lines: [lines[0].replace("2/3", "2/3:empty"), *lines[1:]],
            "line 2: found a row behind the last one; wanted the end",
        ),
        (lambda lines: [lines[0].replace("model", "type"), *lines[1:]], "wanted 3 columns of rec"),
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


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("cut", ["rows", "marks"])
def test_tables_cut_at_the_end_of_a_row_are_refused(tmp_path, count, cut):
    """All shards lose their last row alike, or what says that it is the last."""
    paths = write_tables(tmp_path, 3 * count, 3)
    for path in paths:
        lines = path.read_text().replace(LAST, "").replace(EMPTY, "").splitlines(keepends=True)
        path.write_text("".join(lines if cut == "marks" else lines[:-1]))
    with pytest.raises(InputError, match="cut short|no shard of a run"):
        merge(paths, tmp_path / "merged.tsv")


def test_a_table_without_a_model_is_refused(tmp_path):
    (tmp_path / "x.tsv").write_text(f"id\t{COLUMN}1/1\np1\t1:last\n")
    with pytest.raises(InputError, match="x.tsv: found no column model; wanted a table of tpspred"):
        merge([tmp_path / "x.tsv"], tmp_path / "merged.tsv")


@pytest.fixture
def few_open_files():
    """Function that limits how many files this process may have open: (now, at most)."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda now, at_most: resource.setrlimit(resource.RLIMIT_NOFILE, (now, at_most))
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_more_shards_than_a_process_may_open_at_first_are_merged(tmp_path, few_open_files):
    paths = write_tables(tmp_path, 400, 300)
    with contextlib.ExitStack() as stack:
        few_open_files(200, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                stack.enter_context(open(os.devnull))
        assert merge(paths, tmp_path / "merged.tsv") == 400
    assert (tmp_path / "merged.tsv").read_text() == single_run(400)


def test_more_shards_than_a_process_may_open_at_all_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (100, 200))
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: None)
    paths = [tmp_path / f"{number}.tsv" for number in range(300)]
    with pytest.raises(InputError, match="too low a limit of open files; wanted [0-9]+ or more"):
        merge(paths, tmp_path / "merged.tsv")
