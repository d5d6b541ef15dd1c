"""Downloads by fetch-weights and fetch-data from a server on this machine."""

import dataclasses
import hashlib
import os

import pytest
from file_server import CONTENT

from tpspred.dataset import published_export
from tpspred.encoders import esm2_weights

CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
OTHER_CHECKSUM = "0" * 64
PINNED = "esm2_t6_8M_UR50D"
NOT_PINNED = "esm2_t48_15B_UR50D"
EXPORT = b"Enzyme_marts_ID,Uniprot_ID\ne1,P1\n" * 1000
EXPORT_CHECKSUM = hashlib.sha256(EXPORT).hexdigest()
COMMANDS = [("fetch-weights", NOT_PINNED), ("fetch-data",)]


@pytest.fixture
def export_server(server):
    """A server of a file that begins as an export does."""
    server.content = EXPORT
    return server


def test_weights_are_fetched_once(run, server, tmp_path, monkeypatch):
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path))
    for message in ("fetched", "is already there"):
        done = run(
            *("fetch-weights", "esm2_t6_8M_UR50D", "--url", server.url, "--allow-http"),
            *("--sha256", CHECKSUM),
        )
        target = tmp_path / "esm2_t6_8M_UR50D.pt"
        assert (done.code, done.out.decode()) == (
            0,
            f"{CHECKSUM}  {target}\n",
        ) and message in done.err
    assert len(server.wanted_ranges) == 1
    assert run("fetch-weights", "esm2_t6_8M_UR50D", "--sha256", OTHER_CHECKSUM).code == 1
    changed = run("fetch-weights", "esm2_t6_8M_UR50D")
    assert changed.code == 1 and f"wanted {esm2_weights.CHECKSUMS[PINNED]}" in changed.err
    unknown = run("fetch-weights", "esm9")
    assert (
        unknown.code == 2 and "no ESM-2 is called esm9; there are esm2_t6_8M_UR50D" in unknown.err
    )


def test_export_is_fetched_once(run, export_server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for message in ("marts_reactions.csv fetched", "marts_reactions.csv is already there"):
        done = run("fetch-data", "--url", export_server.url, "--allow-http")
        assert done.code == 0 and message in done.err
        assert done.out.decode() == f"{EXPORT_CHECKSUM}  marts_reactions.csv\n"
    assert len(export_server.wanted_ranges) == 1
    assert (tmp_path / "marts_reactions.csv").read_bytes() == EXPORT
    record = (tmp_path / "marts_reactions.csv.sha256").read_text()
    assert record == f"{EXPORT_CHECKSUM}  marts_reactions.csv\n"
    done = run("fetch-data", "--sha256", OTHER_CHECKSUM)
    assert done.code == 1 and f"found a file with SHA-256 {EXPORT_CHECKSUM}; wanted 00" in done.err


def test_export_comes_from_its_published_address(run, export_server, tmp_path, monkeypatch):
    """The address is replaced by that of the server, which the command is not told."""
    address = published_export.EXPORT.address
    assert address.startswith("https://raw.githubusercontent.com/")
    here = dataclasses.replace(published_export.EXPORT, address=export_server.url)
    monkeypatch.setattr(published_export, "EXPORT", here)
    done = run("fetch-data", "-o", tmp_path / "r.csv")
    assert done.code == 1 and "wanted one that begins with https:" in done.err
    assert not list(tmp_path.iterdir()) and not export_server.wanted_ranges


def test_interrupted_export_is_continued(run, export_server, tmp_path):
    command = ("fetch-data", "-o", tmp_path / "r.csv", "--url", export_server.url, "--allow-http")
    export_server.breaks_after = 1000
    done = run(*command)
    assert done.code == 1 and "the same command continues it" in done.err
    export_server.breaks_after = None
    assert run(*command).code == 0 and (tmp_path / "r.csv").read_bytes() == EXPORT
    assert export_server.wanted_ranges == [None, "bytes=1000-"]


@pytest.mark.parametrize("content", [CONTENT, b"a,b\n1,2\n", b"<html></html>", b""])
def test_what_is_no_export_is_refused(run, export_server, tmp_path, content):
    export_server.content = content
    done = run("fetch-data", "-o", tmp_path / "r.csv", "--url", export_server.url, "--allow-http")
    assert done.code == 1 and "wanted a MARTS-DB export (.csv)" in done.err
    assert not list(tmp_path.iterdir())


def test_export_with_another_checksum_is_refused(run, export_server, tmp_path):
    command = ("fetch-data", "-o", tmp_path / "r.csv", "--url", export_server.url, "--allow-http")
    done = run(*command, "--sha256", OTHER_CHECKSUM)
    assert done.code == 1 and f"wanted {OTHER_CHECKSUM}" in done.err
    assert not list(tmp_path.iterdir())
    assert run(*command).code == 0
    (tmp_path / "r.csv").unlink()
    export_server.content = EXPORT + b"e2,P2\n"
    done = run(*command)
    assert done.code == 1 and f"wanted {EXPORT_CHECKSUM}" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv.sha256"]


def test_nothing_is_written_for_a_name_that_is_a_path(run, server, tmp_path, monkeypatch):
    folder = tmp_path / "a/b/c"
    folder.mkdir(parents=True)
    monkeypatch.setenv(esm2_weights.VARIABLE, str(folder))
    done = run("fetch-weights", "../../x", "--url", server.url, "--allow-http")
    assert done.code == 2 and "no ESM-2 is called ../../x" in done.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not server.wanted_ranges


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_wants_https_unless_told(run, server, tmp_path, command):
    """--allow-http allows http: and nothing else; -o says where the file goes."""
    server.content = CONTENT if command[0] == "fetch-weights" else EXPORT
    checksum = hashlib.sha256(server.content).hexdigest()
    target = tmp_path / "mine.pt"
    command = (*command, "-o", target, "--url")
    done = run(*command, server.url)
    assert done.code == 1 and "wanted one that begins with https:" in done.err
    for address in ("file:///etc/passwd", "data:,PK", "ftp://127.0.0.1/w.pt"):
        done = run(*command, address, "--allow-http")
        assert done.code == 1 and "wanted one that begins with https: or http:" in done.err
    done = run(*command, "https://me:secret@127.0.0.1/w.pt")
    assert done.code == 1 and "found a user name or password" in done.err
    assert "secret" not in done.err and not list(tmp_path.iterdir())
    done = run(*command, server.url, "--allow-http")
    assert (done.code, done.out.decode()) == (0, f"{checksum}  {target}\n")
    target.write_bytes(server.content[:-1])
    done = run(*command, server.url, "--allow-http")
    assert done.code == 1 and "as mine.pt.sha256 says" in done.err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--allow-http",), "--allow-http is for --url"),
        (("--sha256", "00"), "--sha256: found 00; wanted 64 hexadecimal digits"),
        (("-o", "-"), "not written to standard output"),
    ],
)
def test_command_refuses_options_that_make_no_sense(run, command, arguments, message):
    done = run(*command, *arguments)
    assert done.code == 2 and message in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_command_takes_no_folder_or_device(run, tmp_path, command):
    done = run(*command, "-o", tmp_path)
    assert done.code in (1, 2) and not list(tmp_path.iterdir())
    os.mkfifo(tmp_path / "pipe")
    done = run(*command, "-o", tmp_path / "pipe")
    assert done.code == 1 and "pipe: found a folder or a device; wanted a" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
