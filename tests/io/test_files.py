import contextlib
import gzip
import io
import lzma
import os
import stat
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError
from tpspred.io import files

COMPRESS = {"plain": bytes, "gzip": gzip.compress, "xz": lzma.compress}


@pytest.fixture
def stdin(monkeypatch):
    """Give bytes to standard input: stdin(content)."""

    def give(content):
        stream = io.BufferedReader(io.BytesIO(content))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(stream))

    return give


def read(source):
    with files.open_bytes(source) as stream:
        return stream.read()


@given(st.binary(max_size=200), st.sampled_from(list(COMPRESS)))
def test_packed_bytes_come_out_as_they_went_in(tmp_path_factory, content, kind):
    path = tmp_path_factory.mktemp("packed") / "x"
    prefixed = b"> " + content  # plain bytes that happen to begin as gzip does are not plain
    path.write_bytes(COMPRESS[kind](prefixed))
    assert read(path) == read(str(path)) == prefixed


@pytest.mark.parametrize("kind", COMPRESS)
def test_dash_opens_standard_input(stdin, kind):
    stdin(COMPRESS[kind](b"MKV\n"))
    assert read("-") == b"MKV\n"


def test_standard_input_without_a_buffer_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"MKV\n"))))
    assert read("-") == b"MKV\n"


def test_a_path_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(InputError, match="nowhere.faa: No such file or directory"):
        read(tmp_path / "nowhere.faa")
    with pytest.raises(InputError, match="Is a directory"):
        read(tmp_path)


def test_hdf5_is_recognised_by_its_first_bytes(tmp_path):
    for begin, is_hdf5 in (
        (files.HDF5_MAGIC + b"rest", True),
        (b"id\tstatus\n", False),
        (b"", False),
    ):
        (tmp_path / "x.h5").write_bytes(begin)
        with files.open_input(tmp_path / "x.h5") as opened:
            assert opened.is_hdf5 == is_hdf5 and opened.can_seek
            assert opened.stream.read() == begin


@pytest.mark.parametrize("begin", [files.HDF5_MAGIC, b">a\nMKV\n"])
def test_standard_input_keeps_the_bytes_that_were_looked_at(stdin, begin):
    stdin(begin + b"rest")
    with files.open_input("-") as opened:
        assert opened.is_hdf5 == (begin == files.HDF5_MAGIC) and not opened.can_seek
        assert opened.stream.read() == begin + b"rest"


@contextlib.contextmanager
def slow_fifo(path, content, pause=0.02):
    """A FIFO into which another thread writes bytes one by one at first, and opens it once."""
    os.mkfifo(path)

    def write():
        with open(path, "wb", buffering=0) as handle:
            for i in range(10):
                handle.write(content[i : i + 1])
                time.sleep(pause)
            handle.write(content[10:])

    thread = threading.Thread(target=write)
    thread.start()
    yield path
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_slow_pipe_with_a_name_loses_nothing(tmp_path, kind):
    content = b">a\nMKV\n" + bytes(range(256)) * 1000
    with slow_fifo(tmp_path / "pipe", COMPRESS[kind](content)) as path:
        assert read(path) == content


def test_a_pipe_becomes_a_file_for_formats_that_seek(tmp_path):
    content = files.HDF5_MAGIC + b"0123456789"
    with slow_fifo(tmp_path / "pipe", content) as path, files.open_input(path) as opened:
        assert opened.is_hdf5 and not opened.can_seek
        with files.seekable(opened) as stream:
            stream.seek(7 + len(files.HDF5_MAGIC))
            assert stream.read() == b"789"
            stream.seek(0)
            assert stream.read() == content


def test_an_open_input_is_passed_on_and_stays_open(tmp_path):
    (tmp_path / "x").write_bytes(b"MKV")
    with files.open_input(tmp_path / "x") as opened:
        with files.open_input(opened) as again:
            assert again is opened
        assert opened.stream.read() == b"MKV"
        assert files.name_of(opened) == files.name_of(tmp_path / "x") == str(tmp_path / "x")


def test_lines_are_numbered_and_lose_their_ends():
    stream = io.BytesIO("a\r\nb é\n\nc".encode())
    assert list(files.lines(stream, "x")) == [(1, "a"), (2, "b é"), (3, ""), (4, "c")]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"a\nb\0\n", "x, line 2: found binary data; wanted text"),
        (b"a\nb\n\xff\n", "x, line 3: found bytes that are not UTF-8; wanted text"),
    ],
)
def test_bytes_that_are_no_text_are_refused(content, message):
    with pytest.raises(InputError, match=message):
        list(files.lines(io.BytesIO(content), "x"))


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_compressed_data_that_are_cut_short_are_refused(tmp_path, kind):
    path = tmp_path / "x"
    path.write_bytes(COMPRESS[kind](os.urandom(3000).hex().encode() + b"\n")[:-20])
    message = "x, after line 0: found damaged compressed data"
    with files.open_bytes(path) as stream, pytest.raises(InputError, match=message):
        list(files.lines(stream, path))


def test_a_target_appears_whole(tmp_path):
    target = tmp_path / "x.tsv"
    target.write_text("old")
    with files.atomic_path(target) as path:
        path.write_text("new")
        assert target.read_text() == "old"
        assert path.parent == target.parent
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["x.tsv"]


def test_a_failure_leaves_the_old_target_and_nothing_else(tmp_path):
    target = tmp_path / "x.tsv"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), files.atomic_path(target) as path:
        path.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.tsv"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    mask = os.umask(0o027)
    try:
        with files.atomic_path(tmp_path / "x") as path:
            path.write_text("new")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_a_seekable_output_can_go_to_standard_output(capsysbinary):
    with files.atomic_path("-") as path:
        path.write_bytes(b"\x89bytes")
    assert capsysbinary.readouterr().out == b"\x89bytes"
    assert not path.exists()


def test_a_target_that_cannot_be_written_is_named(tmp_path):
    target = tmp_path / "nowhere" / "x"
    message = "nowhere/x: cannot be written: No such file"
    with pytest.raises(InputError, match=message), files.open_text_output(target):
        pass


def test_text_has_lf_line_ends_in_utf8(tmp_path, capsysbinary):
    for target in (tmp_path / "x", "-"):
        with files.open_text_output(target) as handle:
            handle.write("a é\n")
    assert (tmp_path / "x").read_bytes() == capsysbinary.readouterr().out == "a é\n".encode()


def test_a_text_file_that_fails_does_not_appear(tmp_path):
    with pytest.raises(ZeroDivisionError), files.open_text_output(tmp_path / "x") as handle:
        handle.write("half")
        1 / 0  # noqa: B018
    assert os.listdir(tmp_path) == []


def test_a_folder_is_made_once_with_its_parents(tmp_path):
    for _ in range(2):
        files.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/b: cannot be made: Not a directory"):
        files.make_folder(tmp_path / "file" / "b")


def test_standard_input_becomes_a_file_for_formats_that_seek(stdin):
    stdin(b"0123456789")
    with files.open_input("-") as opened, files.seekable(opened) as stream:
        stream.seek(7)
        assert stream.read() == b"789"


def test_a_file_is_read_in_any_order_where_it_is(tmp_path):
    (tmp_path / "x").write_bytes(b"0123456789")
    with files.open_input(tmp_path / "x") as opened, files.seekable(opened) as stream:
        assert stream is opened.stream
        stream.seek(7)
        assert stream.read() == b"789"
