"""Outputs that are no plain file, links, inputs as outputs, and two outputs to one file."""

import os
import pathlib
import stat
import subprocess

import pytest

from reliability.cases import contents
from reliability.runner import findings_of_process

pytestmark = pytest.mark.slow  # the files to damage take some seconds to make

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
SHARED_MEMORY = pathlib.Path("/dev/shm")


@pytest.fixture
def predict(command, bases):
    """Predict p.faa with some outputs, and check how the process ends."""

    def call(*options, **fields):
        outcome = command(
            "predict", bases.path("p.faa"), "-m", bases.path("c.h5"), *options, **fields
        )
        assert not findings_of_process(outcome), outcome
        return outcome

    return call


def test_a_pipe_with_a_name_is_written_and_stays(predict, work, bases):
    os.mkfifo(work / "pipe")
    with subprocess.Popen(["cat", work / "pipe"], stdout=subprocess.PIPE) as reader:
        assert predict("-o", "pipe").status == 0
        assert reader.stdout.read() == bases["new.tsv"]
    assert stat.S_ISFIFO(os.stat(work / "pipe").st_mode)


def test_a_store_goes_through_a_pipe_with_a_name(command, work, bases):
    os.mkfifo(work / "pipe")
    with subprocess.Popen(["cat", work / "pipe"], stdout=subprocess.PIPE) as reader:
        done = command("embed", bases.path("p.faa"), "--encoder", bases.path("e.h5"), "-o", "pipe")
        assert reader.stdout.read() == bases["p.h5"]
    assert done.status == 0 and list(contents(work)) == []


@AS_ROOT
@pytest.mark.parametrize("options", [("-o", "null"), ("--html", "null", "-o", "o.tsv")])
def test_a_device_is_written_and_stays(predict, work, options):
    os.mknod(work / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    assert predict(*options).status == 0
    assert stat.S_ISCHR(os.stat(work / "null").st_mode)


@AS_ROOT
def test_a_full_device_is_an_error(predict, work):
    os.mknod(work / "full", 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    done = predict("-o", "full")
    assert done.status == 1 and "No space left" in done.err
    assert stat.S_ISCHR(os.stat(work / "full").st_mode)


@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_stays_and_its_target_is_replaced(predict, work, bases, exists):
    (work / "there").mkdir()
    if exists:
        (work / "there/o.tsv").write_text("old")
    (work / "link").symlink_to("there/o.tsv")
    assert predict("-o", "link").status == 0
    assert (work / "link").is_symlink()
    assert (work / "there/o.tsv").read_bytes() == bases["new.tsv"]


@pytest.mark.skipif(not os.access(SHARED_MEMORY, os.W_OK), reason="no second file system")
def test_a_link_to_another_file_system(predict, work, bases):
    target = SHARED_MEMORY / f"tpspred-test-{os.getpid()}"
    (work / "link").symlink_to(target)
    try:
        assert predict("-o", "link").status == 0
        assert (work / "link").is_symlink() and target.read_bytes() == bases["new.tsv"]
    finally:
        target.unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_names_of_standard_output(predict, work, bases, name):
    done = predict("-q", "-o", name)
    assert (done.status, done.out) == (0, bases["new.tsv"]) and not list(work.iterdir())


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_an_output_keeps_its_permissions(predict, work, mode):
    (work / "o.tsv").write_text("old")
    (work / "o.tsv").chmod(mode)
    assert predict("-o", "o.tsv").status == 0
    assert stat.S_IMODE(os.stat(work / "o.tsv").st_mode) == mode


@pytest.mark.parametrize(
    "first, second",
    [
        ("x.tsv", "x.tsv"), ("x.tsv", "./x.tsv"), ("x.tsv", "there/../x.tsv"), ("x.tsv", "link"),
        ("link", "x.tsv"), ("x.tsv", "hard"), ("-", "-"), ("-", "/dev/stdout"),
    ],
)  # fmt: skip
def test_two_outputs_to_one_file_are_refused(predict, work, first, second):
    (work / "there").mkdir()
    (work / "x.tsv").write_text("old")
    (work / "link").symlink_to("x.tsv")
    os.link(work / "x.tsv", work / "hard")
    done = predict("--tsv", first, "--jsonl", second)
    assert done.status == 2 and "two outputs to" in done.err and done.out == b""
    assert (work / "x.tsv").read_text() == "old"


@pytest.mark.parametrize("name", ["x.faa", "./x.faa", "link", "hard"])
@pytest.mark.parametrize("option", ["-o", "--gff3", "--html"])
def test_an_input_is_no_output(command, work, bases, name, option):
    (work / "x.faa").write_bytes(bases["p.faa"])
    (work / "link").symlink_to("x.faa")
    os.link(work / "x.faa", work / "hard")
    done = command("predict", "x.faa", "-m", bases.path("c.h5"), option, name)
    assert not findings_of_process(done)
    assert done.status == 2 and "input" in done.err
    assert (work / "x.faa").read_bytes() == bases["p.faa"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("prepare", "r.csv", "-o", "r.csv"),
        ("prepare", "r.csv", "-o", "d.tsv", "--fasta", "./r.csv"),
        ("prepare", "r.csv", "-o", "d.tsv", "--fasta", "./d.tsv"),
        ("profiles", "d.tsv", "-o", "d.tsv"),
        ("embed", "p.faa", "-o", "p.faa"),
        ("embed", "p.faa", "--encoder", "e.h5", "-o", "./e.h5"),
        ("featurize", "p.h5", "--encoder", "e.h5", "-o", "e.h5"),
        ("merge", "p1.tsv", "p2.tsv", "p3.tsv", "-o", "p2.tsv"),
        ("calibrate", "m.h5", "d.tsv", "d.h5", "-o", "m.h5"),
        ("train", "d.tsv", "d.h5", "--encoder", "e.h5", "-o", "e.h5"),
        ("train", "d.tsv", "d.h5", "--encoder", "e.h5", "-o", "o.h5", "--history", "o.h5"),
        ("explain", "p.faa", "--id", "bacteria_sesq_di_1", "-m", "c.h5", "-o", "p.faa"),
        ("predict", "p.faa", "-m", "c.h5", "-o", "c.h5"),
        ("predict", "p.faa", "-m", "c.h5", "--gff3", "g.gff3", "--annotation", "g.gff3"),
        ("predict", "p.faa", "-m", "c.h5", "--references", "r.csv", "-o", "r.csv"),
        ("predict", "p.faa", "-m", "c.h5", "-o", "o.tsv", "--log", "o.tsv"),
        ("predict", "p.faa", "-m", "c.h5", "-o", "o.tsv", "--log", "p.faa"),
    ],
)
def test_no_command_writes_over_what_it_reads(command, work, bases, arguments):
    names = [
        name for name in os.listdir(bases.folder) if name in arguments or f"./{name}" in arguments
    ]
    for name in names:
        (work / name).write_bytes(bases[name])
    done = command(*arguments)
    assert not findings_of_process(done), done
    assert done.status == 2, done
    assert contents(work) == {name: bases[name] for name in names}


@pytest.mark.parametrize("name", [".", "there", "there/", "new/", "", "nowhere/o.tsv", "x.faa/o"])
def test_an_output_that_cannot_be_one_is_named(predict, work, name):
    (work / "there").mkdir()
    (work / "x.faa").write_text("")
    done = predict("-o", "o.tsv", "--html", name)
    assert done.status in (1, 2) and name in done.err
    assert sorted(os.listdir(work)) == ["there", "x.faa"]


def test_another_user_s_file_is_not_replaced(predict, work):
    if os.geteuid():
        pytest.skip("only root can become another user")
    (work / "o.tsv").write_text("old")
    (work / "o.tsv").chmod(0o444)
    work.chmod(0o777)
    done = predict("-o", "o.tsv", user=65534)
    assert done.status == 1 and "o.tsv: cannot be written" in done.err
    assert contents(work) == {"o.tsv": b"old"}
