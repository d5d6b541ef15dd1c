import errno
import fcntl
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import threading

import pytest

from tpspred.errors import InputError
from tpspred.io import outputs
from tpspred.io.outputs import (
    atomic_path,
    check_target,
    make_folder,
    open_text_output,
    open_text_outputs,
)


def test_a_target_appears_whole(tmp_path):
    target = tmp_path / "x.tsv"
    target.write_text("old")
    with atomic_path(target) as path:
        path.write_text("new")
        assert target.read_text() == "old"
        assert path.parent == target.parent
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["x.tsv"]


def test_a_failure_leaves_the_old_target_and_nothing_else(tmp_path):
    target = tmp_path / "x.tsv"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as path:
        path.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.tsv"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    mask = os.umask(0o027)
    try:
        with atomic_path(tmp_path / "x") as path:
            path.write_text("new")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_a_seekable_output_can_go_to_standard_output(capsysbinary):
    with atomic_path("-") as path:
        path.write_bytes(b"\x89bytes")
    assert capsysbinary.readouterr().out == b"\x89bytes"
    assert not path.exists()


def test_a_target_that_cannot_be_written_is_named(tmp_path):
    target = tmp_path / "nowhere" / "x"
    message = "nowhere/x: cannot be written: No such file"
    with pytest.raises(InputError, match=message), open_text_output(target):
        pass


def test_text_has_lf_line_ends_in_utf8(tmp_path, capsysbinary):
    for target in (tmp_path / "x", "-"):
        with open_text_output(target) as handle:
            handle.write("a é\n")
    assert (tmp_path / "x").read_bytes() == capsysbinary.readouterr().out == "a é\n".encode()


def test_a_text_file_that_fails_does_not_appear(tmp_path):
    with pytest.raises(ZeroDivisionError), open_text_output(tmp_path / "x") as handle:
        handle.write("half")
        1 / 0  # noqa: B018
    assert os.listdir(tmp_path) == []


def test_a_folder_is_made_once_with_its_parents(tmp_path):
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/b: cannot be made: Not a directory"):
        make_folder(tmp_path / "file" / "b")


def write(target, text="new"):
    """Write both kinds of output to a target, one after the other."""
    with open_text_output(target) as handle:
        handle.write(text)
    with atomic_path(target) as path:
        path.write_text(text)


def reading(path):
    """Read a FIFO in another thread; returns the thread and the list that gets the bytes."""
    received = []
    thread = threading.Thread(target=lambda: received.append(path.read_bytes()))
    thread.start()
    return thread, received


@pytest.mark.parametrize("opens", [open_text_output, atomic_path])
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path, opens):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    thread, received = reading(fifo)
    with opens(fifo) as opened:
        (opened.write if opens is open_text_output else opened.write_text)("MKV\n")
    thread.join(10)
    assert received == [b"MKV\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert os.listdir(tmp_path) == ["fifo"]


def test_a_device_is_written_to_and_stays_a_device(tmp_path):
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        device.write_text("x")
    except PermissionError:
        pytest.skip("this user may not make devices")
    write(device)
    assert stat.S_ISCHR(device.stat().st_mode)
    assert os.listdir(tmp_path) == ["null"]


def test_the_file_of_a_link_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "x.tsv"
    link = tmp_path / "link.tsv"
    link.symlink_to("folder/x.tsv")
    for text in ("first", "second"):  # at first the link points to nothing
        write(link, text)
        assert link.is_symlink() and target.read_text() == text
    assert os.listdir(tmp_path / "folder") == ["x.tsv"]


def test_open_files_of_the_process_are_written_to(tmp_path):
    path = tmp_path / "x"
    with open(path, "ab") as handle:
        handle.write(b"before ")
        handle.flush()
        write(f"/dev/fd/{handle.fileno()}")
        handle.write(b" after")
    assert path.read_bytes() == b"before newnew after"


@pytest.mark.parametrize("opens", [open_text_output, atomic_path])
@pytest.mark.parametrize("name", ["", "folder", "link", "new/", "file/x", "n" * 300])
def test_what_cannot_be_a_file_is_refused(tmp_path, monkeypatch, opens, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    (tmp_path / "file").touch()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(InputError, match="cannot be written: "), opens(name):
        pass
    assert sorted(os.listdir(tmp_path)) == before and not os.listdir("folder")


@pytest.mark.parametrize("name", ["", "folder", "new/", "file/x", "n" * 300, "nowhere/x"])
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    if name == "n" * 300:
        name += "/x"
    with pytest.raises(InputError, match="cannot be written: "):
        check_target(name)


def test_what_can_be_written_passes_the_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("new")
    os.mkfifo(tmp_path / "fifo")
    for name in ("new", "link", "fifo", "-", "/dev/null", "/dev/stdout"):
        check_target(name)
    assert sorted(os.listdir(tmp_path)) == ["fifo", "link"]


def test_permissions_of_the_old_file_are_kept(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    target.chmod(0o604)
    write(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o604


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write any file")
def test_a_file_that_must_not_be_written_is_not_replaced(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    target.chmod(0o444)
    with pytest.raises(InputError, match="Permission denied"), open_text_output(target):
        pass
    assert target.read_text() == "old"


def test_a_mount_point_is_overwritten_with_a_warning(tmp_path, monkeypatch, caplog):
    """The real thing needs a mount, so the rename fails here as it fails there."""
    target = tmp_path / "x"
    target.write_text("older and longer")
    inode = target.stat().st_ino

    def refuse(source, destination):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(os, "replace", refuse)
    write(target)
    assert (target.read_text(), target.stat().st_ino) == ("new", inode)
    assert os.listdir(tmp_path) == ["x"]


def test_all_outputs_are_written_before_one_is_replaced(tmp_path, monkeypatch):
    targets = [tmp_path / name for name in "abc"]
    replace = os.replace
    replaced = []

    def watch(source, destination):
        temporaries = [p for p in tmp_path.iterdir() if p.name.startswith(outputs.PREFIX)]
        assert [p.read_text() for p in temporaries] == ["new"] * (3 - len(replaced))
        replaced.append(destination)
        replace(source, destination)

    monkeypatch.setattr(os, "replace", watch)
    with open_text_outputs(targets) as handles:
        for handle in handles:
            handle.write("new")
    assert replaced == [str(target) for target in targets]


def test_two_outputs_to_one_file_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="two outputs to ./x"), open_text_outputs(["x", "./x"]):
        pass
    assert os.listdir(tmp_path) == []


def test_an_output_whose_reader_leaves_stops_the_others(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    targets = [tmp_path / "x", f"/dev/fd/{writer}"]
    with pytest.raises(InputError, match="no other output"), open_text_outputs(targets) as handles:
        handles[1].write("text\n")
        handles[1].flush()
    os.close(writer)
    assert os.listdir(tmp_path) == []


KILLED = """
import os, signal, sys
from tpspred.io.outputs import open_text_output
with open_text_output(sys.argv[1]) as handle:
    handle.write("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_files_of_a_killed_run_are_removed_by_the_next_one(tmp_path):
    target = tmp_path / "x"
    done = subprocess.run([sys.executable, "-c", KILLED, target])
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert outputs.TEMPORARY_NAME.fullmatch(left.name)
    write(tmp_path / "y")
    assert os.listdir(tmp_path) == ["y"]


def test_files_of_a_run_that_lives_are_left_alone(tmp_path):
    stranger = tmp_path / ".tpspred-x.tsv"  # not named as a temporary file
    stranger.touch()
    with open_text_output(tmp_path / "x") as slow:
        slow.write("slow")
        write(tmp_path / "y")
    assert (tmp_path / "x").read_text() == "slow" and stranger.exists()


def test_a_file_that_is_taken_for_a_stale_one_is_made_again(tmp_path, monkeypatch):
    """Another run removes it between the moment when it is made and the one when it is locked."""
    lock = fcntl.flock
    removed = []

    def race(descriptor, operation):
        if not removed:
            removed.extend(tmp_path.iterdir())
            removed[0].unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", race)
    with open_text_output(tmp_path / "x") as handle:
        handle.write("new")
    assert removed and (tmp_path / "x").read_text() == "new"


def test_signals_wait_while_outputs_are_replaced(tmp_path, monkeypatch):
    replace = os.replace

    def interrupted(source, destination):
        os.kill(os.getpid(), signal.SIGINT)
        replace(source, destination)

    monkeypatch.setattr(os, "replace", interrupted)
    targets = [tmp_path / name for name in "ab"]
    with pytest.raises(KeyboardInterrupt), open_text_outputs(targets) as handles:
        for handle in handles:
            handle.write("new")
    assert [target.read_text() for target in targets] == ["new", "new"]


@pytest.mark.parametrize("opens", [open_text_output, atomic_path])
@pytest.mark.parametrize("moment", ["mkstemp", "unlink"])
def test_a_signal_while_a_temporary_file_is_made_or_removed_leaves_none(
    tmp_path, monkeypatch, opens, moment
):
    module = {"mkstemp": tempfile, "unlink": os}[moment]
    real = getattr(module, moment)

    def interrupted(*arguments, **options):
        monkeypatch.setattr(module, moment, real)
        result = real(*arguments, **options) if moment == "mkstemp" else None
        os.kill(os.getpid(), signal.SIGINT)
        return result or real(*arguments, **options)

    monkeypatch.setattr(module, moment, interrupted)
    with pytest.raises(KeyboardInterrupt), opens(tmp_path / "x"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("opens", [open_text_output, atomic_path])
def test_a_full_disk_is_named(tmp_path, opens):
    """A limit of the file size stands for a full disk."""
    code = f"""
import resource, signal, sys
from tpspred.errors import InputError
from tpspred.io.outputs import {opens.__name__}
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
try:
    with {opens.__name__}("x") as opened:
        opened.{"write" if opens is open_text_output else "write_text"}("MKV" * 10000)
except InputError as error:
    print(error)
"""
    environment = os.environ | {"PYTHONPATH": str(pathlib.Path(outputs.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, env=environment
    )
    assert (done.stdout, done.stderr) == (b"x: cannot be written: File too large\n", b"")
    assert os.listdir(tmp_path) == []


def test_a_closed_standard_output_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(InputError, match="standard output is closed"), open_text_output("-"):
        pass
