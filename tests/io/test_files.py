import contextlib
import gzip
import io
import lzma
import os
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError
from tpspred.io import files

TEXT = st.characters(codec="utf-8", exclude_characters="\0\r\n")
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


def stream_of(content):
    return io.BufferedReader(io.BytesIO(content))


def test_lines_are_numbered_and_lose_their_ends():
    stream = stream_of("a\r\nb é\n\nc".encode())
    assert list(files.lines(stream, "x")) == [(1, "a"), (2, "b é"), (3, ""), (4, "c")]
    assert list(files.lines(stream_of(b"a\n"), "x")) == [(1, "a")]
    assert list(files.lines(stream_of(b""), "x")) == []


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@given(st.lists(st.text(TEXT, max_size=9), min_size=1))
def test_any_line_end_and_any_block_give_the_same_lines(end, texts):
    content = (end.join(texts) + end).encode()
    for block in (1, 2, 3, 1 << 16):
        read = files.lines(io.BufferedReader(SmallBlocks(content, block)), "x")
        assert [line for _, line in read] == [texts[0].removeprefix("\ufeff"), *texts[1:]]


class SmallBlocks(io.RawIOBase):
    """A stream that gives a few bytes at a time, as a slow pipe does."""

    def __init__(self, content, size):
        self._rest = io.BytesIO(content)
        self._size = size

    def readable(self):
        return True

    def readinto(self, buffer):
        data = self._rest.read(min(self._size, len(buffer)))
        buffer[: len(data)] = data
        return len(data)


def test_a_file_of_several_streams_is_read_to_its_end(tmp_path):
    for kind, padding in (("gzip", b""), ("gzip", b"\0" * 9), ("xz", b""), ("xz", b"\0" * 8)):
        pack = COMPRESS[kind]
        parts = (b">a\n", b"", b"MKV\n" * 100_000, b">b\n")
        path = tmp_path / "x"
        path.write_bytes(b"".join(pack(part) + padding for part in parts))
        assert read(path) == b"".join(parts)


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_a_second_stream_that_is_damaged_is_not_the_end(tmp_path, kind):
    path = tmp_path / "x"
    first, second = COMPRESS[kind](b">a\n"), COMPRESS[kind](b"MKV\n" * 1000)
    for damaged in (second[:-1], second[:9], b"x" + second, second[:1] + b"x" + second[2:]):
        path.write_bytes(first + damaged)
        with (
            files.open_bytes(path) as stream,
            pytest.raises(InputError, match="damaged compressed data"),
        ):
            list(files.lines(stream, path))


def test_blocks_of_text_give_the_whole_text():
    content = b"ab\r\n" + b"c" * 3 * files.BLOCK + b"\rd"
    blocks = list(files.text_blocks(stream_of(content), "x"))
    assert len(blocks) > 3
    assert b"".join(blocks) == b"ab\n" + b"c" * 3 * files.BLOCK + b"\nd"


def test_an_endless_line_of_a_table_is_refused(monkeypatch):
    monkeypatch.setattr(files, "MAX_LINE_BYTES", 10)
    assert len(list(files.lines(stream_of(b"a" * 10), "x"))) == 1
    with pytest.raises(InputError, match="x, line 2: found more than 10 bytes in one line"):
        list(files.lines(stream_of(b"a\n" + b"b" * 11), "x"))


def test_a_byte_order_mark_is_left_out():
    assert list(files.lines(stream_of(b"\xef\xbb\xbfid\n"), "x")) == [(1, "id")]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"a\nb\0\n", "x, line 2: found binary data; wanted text"),
        (b"a\nb\n\xff\n", "x, line 3: found bytes that are not UTF-8; wanted text"),
        ("id".encode("utf-16"), "x, line 1: found text in UTF-16; wanted text"),
        (b"PK\x03\x04\0\0", "x, line 1: found a ZIP archive"),
    ],
)
def test_bytes_that_are_no_text_are_refused(content, message):
    with pytest.raises(InputError, match=message):
        list(files.lines(stream_of(content), "x"))


@pytest.mark.parametrize("content", [b"", b"MKV", b">a\nMKV"])
def test_what_is_not_recognised_has_no_kind(content):
    assert files.kind_of(content) == ""


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_compressed_data_that_are_cut_short_are_refused(tmp_path, kind):
    path = tmp_path / "x"
    path.write_bytes(COMPRESS[kind](os.urandom(3000).hex().encode() + b"\n")[:-20])
    message = r"x, after line \d: found damaged compressed data"
    with files.open_bytes(path) as stream, pytest.raises(InputError, match=message):
        list(files.lines(stream, path))


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


@pytest.mark.parametrize("kind", COMPRESS)
def test_a_whole_input_can_be_read_twice(tmp_path, kind):
    content = b"a\r\nb\n\0c"
    path = tmp_path / "x"
    path.write_bytes(COMPRESS[kind](content))
    assert files.read_bytes(path) == content
    opened = files.in_memory(content, "x")
    assert (opened.name, read(opened)) == ("x", content)


def test_a_whole_input_that_is_damaged_is_refused(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"abc" * 1000)[:-9])
    with pytest.raises(InputError, match=r"x\.gz: found damaged compressed data"):
        files.read_bytes(path)
    with pytest.raises(InputError, match="Is a directory"):
        files.read_bytes(tmp_path)


def test_inputs_that_cannot_be_read_are_known_before(tmp_path):
    (tmp_path / "x").write_text("")
    for path in ("-", str(tmp_path / "x"), "/dev/null"):
        files.check_input(path)
    for path, reason in (
        (tmp_path / "y", "No such file or directory"),
        (tmp_path, "found a folder; wanted a file"),
    ):
        with pytest.raises(InputError, match=f"{path}: {reason}"):
            files.check_input(path)


@pytest.mark.parametrize(
    "begin, message",
    [
        (b"BZh91AY&SY", "x: found data compressed with bzip2; .*: unpack it with bunzip2"),
        (
            b"\x28\xb5\x2f\xfd$",
            "x: found data compressed with Zstandard; .*: unpack it with unzstd",
        ),
        (b"PK\x03\x04\0\0", "x: found a ZIP archive or an office document; .* with unzip"),
        (b"7z\xbc\xaf\x27\x1c", "x: found a 7z archive; .*: unpack it with 7z x"),
    ],
)
def test_other_compression_is_refused_with_the_program_that_unpacks_it(tmp_path, begin, message):
    (tmp_path / "x").write_bytes(begin + bytes(range(256)))
    for read_it in (files.check_compression, files.read_bytes):
        with pytest.raises(InputError, match=message):
            read_it(tmp_path / "x")


def test_a_pipe_is_not_looked_at_before_it_is_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    files.check_compression(tmp_path / "pipe")  # would wait for ever
