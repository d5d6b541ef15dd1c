import errno
import fcntl
import json
import os
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tpspred.errors import StoreError
from tpspred.io.embedding_journal import MAX_HEADER_BYTES, open_journal

MADE_BY = {"encoder": "e", "checksum": "c", "precision": "float32"}
ENTRY_BYTES = 32 + 3 * 4 + 4  # digest, vector of three numbers, checksum


class Killed(BaseException):
    pass


@pytest.fixture
def target(tmp_path):
    return tmp_path / "s.h5"


def interrupted(target, **vectors):
    """Write the journal of a run that ends before its time, and return its path."""
    with pytest.raises(Killed), open_journal(target, MADE_BY, 3) as entries:
        for sequence, value in vectors.items():
            entries.add(sequence, np.full(3, value, np.float32))
        raise Killed
    return target.with_name("s.h5.partial")


def refuse(target, message, made_by=MADE_BY, dimension=3):
    """Check that a journal cannot be opened."""
    with (
        pytest.raises(StoreError, match=message) as caught,
        open_journal(target, made_by, dimension),
    ):
        pass
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 400


def test_vectors_of_an_earlier_run_are_there_to_the_last_bit(target):
    path = interrupted(target, MKV=0.1, MKL=-2.5)
    assert path.exists()
    with open_journal(target, MADE_BY, 3) as entries:
        assert entries.recovered == 2
        assert "MKV" in entries and "M" not in entries
        assert np.array_equal(entries["MKV"], np.full(3, 0.1, np.float32))
        assert entries["MKV"].dtype == np.float32
    assert not path.exists()


def test_the_format_on_disk_is_a_line_of_json_and_entries_of_one_size(target):
    path = interrupted(target, MKV=1, MKL=2)
    header, entries = path.read_bytes().split(b"\n", 1)
    assert header == (
        b'{"checksum": "c", "dimension": 3, "encoder": "e", "format": "tpspred-journal", '
        b'"format_version": 1, "precision": "float32"}'
    )
    assert len(entries) == 2 * ENTRY_BYTES
    assert entries[32:44] == np.ones(3, "<f4").tobytes()


@pytest.mark.parametrize("cut", [1, 20, 48, 49])
def test_an_entry_that_was_cut_off_is_dropped_and_written_again(target, cut):
    path = interrupted(target, MKV=1, MKL=2)
    path.write_bytes(path.read_bytes()[:-cut])
    interrupted(target, MKL=3)
    with open_journal(target, MADE_BY, 3) as entries:
        assert entries.recovered == (2 if cut <= 48 else 1)
        assert entries["MKL"][0] == 3


@settings(max_examples=40)
@given(st.integers(0, 3 * ENTRY_BYTES))
def test_a_journal_cut_anywhere_keeps_its_whole_entries(tmp_path_factory, cut):
    target = tmp_path_factory.mktemp("cut") / "s.h5"
    path = interrupted(target, A=1, B=2, C=3)
    path.write_bytes(path.read_bytes()[: -cut or None])
    kept = 3 - -(-cut // ENTRY_BYTES)
    with open_journal(target, MADE_BY, 3) as entries:
        assert entries.recovered == kept
        assert [sequence for sequence in "ABC" if sequence in entries] == list("ABC")[:kept]


def test_damage_in_the_middle_ends_the_journal(target):
    path = interrupted(target, A=1, B=2, C=3)
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)
    with open_journal(target, MADE_BY, 3) as entries:
        assert entries.recovered == 1 and "A" in entries


def test_entries_after_the_damage_are_cut_off(target):
    path = interrupted(target, A=1, B=2, C=3)
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)
    interrupted(target, D=4)
    with open_journal(target, MADE_BY, 3) as entries:
        assert [sequence for sequence in "ABCD" if sequence in entries] == ["A", "D"]


def test_a_first_line_that_was_cut_off_is_written_again(target):
    path = interrupted(target, A=1)
    path.write_bytes(path.read_bytes()[:10])
    with open_journal(target, MADE_BY, 3) as entries:
        assert entries.recovered == 0


def test_a_run_without_vectors_leaves_no_journal(target):
    assert not interrupted(target).exists()


def test_vectors_of_another_encoder_are_refused(target):
    path = interrupted(target, A=1)
    refuse(
        target,
        's.h5.partial: found vectors with checksum "c"; wanted d',
        made_by=MADE_BY | {"checksum": "d"},
    )
    refuse(target, "found vectors with dimension 3; wanted 4", dimension=4)
    assert path.exists()


NO_JOURNALS = [
    "something\n",
    "something",
    "[]\n",
    "[1, 2]\n",
    "[]",
    "3\n",
    "null\n",
    "{}\n",
    "\n",
    "\x00" * 100,
    '{"checksum": "x',
    '{"format": ["tpspred-journal"]}\n',
    "[" * 9_000 + "\n",
    "9" * 9_000 + "\n",
    "x" * 10 * MAX_HEADER_BYTES,
    "x" * 10 * MAX_HEADER_BYTES + "\n",
]


@pytest.mark.parametrize("text", NO_JOURNALS, ids=lambda text: repr(text[:20]))
def test_a_file_that_is_no_journal_is_refused_and_kept(target, text):
    path = target.with_name("s.h5.partial")
    path.write_text(text)
    refuse(target, "no journal of tpspred embed")
    assert path.read_text() == text


def test_a_first_line_of_odd_values_is_refused_in_one_line(target):
    path = interrupted(target, A=1)
    header, _, entries = path.read_bytes().partition(b"\n")
    odd = json.loads(header) | {"checksum": "\n\x1b[2J" + "x" * 5_000}
    whole = json.dumps(odd).encode() + b"\n" + entries
    path.write_bytes(whole)
    refuse(target, r'found vectors with checksum "\\n\\u001b\[2Jxx')
    assert path.read_bytes() == whole


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_no_numbers_are_computed_again(target, odd):
    path = interrupted(target, A=1, B=2)
    data = bytearray(path.read_bytes())
    entry = data[-ENTRY_BYTES:-4]
    entry[-4:] = np.float32(odd).tobytes()
    data[-ENTRY_BYTES:] = entry + np.uint32(zlib.crc32(entry)).tobytes()
    path.write_bytes(data)
    with open_journal(target, MADE_BY, 3) as entries:
        assert "A" in entries and "B" not in entries and entries.recovered == 1


def test_a_folder_in_the_place_of_a_journal_is_refused(target):
    target.with_name("s.h5.partial").mkdir()
    refuse(target, "s.h5.partial: cannot be written: Is a directory")


def test_a_pipe_in_the_place_of_a_journal_is_refused_at_once(target):
    os.mkfifo(target.with_name("s.h5.partial"))
    refuse(target, "s.h5.partial: found something that is no file; wanted a journal")


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_in_the_place_of_a_journal_is_not_followed(target, tmp_path, exists):
    other = tmp_path / "diary.txt"
    if exists:
        other.write_text("Dear diary")
    target.with_name("s.h5.partial").symlink_to(other)
    refuse(target, "s.h5.partial: found a symbolic link; wanted a journal")
    assert other.exists() == exists and (not exists or other.read_text() == "Dear diary")


def test_two_runs_cannot_write_one_journal(target):
    with open_journal(target, MADE_BY, 3):
        refuse(target, "another run that is writing it")


def test_a_run_that_waited_for_another_one_does_not_write_a_removed_journal(target, monkeypatch):
    """The other run ends, and removes its journal, just before this one locks it."""
    path = target.with_name("s.h5.partial")
    monkeypatch.setattr(fcntl, "flock", lambda *args: path.unlink())
    refuse(target, "s.h5.partial: found another run that has just ended; wanted one run at a time")


def test_a_journal_works_on_file_systems_without_locks(target, monkeypatch):
    def unsupported(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with open_journal(target, MADE_BY, 3) as entries:
        entries.add("MKV", np.ones(3, np.float32))
        assert entries.added == 1


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1"])
def test_standard_output_has_no_journal(name):
    with open_journal(name, MADE_BY, 3) as entries:
        assert entries is None
    assert not os.path.exists(f"{name}.partial")


def test_a_pipe_has_no_journal(target):
    os.mkfifo(target)
    with open_journal(target, MADE_BY, 3) as entries:
        assert entries is None
    assert not target.with_name("s.h5.partial").exists()


def test_unwritable_place_is_named():
    refuse("/nowhere/s.h5", "/nowhere/s.h5.partial: cannot be written")


@settings(max_examples=100)
@given(st.binary(max_size=300), st.integers(0, 400), st.booleans())
def test_a_damaged_journal_is_refused_or_loses_only_entries(tmp_path_factory, noise, at, insert):
    target = tmp_path_factory.mktemp("damaged") / "s.h5"
    path = interrupted(target, A=1, B=2, C=3)
    data = path.read_bytes()
    damaged = data[:at] + noise + data[at if insert else at + len(noise) :]
    path.write_bytes(damaged)
    try:
        with open_journal(target, MADE_BY, 3) as entries:
            for value, sequence in enumerate("ABC", 1):
                assert sequence not in entries or (entries[sequence] == value).all()
    except StoreError as error:
        assert len(str(error).splitlines()) == 1
        assert path.read_bytes() == damaged
