"""Weight files: where they are looked for, and their download from a server on this machine."""

import hashlib
import os
import shutil
import subprocess

import file_server
import pytest
from file_server import CONTENT
from hypothesis import given
from hypothesis import strategies as st

from tpspred.encoders import esm2, esm2_weights
from tpspred.encoders.protocol import encoder_class
from tpspred.encoders.runtime import Runtime
from tpspred.errors import ModelError, TpspredError

CHECKSUM = hashlib.sha256(CONTENT).hexdigest()
OTHER_CHECKSUM = "0" * 64
PINNED = "esm2_t6_8M_UR50D"
NOT_PINNED = "esm2_t48_15B_UR50D"


@pytest.fixture
def server():
    with file_server.running() as running:
        yield running


def fetch(server, target, expected=None, name=NOT_PINNED, **options):
    """Download the file of the server."""
    return esm2_weights.fetch(name, target, expected, server.url, allow_http=True, **options)


def test_download_is_checked_recorded_and_counted(server, tmp_path):
    counts, totals = [], []
    target = tmp_path / "new/w.pt"
    checksum = fetch(
        server,
        target,
        CHECKSUM,
        progress=lambda count, total=None: (counts.append(count), totals.append(total)),
    )
    assert checksum == CHECKSUM == esm2_weights.sha256(target) and target.read_bytes() == CONTENT
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
    with pytest.raises(ModelError, match=f"found a file with SHA-256 {CHECKSUM}; wanted 00"):
        fetch(server, tmp_path / "w.pt", OTHER_CHECKSUM)
    assert not list(tmp_path.iterdir())


def test_released_file_must_have_its_known_checksum(server, tmp_path):
    """A mirror serves the released file; what is known to be another one has its own checksum."""
    target = tmp_path / "w.pt"
    pinned = esm2_weights.CHECKSUMS[PINNED]
    with pytest.raises(ModelError, match=f"found a file with SHA-256 {CHECKSUM}; wanted {pinned}"):
        fetch(server, target, name=PINNED)
    assert not list(tmp_path.iterdir())
    assert fetch(server, target, CHECKSUM, PINNED) == CHECKSUM
    with pytest.raises(ModelError, match=f"w.pt: found a file with .*; wanted {pinned}"):
        esm2_weights.adopt(PINNED, target)
    assert esm2_weights.adopt(PINNED, target, CHECKSUM.upper()) == CHECKSUM


def test_known_checksums_are_those_of_released_files():
    assert esm2_weights.CHECKSUMS.keys() == esm2_weights.SIZES.keys() - {NOT_PINNED}
    assert all(esm2_weights.CHECKSUM.fullmatch(text) for text in esm2_weights.CHECKSUMS.values())
    assert len(set(esm2_weights.CHECKSUMS.values())) == 5


def test_file_without_a_known_checksum_is_trusted_on_first_use_only(server, tmp_path):
    target = tmp_path / "w.pt"
    assert fetch(server, target) == CHECKSUM
    target.unlink()
    server.content = CONTENT[:-1]
    with pytest.raises(ModelError, match=f"found a file with SHA-256 .*; wanted {CHECKSUM}"):
        fetch(server, target)
    assert [path.name for path in tmp_path.iterdir()] == ["w.pt.sha256"]
    changed = hashlib.sha256(server.content).hexdigest()
    assert fetch(server, target, changed) == changed == esm2_weights.sha256(target)


def test_checksum_of_a_file_that_is_already_there_is_recorded(run, tmp_path):
    target, record = tmp_path / "w.pt", tmp_path / "w.pt.sha256"
    target.write_bytes(CONTENT)
    assert esm2_weights.adopt(NOT_PINNED, target) == CHECKSUM
    assert record.read_text() == f"{CHECKSUM}  w.pt\n"
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "-c", record], cwd=tmp_path, check=True, capture_output=True)
    record.unlink()
    record.symlink_to(tmp_path / "absent/record")  # a folder that cannot be written
    done = run("fetch-weights", NOT_PINNED, "-o", target)
    assert (done.code, done.out.decode()) == (0, f"{CHECKSUM}  {target}\n")
    assert "w.pt.sha256: cannot be written" in done.err
    assert "the checksum is not recorded" in done.err


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
    with pytest.raises(ModelError, match="w.pt: found SHA-256 .* as real.pt.sha256 says"):
        esm2_weights.sha256(link)


@pytest.mark.parametrize("text", [b"", b"\n", b"\xff\xfe", b"md5 w.pt", CHECKSUM.encode()[:-1]])
def test_record_without_a_checksum_is_refused(tmp_path, text):
    (tmp_path / "w.pt").write_bytes(CONTENT)
    (tmp_path / "w.pt.sha256").write_bytes(text)
    with pytest.raises(
        ModelError, match="w.pt.sha256: found a file without a checksum; wanted SHA"
    ):
        esm2_weights.sha256(tmp_path / "w.pt")


def test_what_cannot_be_read_has_no_checksum(tmp_path):
    with pytest.raises(ModelError, match="found a folder or a device; wanted a weight file"):
        esm2_weights.sha256(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelError, match="pipe: found a folder or a device"):
        esm2_weights.sha256(tmp_path / "pipe")
    (tmp_path / "w.pt").touch()
    (tmp_path / "w.pt.sha256").mkdir()
    with pytest.raises(ModelError, match="w.pt.sha256: cannot be read: Is a directory"):
        esm2_weights.sha256(tmp_path / "w.pt")


def test_error_names_the_wrong_address(server, tmp_path):
    none = server.url.replace("weights", "none")
    with pytest.raises(TpspredError, match="none.pt: found HTTP status 404; wanted weights"):
        esm2_weights.fetch(NOT_PINNED, tmp_path / "w.pt", None, none, allow_http=True)
    with pytest.raises(TpspredError, match="127.0.0.1:9/: the download was interrupted"):
        esm2_weights.fetch(
            NOT_PINNED, tmp_path / "w.pt", None, "http://127.0.0.1:9/", allow_http=True
        )


@pytest.mark.parametrize(
    "name",
    ["esm2_../../x", "../x", "/etc/x", "esm2_a/b", "esm2_a\\b", "esm2_a\tb", "esm2_ä", "", "."],
)
def test_names_that_are_no_words_are_refused(name, tmp_path, monkeypatch):
    """They would lead out of the folder of weights, or break the lines of a table."""
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path))
    for use in (
        esm2_weights.home,
        esm2_weights.locate,
        lambda name: esm2.ESM2Encoder(name, [], Runtime(weights="w.pt")),
        lambda name: esm2.ESM2Encoder.from_tree(
            {"name": name, "weights": {"sha256": CHECKSUM, "dimension": 32}}, []
        ),
    ):
        with pytest.raises(ModelError, match="encoder: found '.*'; wanted a name of letters"):
            use(name)


@pytest.mark.slow
def test_command_refuses_an_encoder_whose_name_is_a_path(run, tmp_path):
    assert encoder_class("esm2_../../x") is esm2.ESM2Encoder
    for name in ("esm2_../../x", "profile+esm2_../../x"):
        done = run("embed", "-", "-o", tmp_path / "s.h5", "--encoder", name, stdin=b">a\nMKV\n")
        assert done.code == 1 and "found 'esm2_../../x'; wanted a name of letters" in done.err


def test_command_fetches_once_and_prints_the_checksum(run, server, tmp_path, monkeypatch):
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


def test_command_writes_nothing_for_a_name_that_is_a_path(run, server, tmp_path, monkeypatch):
    folder = tmp_path / "a/b/c"
    folder.mkdir(parents=True)
    monkeypatch.setenv(esm2_weights.VARIABLE, str(folder))
    done = run("fetch-weights", "../../x", "--url", server.url, "--allow-http")
    assert done.code == 2 and "no ESM-2 is called ../../x" in done.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not server.wanted_ranges


def test_command_wants_https_unless_told(run, server, tmp_path):
    """--allow-http allows http: and nothing else; -o says where the file goes."""
    target = tmp_path / "mine.pt"
    command = ("fetch-weights", NOT_PINNED, "-o", target, "--url")
    done = run(*command, server.url)
    assert done.code == 1 and "wanted one that begins with https:" in done.err
    for address in ("file:///etc/passwd", "data:,PK", "ftp://127.0.0.1/w.pt"):
        done = run(*command, address, "--allow-http")
        assert done.code == 1 and "wanted one that begins with https: or http:" in done.err
    done = run(*command, "https://me:secret@127.0.0.1/w.pt")
    assert done.code == 1 and "found a user name or password" in done.err
    assert "secret" not in done.err and not list(tmp_path.iterdir())
    done = run(*command, server.url, "--allow-http")
    assert (done.code, done.out.decode()) == (0, f"{CHECKSUM}  {target}\n")
    target.write_bytes(CONTENT[:-1])
    done = run(*command, server.url, "--allow-http")
    assert done.code == 1 and "as mine.pt.sha256 says" in done.err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--allow-http",), "--allow-http is for --url"),
        (("--sha256", "00"), "--sha256: found 00; wanted 64 hexadecimal digits"),
        (("-o", "-"), "weights are not written to standard output"),
    ],
)
def test_command_refuses_options_that_make_no_sense(run, arguments, message):
    done = run("fetch-weights", NOT_PINNED, *arguments)
    assert done.code == 2 and message in done.err


def test_command_takes_no_folder_or_device_for_a_weight_file(run, tmp_path):
    done = run("fetch-weights", NOT_PINNED, "-o", tmp_path)
    assert done.code in (1, 2) and not list(tmp_path.iterdir())
    os.mkfifo(tmp_path / "pipe")
    done = run("fetch-weights", NOT_PINNED, "-o", tmp_path / "pipe")
    assert done.code == 1 and "pipe: found a folder or a device; wanted a weight file" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_weights_are_found_where_they_should_be(tmp_path, monkeypatch):
    name = "esm2_t6_8M_UR50D"
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(esm2_weights.VARIABLE, raising=False)
    cached = tmp_path / "torch/hub/checkpoints" / f"{name}.pt"
    with pytest.raises(
        ModelError, match=f"no weights at {cached}; run: tpspred fetch-weights {name}"
    ):
        esm2_weights.locate(name)
    with pytest.raises(
        ModelError, match="esm2_mine.pt; give --weights FILE, or one of esm2_t6_8M_UR50D"
    ):
        esm2_weights.locate("esm2_mine")
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert esm2_weights.locate(name) == cached and esm2_weights.home(name) == cached
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path))
    assert esm2_weights.locate(name) == cached
    assert esm2_weights.home(name) == tmp_path / f"{name}.pt"
    (tmp_path / f"{name}.pt").touch()
    assert esm2_weights.locate(name) == tmp_path / f"{name}.pt"
    (tmp_path / "one.pt").touch()
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path / "one.pt"))
    assert esm2_weights.locate(name) == tmp_path / "one.pt"
    assert esm2_weights.locate(name, cached) == cached
    with pytest.raises(ModelError, match="nowhere.pt; run: tpspred fetch-weights"):
        esm2_weights.locate(name, "nowhere.pt")
    monkeypatch.setenv(esm2_weights.VARIABLE, "nowhere")
    with pytest.raises(ModelError, match="TPSPRED_WEIGHTS: found nowhere, which does not exist"):
        esm2_weights.locate(name)


def test_weights_that_changed_since_they_were_fetched_are_refused(tiny_weights, tmp_path):
    path = tmp_path / "w.pt"
    path.write_bytes(tiny_weights.read_bytes())
    checksum = esm2_weights.sha256(path)
    (tmp_path / "w.pt.sha256").write_text(f"{checksum}  w.pt\n")
    assert esm2_weights.check(path, checksum.upper()) == checksum
    with pytest.raises(ModelError, match=f"w.pt: found a file with SHA-256 {checksum}; wanted 00"):
        esm2_weights.check(path, "00")
    path.write_bytes(tiny_weights.read_bytes() + b"x")
    with pytest.raises(ModelError, match="as w.pt.sha256 says"):
        esm2_weights.sha256(path)
    encoder = esm2.ESM2Encoder("esm2_tiny", [], Runtime(weights=str(path)))
    with pytest.raises(ModelError, match="as w.pt.sha256 says; fetch the file again, or delete"):
        encoder.ready()


@given(content=st.binary(max_size=100))
def test_checksum_is_that_of_the_whole_file(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(content * 30_000)  # up to three blocks
    assert esm2_weights.sha256(path) == hashlib.sha256(content * 30_000).hexdigest()
