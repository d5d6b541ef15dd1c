import errno
import fcntl

import numpy as np
import pytest

from tpspred.errors import StoreError
from tpspred.io.journal import journal

MADE_BY = {"encoder": "e", "checksum": "c", "precision": "float32"}


class Killed(BaseException):
    pass


@pytest.fixture
def target(tmp_path):
    return tmp_path / "s.h5"


def interrupted(target, **vectors):
    """A journal of a run that ended before its time; gives its path."""
    with pytest.raises(Killed), journal(target, MADE_BY, 3) as lines:
        for sequence, value in vectors.items():
            lines.add(sequence, np.full(3, value, np.float32))
        raise Killed
    return target.with_name("s.h5.partial")


def test_vectors_of_an_earlier_run_are_there_to_the_last_bit(target):
    path = interrupted(target, MKV=0.1, MKL=-2.5)
    assert path.exists()
    with journal(target, MADE_BY, 3) as lines:
        assert lines.recovered == 2 and "MKV" in lines and "M" not in lines
        assert np.array_equal(lines["MKV"], np.full(3, 0.1, np.float32))
    assert not path.exists()


@pytest.mark.parametrize("cut", [1, 20, 48, 49])
def test_what_was_cut_off_is_dropped_and_written_again(target, cut):
    path = interrupted(target, MKV=1, MKL=2)
    path.write_bytes(path.read_bytes()[:-cut])
    interrupted(target, MKL=3)
    with journal(target, MADE_BY, 3) as lines:
        assert lines.recovered == (2 if cut <= 48 else 1)
        assert lines["MKL"][0] == 3


def test_damage_in_the_middle_ends_the_journal(target):
    path = interrupted(target, A=1, B=2, C=3)
    data = bytearray(path.read_bytes())
    data[-60] ^= 1
    path.write_bytes(data)
    with journal(target, MADE_BY, 3) as lines:
        assert lines.recovered == 1 and "A" in lines


def test_begun_line_is_begun_again(target):
    path = interrupted(target, A=1)
    path.write_bytes(path.read_bytes()[:10])
    with journal(target, MADE_BY, 3) as lines:
        assert lines.recovered == 0


def test_nothing_computed_leaves_no_journal(target):
    assert not interrupted(target).exists()


def test_vectors_of_another_encoder_or_file_are_refused(target):
    path = interrupted(target, A=1)
    with pytest.raises(StoreError, match="s.h5.partial: found vectors with checksum c; wanted d"):
        with journal(target, MADE_BY | {"checksum": "d"}, 3):
            pass
    assert path.exists()
    path.write_text("something\n")
    with pytest.raises(StoreError, match="no journal of tpspred embed"):
        with journal(target, MADE_BY, 3):
            pass
    assert path.read_text() == "something\n"


def test_two_runs_cannot_write_one_journal(target):
    with (
        journal(target, MADE_BY, 3),
        pytest.raises(StoreError, match="another run that is writing it"),
    ):
        with journal(target, MADE_BY, 3):
            pass


def test_file_systems_without_locks_do(target, monkeypatch):
    def unsupported(*args):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with journal(target, MADE_BY, 3) as lines:
        lines.add("MKV", np.ones(3, np.float32))


def test_standard_output_has_no_journal():
    with journal("-", MADE_BY, 3) as lines:
        assert lines is None


def test_unwritable_place_is_named():
    with pytest.raises(StoreError, match="/nowhere/s.h5.partial: cannot be written"):
        with journal("/nowhere/s.h5", MADE_BY, 3):
            pass
