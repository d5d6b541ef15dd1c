import os

import pytest

from tpspred.io.paths import collision, output_descriptor


@pytest.mark.parametrize(
    "target, descriptor",
    [
        ("-", 1),
        ("/dev/stdout", 1),
        ("/dev/stderr", 2),
        ("/dev/fd/63", 63),
        ("/proc/self/fd/5", 5),
        (f"/proc/{os.getpid()}/fd/5", 5),
        ("/dev/null", None),
        ("x.tsv", None),
        ("1", None),
    ],
)
def test_paths_of_open_files(target, descriptor):
    assert output_descriptor(target) == descriptor


def test_links_to_open_files_are_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("/dev/stdout")
    (tmp_path / "loop").symlink_to("loop")
    assert output_descriptor("a") == 1
    assert output_descriptor("loop") is None


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a file that has several names, a FIFO, and a link to a folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "hard").hardlink_to("file")
    (tmp_path / "self").symlink_to(".")
    os.mkfifo("fifo")


@pytest.mark.parametrize(
    "outputs, inputs, message",
    [
        (["a", "b"], ["c", "d"], ""),
        (["a", "a"], [], "two outputs to a"),
        (["new", "self/new"], [], "two outputs to self/new"),
        (["file", "link"], [], "two outputs to link"),
        (["file", "hard"], [], "two outputs to hard"),
        (["fifo", "./fifo"], [], "two outputs to ./fifo"),
        (["/dev/null", "/dev/null"], ["/dev/null"], ""),
        (["link"], ["x", "file"], "the output link is the input file"),
        (["fifo"], ["fifo"], "the output fifo is the input fifo"),
        (["new"], ["new"], "the output new is the input new"),
        ([], ["-", "-"], "two inputs from standard input"),
        ([], ["file", "file"], ""),
    ],
)
def test_paths_of_one_file(folder, outputs, inputs, message):
    assert collision(outputs, inputs) == message


def test_a_stream_that_goes_to_a_file_is_this_file(folder):
    descriptor = os.open("file", os.O_WRONLY)
    stream = f"/dev/fd/{descriptor}"
    assert collision([stream], ["file"]) == f"the output {stream} is the input file"
    os.close(descriptor)
    assert collision([stream], ["file"]) == ""
