"""Downloads from a server on this machine that cuts, changes, redirects and lies."""

import fcntl
import json
import os
import random
import resource
import shutil
import ssl
import subprocess

import file_server
import pytest
from file_server import CONTENT, LONG_AGO

from tpspred.errors import InputError, TpspredError
from tpspred.io import download

CHANGED = CONTENT[:4] + CONTENT[4:][::-1]  # as long, and different almost everywhere
CUT = 2_000_000


@pytest.fixture
def target(tmp_path):
    return tmp_path / "w.pt"


def fetch(server, target, address=None, **options):
    """Download the file of the server and return what has arrived."""
    options = {"allow_http": True} | options
    address = address or server.url
    with download.download(address, target, b"PK\x03\x04", "weights", **options) as path:
        assert path.name == "w.pt.part" and not target.exists()
    return target.read_bytes()


def fetch_part(server, target, address=None):
    """Let a download be interrupted after CUT bytes."""
    server.breaks_after = CUT
    with pytest.raises(TpspredError, match=f"interrupted .*{len(CONTENT) - CUT} bytes are missing"):
        fetch(server, target, address)
    server.breaks_after = None
    server.wanted_ranges.clear()
    server.validators.clear()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_finished_download_leaves_one_file(server, tmp_path):
    counts, totals = [], []
    target = tmp_path / "new/folder/w.pt"
    arrived = fetch(
        server,
        target,
        progress=lambda count, total=None: (counts.append(count), totals.append(total)),
    )
    assert arrived == CONTENT and names(target.parent) == ["w.pt"]
    assert sum(counts) == len(CONTENT) and set(totals) == {len(CONTENT), None}


@pytest.mark.parametrize("tag, modified", [('"1"', None), (None, LONG_AGO), ('W/"1"', LONG_AGO)])
def test_interrupted_download_continues_with_the_validator_of_its_first_reply(
    server, target, tag, modified
):
    server.tag, server.modified = tag, modified
    fetch_part(server, target)
    assert names(target.parent) == ["w.pt.part", "w.pt.part.json"]
    counts = []
    arrived = fetch(server, target, progress=lambda count, total=None: counts.append(count))
    assert arrived == CONTENT and names(target.parent) == ["w.pt"]
    assert server.wanted_ranges == [f"bytes={CUT}-"]
    assert server.validators == [modified or tag]
    assert counts[0] == CUT and sum(counts) == len(CONTENT)


@pytest.mark.parametrize(
    "tag, modified", [(None, None), ('W/"1"', None), ("1", None), (None, "now"), (None, "gestern")]
)
def test_without_a_strong_validator_a_download_starts_again(server, target, tag, modified):
    """A weak tag, or a date as young as the reply, may belong to two files."""
    server.tag = tag
    server.modified = "Fri, 02 Jan 2115 03:04:05 GMT" if modified == "now" else modified
    server.breaks_after = CUT
    with pytest.raises(TpspredError, match="the same command starts again"):
        fetch(server, target)
    assert not names(target.parent)
    server.breaks_after = None
    assert fetch(server, target) == CONTENT
    assert server.wanted_ranges == [None, None] and server.validators == [None, None]


@pytest.mark.parametrize(
    "misbehaviour",
    [
        {"tag": '"2"'},
        {"tag": '"2"', "ignores_if_range": True},
        {"tag": None, "ignores_if_range": True},
        {"ignores_if_range": True, "sends_validators_of_rest": False},
        {"content_range": f"bytes {CUT + 1}-{len(CONTENT) - 1}/{len(CONTENT)}"},
        {"content_range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"},
        {"content_range": f"bytes {CUT}-{len(CONTENT) - 2}/{len(CONTENT) - 1}"},
        {"content_range": f"bytes {CUT}-{len(CONTENT)}/{len(CONTENT)}"},
        {"content_range": f"bytes {CUT}-{len(CONTENT) - 1}/*"},
        {"content_range": "bytes"},
        {"has_ranges": False},
    ],
)
def test_halves_of_two_files_are_never_joined(server, target, misbehaviour):
    fetch_part(server, target)
    server.content = CHANGED
    for name, value in misbehaviour.items():
        setattr(server, name, value)
    assert fetch(server, target) == CHANGED
    assert server.wanted_ranges == [f"bytes={CUT}-", None]


def test_random_interruptions_and_changes_give_one_file_or_the_other(server, target):
    for seed in range(30):
        rng = random.Random(seed)
        server.ignores_if_range = rng.random() < 0.5
        server.length_by = rng.choice(["length", "chunks"])
        arrived = None
        while arrived is None:
            if rng.random() < 0.3:
                server.content, server.tag = rng.choice([(CONTENT, '"1"'), (CHANGED, '"2"')])
            server.breaks_after = rng.choice([None, rng.randrange(len(CONTENT))])
            try:
                arrived = fetch(server, target)
            except TpspredError as error:
                assert "interrupted" in str(error) or "found an empty file" in str(error)
        assert arrived in (CONTENT, CHANGED)
        target.unlink()


def test_part_of_another_address_is_not_continued(server, target):
    fetch_part(server, target)
    assert fetch(server, target, f"{server.url}?file=2") == CONTENT
    assert server.wanted_ranges == [None]


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.unlink(),
        lambda record: record.write_text("[]"),
        lambda record: record.write_text("{"),
        lambda record: record.write_bytes(b"\xff"),
        lambda record: record.write_text(json.dumps(json.loads(record.read_text()) | {"x": 1})),
        *(
            lambda record, key=key, value=value: record.write_text(
                json.dumps(json.loads(record.read_text()) | {key: value})
            )
            for key, value in (("total", "9"), ("validator", 5), ("validator", '"1"\r\nX: y'))
        ),
    ],
)
def test_part_without_a_sound_record_is_not_continued(server, target, change):
    fetch_part(server, target)
    change(target.parent / "w.pt.part.json")
    assert fetch(server, target) == CONTENT
    assert server.wanted_ranges == [None]


def test_file_that_became_shorter_is_fetched_whole(server, target):
    """The server answers 416, which never means that the part is complete."""
    fetch_part(server, target)
    server.content, server.ignores_if_range = CONTENT[:CUT], True
    assert fetch(server, target) == CONTENT[:CUT]
    assert server.wanted_ranges == [f"bytes={CUT}-", None]


def test_complete_part_is_given_without_a_request(server, target):
    """A run was killed after the last byte, and before it gave the file its name."""
    with (
        pytest.raises(KeyboardInterrupt),
        download.download(server.url, target, b"PK", "weights", True),
    ):
        raise KeyboardInterrupt
    assert (target.parent / "w.pt.part").read_bytes() == CONTENT
    server.wanted_ranges.clear()
    assert fetch(server, target) == CONTENT and not server.wanted_ranges


def test_file_that_the_caller_refuses_is_removed(server, target):
    with (
        pytest.raises(TpspredError, match="wrong"),
        download.download(server.url, target, b"PK", "weights", True),
    ):
        raise TpspredError("wrong")
    assert not names(target.parent)


def test_reply_in_chunks_that_is_cut_is_continued(server, target):
    server.length_by, server.breaks_after = "chunks", CUT
    with pytest.raises(TpspredError, match="connection was closed too early.*continues it"):
        fetch(server, target)
    server.breaks_after = None
    kept = (target.parent / "w.pt.part").stat().st_size
    assert 0 < kept <= CUT and fetch(server, target) == CONTENT
    assert server.wanted_ranges == [None, f"bytes={kept}-"]


def test_reply_whose_end_cannot_be_recognised_is_refused(server, target):
    server.length_by, server.breaks_after = "nothing", CUT
    with pytest.raises(TpspredError, match="found a reply without its length; wanted weights"):
        fetch(server, target)
    assert not names(target.parent)


@pytest.mark.parametrize(
    "content, content_type, found",
    [
        (CONTENT, "text/html; charset=utf-8", "a web page"),
        (b"<!DOCTYPE html><p>Log in first", "application/octet-stream", "HTML or XML"),
        (b'{"error": 1}', "application/json", "JSON"),
        (b"\x80\x02}q\x00.", "application/octet-stream", "a file of another kind"),
        (b"", "application/octet-stream", "an empty file"),
    ],
)
def test_what_is_no_weight_file_is_refused(server, target, content, content_type, found):
    """Such as the page of a network that wants a login. It leaves a part that was there before."""
    fetch_part(server, target)
    part = (target.parent / "w.pt.part").read_bytes()
    server.content, server.content_type, server.tag = content, content_type, '"2"'
    with pytest.raises(TpspredError, match=f"weights.pt: found {found}; wanted weights"):
        fetch(server, target)
    assert (target.parent / "w.pt.part").read_bytes() == part
    (target.parent / "w.pt.part.json").unlink()
    with pytest.raises(TpspredError, match=found):
        fetch(server, target)
    assert not names(target.parent)


@pytest.mark.parametrize(
    "address, message",
    [
        ("http://example.org/w.pt", "w.pt: found an address that begins with http:; wanted one "),
        ("file:///etc/passwd", "begins with file:"),
        ("FILE:///etc/passwd", "begins with file:"),
        ("ftp://example.org/w.pt", "begins with ftp:"),
        ("data:text/html,PK", "begins with data:"),
        ("example.org/w.pt", "found no scheme"),
        ("https:///w.pt", "found no server"),
        ("https://[::1/w.pt", "found text that is no URL"),
        ("https://example.org:x/", "found text that is no URL"),
        ("https://example.org/ä", "found text that is no URL"),
        ("https://example.org/a b", "found text that is no URL"),
        ("https://example.org/a\nb", "found text that is no URL"),
        (f"https://{'a' * 70}.org/", "found text that is no URL"),
        ("https://me:secret@example.org/w.pt", "https://example.org/w.pt: found a user name or"),
        ("http://me:secret@example.org/w.pt", "http://example.org/w.pt: found an address that"),
        ("https://me:secret@[", "found text that is no URL"),
    ],
)
def test_addresses_that_are_refused(target, address, message):
    with pytest.raises(TpspredError) as error:
        fetch(None, target, address, allow_http=False)
    assert message in str(error.value) and "secret" not in str(error.value)
    if not address.startswith("http:"):
        with pytest.raises(TpspredError) as error:
            fetch(None, target, address)
        assert message in str(error.value) and "secret" not in str(error.value)
    assert not names(target.parent)


def test_message_keeps_the_query_to_itself(server, target):
    with pytest.raises(TpspredError, match="none.pt: found HTTP status 404; wanted w") as error:
        fetch(server, target, f"{server.url.replace('weights', 'none')}?token=secret")
    assert "secret" not in str(error.value)
    fetch_part(server, target, f"{server.url}?token=secret")
    assert "secret" not in (target.parent / "w.pt.part.json").read_text()


def test_redirect_is_followed_and_continued(server, target):
    server.location = server.url
    moved = server.url.replace("weights", "moved")
    fetch_part(server, target, moved)
    assert fetch(server, target, moved) == CONTENT
    assert server.wanted_ranges == [f"bytes={CUT}-"] * 2


@pytest.mark.parametrize(
    "location, message",
    [
        ("ftp://127.0.0.1/weights.pt", "redirected to ftp://127.0.0.1/weights.pt: found an addr"),
        ("file:///etc/passwd", "HTTP status 302"),
        ("data:,PK", "HTTP status 302"),
        ("http://me:secret@127.0.0.1/", "redirected to http://127.0.0.1/: found a user name"),
        ("/moved.pt", "HTTP status 302"),
    ],
)
def test_redirects_that_are_refused(server, target, location, message):
    server.location = location
    with pytest.raises(TpspredError) as error:
        fetch(server, target, server.url.replace("weights", "moved"))
    assert message in str(error.value) and "secret" not in str(error.value)
    assert not names(target.parent)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate of this machine, signed by itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    certificate = tmp_path_factory.mktemp("tls") / "certificate.pem"
    key = certificate.with_name("key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        + ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_https_is_verified_and_not_left_by_a_redirect(server, target, certificate, monkeypatch):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*certificate)
    with file_server.running(tls) as secure:
        with pytest.raises(TpspredError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(secure, target, allow_http=False)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert fetch(secure, target, allow_http=False) == CONTENT
        target.unlink()
        secure.location = server.url
        moved = secure.url.replace("weights", "moved")
        with pytest.raises(TpspredError, match="redirected to http:.*; wanted one that begins wi"):
            fetch(secure, target, moved, allow_http=False)
        assert not names(target.parent) and not server.wanted_ranges
        assert fetch(secure, target, moved) == CONTENT


def test_server_that_cannot_be_reached_or_speaks_no_http(server, target):
    server.sends_no_http = True
    with pytest.raises(TpspredError, match=r"interrupted \(the reply is not HTTP\)"):
        fetch(server, target)
    with pytest.raises(TpspredError, match="127.0.0.1:9/: the download was interrupted"):
        fetch(server, target, "http://127.0.0.1:9/")
    assert not names(target.parent)


def test_second_run_does_not_write_the_same_part(server, target):
    fetch_part(server, target)
    part = target.parent / "w.pt.part"
    with open(part, "rb") as first_run:
        fcntl.flock(first_run, fcntl.LOCK_SH)
        with pytest.raises(TpspredError, match="w.pt.part: found another run that downloads it"):
            fetch(server, target)
    assert part.stat().st_size == CUT and fetch(server, target) == CONTENT


def test_file_that_another_run_has_just_finished_is_left_alone(server, target, monkeypatch):
    """The other run renames the file between its opening and its locking here."""
    fetch_part(server, target)
    part = target.parent / "w.pt.part"
    flock = fcntl.flock

    def late(handle, operation):
        os.replace(part, target)
        flock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(TpspredError, match="found another run that downloads it"):
        fetch(server, target)
    assert target.read_bytes() == CONTENT[:CUT]


def test_full_disk_interrupts_a_download(server, target):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CUT, hard))
    try:
        with pytest.raises(TpspredError, match="interrupted .*File too large.*continues it"):
            fetch(server, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (target.parent / "w.pt.part").stat().st_size == CUT
    assert fetch(server, target) == CONTENT and server.wanted_ranges[-1] == f"bytes={CUT}-"


def test_targets_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: cannot be made: File exists"):
        fetch(server, tmp_path / "file/w.pt")
    (tmp_path / "w.pt.part").mkdir()
    with pytest.raises(InputError, match="w.pt.part: cannot be written: Is a directory"):
        fetch(server, tmp_path / "w.pt")
    (tmp_path / "w.pt.part").rmdir()
    (tmp_path / "w.pt").mkdir()
    with (
        pytest.raises(InputError, match="w.pt: cannot be written: Is a directory"),
        download.download(server.url, tmp_path / "w.pt", b"PK", "weights", True),
    ):
        pass
