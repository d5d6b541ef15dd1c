"""Published files: their download from a server on this machine, and records of checksums."""

import hashlib
import os
import shutil
import subprocess

import pytest
from file_server import CONTENT
from hypothesis import given
from hypothesis import strategies as st

from tpspred.errors import InputError, TpspredError
from tpspred.io import published

CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
OTHER_CHECKSUM = "0" * 64
KIND = published.Kind("an archive", b"PK\x03\x04", InputError)
NOWHERE = "https://example.org/archive"


def fetch(server, target, expected=None, known=None, **options):
    """Download the file of the server."""
    file = published.PublishedFile(server.url, KIND, known)
    return published.fetch(file, target, expected, allow_http=True, **options)


def test_download_is_checked_recorded_and_counted(server, tmp_path):
    counts, totals = [], []
    target = tmp_path / "new/w.pt"
    checksum = fetch(
        server,
        target,
        CHECKSUM,
        progress=lambda count, total=None: (counts.append(count), totals.append(total)),
    )
    assert checksum == CHECKSUM == published.sha256(target, KIND) and target.read_bytes() == CONTENT
    assert (tmp_path / "new/w.pt.sha256").read_text() == f"{CHECKSUM}  w.pt\n"
    assert sum(counts) == len(CONTENT) and totals[0] == len(CONTENT)
    assert sorted(path.name for path in target.parent.iterdir()) == ["w.pt", "w.pt.sha256"]


def test_interrupted_download_continues_where_it_stopped(server, tmp_path):
    server.breaks_after = 1_000_000
    with pytest.raises(
        TpspredError, match="download was interrupted .*the same command continues it"
    ):
        fetch(server, tmp_path / "w.pt")
    assert not (tmp_path / "w.pt").exists() and (tmp_path / "w.pt.part").stat().st_size == 1_000_000
    server.breaks_after = None
    assert fetch(server, tmp_path / "w.pt") == CHECKSUM
    assert server.wanted_ranges == [None, "bytes=1000000-"]


def test_server_without_ranges_sends_everything_again(server, tmp_path):
    server.has_ranges = False
    (tmp_path / "w.pt.part").write_bytes(b"something else")
    assert fetch(server, tmp_path / "w.pt") == CHECKSUM


def test_complete_part_of_unknown_origin_is_fetched_again(server, tmp_path):
    (tmp_path / "w.pt.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path / "w.pt", CHECKSUM) == CHECKSUM
    assert server.wanted_ranges == [None]


def test_file_with_a_wrong_checksum_is_deleted(server, tmp_path):
    with pytest.raises(InputError, match=f"found a file with SHA-256 {CHECKSUM}; wanted 00"):
        fetch(server, tmp_path / "w.pt", OTHER_CHECKSUM)
    assert not list(tmp_path.iterdir())


def test_published_file_must_have_its_known_checksum(server, tmp_path):
    """A mirror serves the published file; what is known to be another one has its own checksum."""
    target = tmp_path / "w.pt"
    file = published.PublishedFile(NOWHERE, KIND, OTHER_CHECKSUM)
    with pytest.raises(InputError, match=f"a file with SHA-256 {CHECKSUM}; wanted 0000"):
        published.fetch(file, target, address=server.url, allow_http=True)
    assert not list(tmp_path.iterdir())
    assert fetch(server, target, CHECKSUM, OTHER_CHECKSUM) == CHECKSUM
    with pytest.raises(InputError, match="w.pt: found a file with .*; wanted 0000"):
        published.adopt(file, target)
    assert published.adopt(file, target, CHECKSUM.upper()) == CHECKSUM


def test_file_without_a_known_checksum_is_trusted_on_first_use_only(server, tmp_path):
    target = tmp_path / "w.pt"
    assert fetch(server, target) == CHECKSUM
    target.unlink()
    server.content = CONTENT[:-1]
    with pytest.raises(InputError, match=f"found a file with SHA-256 .*; wanted {CHECKSUM}"):
        fetch(server, target)
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt.sha256"]
    changed = hashlib.sha256(server.content).hexdigest()
    assert fetch(server, target, changed) == changed == published.sha256(target, KIND)


def test_checksum_of_a_file_that_is_already_there_is_recorded(tmp_path, monkeypatch):
    file = published.PublishedFile(NOWHERE, KIND)
    target, record = tmp_path / "w.pt", tmp_path / "w.pt.sha256"
    target.write_bytes(CONTENT)
    assert published.adopt(file, target) == CHECKSUM
    assert record.read_text() == f"{CHECKSUM}  w.pt\n"
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", record], cwd=tmp_path, check=True, capture_output=True)
    record.unlink()
    record.symlink_to(tmp_path / "absent/record")  # a folder that cannot be written
    warnings = []
    monkeypatch.setattr(published, "warn", lambda text, *values: warnings.append(text % values))
    assert published.adopt(file, target) == CHECKSUM
    assert len(warnings) == 1 and "w.pt.sha256: cannot be written" in warnings[0]
    assert "the checksum is not recorded" in warnings[0]


def test_record_lies_beside_the_file_that_a_link_points_to(server, tmp_path):
    (tmp_path / "large").mkdir()
    link = tmp_path / "w.pt"
    link.symlink_to("large/real.pt")
    assert fetch(server, link) == CHECKSUM and link.is_symlink()
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == [
        "real.pt",
        "real.pt.sha256",
        "w.pt",
    ]
    link.write_bytes(b"changed")
    with pytest.raises(InputError, match="w.pt: found SHA-256 .* as real.pt.sha256 says"):
        published.sha256(link, KIND)


@pytest.mark.parametrize("text", [b"", b"\n", b"\xff\xfe", b"md5 w.pt", CHECKSUM.encode()[:-1]])
def test_record_without_a_checksum_is_refused(tmp_path, text):
    (tmp_path / "w.pt").write_bytes(CONTENT)
    (tmp_path / "w.pt.sha256").write_bytes(text)
    with pytest.raises(
        InputError, match="w.pt.sha256: found a file without a checksum; wanted SHA"
    ):
        published.sha256(tmp_path / "w.pt", KIND)


def test_what_cannot_be_read_has_no_checksum(tmp_path):
    with pytest.raises(InputError, match="found a folder or a device; wanted an archive"):
        published.sha256(tmp_path, KIND)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: found a folder or a device"):
        published.sha256(tmp_path / "pipe", KIND)
    (tmp_path / "w.pt").touch()
    (tmp_path / "w.pt.sha256").mkdir()
    with pytest.raises(InputError, match="w.pt.sha256: cannot be read: Is a directory"):
        published.sha256(tmp_path / "w.pt", KIND)


def test_error_names_the_wrong_address(server, tmp_path):
    file = published.PublishedFile(server.url, KIND)
    none = server.url.replace("weights", "none")
    with pytest.raises(TpspredError, match="none.pt: found HTTP status 404; wanted an archive"):
        published.fetch(file, tmp_path / "w.pt", address=none, allow_http=True)
    with pytest.raises(TpspredError, match="127.0.0.1:9/: the download was interrupted"):
        published.fetch(file, tmp_path / "w.pt", address="http://127.0.0.1:9/", allow_http=True)
    with pytest.raises(TpspredError, match="begins with http:; wanted one that begins with https:"):
        published.fetch(file, tmp_path / "w.pt")


def test_file_of_another_kind_is_refused(server, tmp_path):
    server.content = b"<html>Please log in.</html>"
    with pytest.raises(TpspredError, match="found HTML or XML; wanted an archive"):
        fetch(server, tmp_path / "w.pt")
    assert not list(tmp_path.iterdir())


def test_file_that_changed_since_it_was_fetched_is_refused(server, tmp_path):
    path = tmp_path / "w.pt"
    fetch(server, path)
    assert published.check(path, KIND, CHECKSUM.upper()) == CHECKSUM
    with pytest.raises(InputError, match=f"w.pt: found a file with SHA-256 {CHECKSUM}; wanted 00"):
        published.check(path, KIND, "00")
    path.write_bytes(CONTENT + b"x")
    with pytest.raises(InputError, match="as w.pt.sha256 says; fetch the file again, or delete"):
        published.sha256(path, KIND)


@given(content=st.binary(max_size=100))
def test_checksum_is_that_of_the_whole_file(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(content * 30_000)  # up to three blocks
    assert published.sha256(path, KIND) == hashlib.sha256(content * 30_000).hexdigest()
