"""Weight files: where they are looked for, and their download from a server on this machine."""

import hashlib
import http.server
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tpspred.encoders import esm2_weights
from tpspred.errors import ModelError, TpspredError

CONTENT = bytes(range(256)) * 20_000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT. The server keeps the ranges of all requests, and knows how to misbehave."""

    def do_GET(self):
        wanted_range = self.headers.get("Range")
        self.server.wanted_ranges.append(wanted_range)
        begin = int(wanted_range[6:-1]) if wanted_range and self.server.has_ranges else 0
        if self.path != "/weights.pt":
            self.send_error(404)
        elif begin >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.end_headers()
        else:
            self.send_response(206 if begin else 200)
            self.send_header("Content-Length", str(len(CONTENT) - begin))
            self.end_headers()
            self.wfile.write(CONTENT[begin : begin + self.server.breaks_after])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.wanted_ranges = []
    running.has_ranges = True
    running.breaks_after = len(CONTENT)
    running.url = f"http://127.0.0.1:{running.server_port}/weights.pt"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_download_is_checked_recorded_and_counted(server, tmp_path):
    counts, totals = [], []
    target = tmp_path / "new/w.pt"
    checksum = esm2_weights.fetch(
        "esm2_t6_8M_UR50D",
        target,
        CHECKSUM,
        server.url,
        lambda count, total=None: (counts.append(count), totals.append(total)),
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
        esm2_weights.fetch("x", tmp_path / "w.pt", None, server.url)
    assert not (tmp_path / "w.pt").exists() and (tmp_path / "w.pt.part").stat().st_size == 1_000_000
    server.breaks_after = len(CONTENT)
    assert esm2_weights.fetch("x", tmp_path / "w.pt", None, server.url) == CHECKSUM
    assert server.wanted_ranges == [None, "bytes=1000000-"]


def test_server_without_ranges_sends_everything_again(server, tmp_path):
    server.has_ranges = False
    (tmp_path / "w.pt.part").write_bytes(b"something else")
    assert esm2_weights.fetch("x", tmp_path / "w.pt", None, server.url) == CHECKSUM


def test_complete_part_is_only_checked(server, tmp_path):
    (tmp_path / "w.pt.part").write_bytes(CONTENT)
    assert esm2_weights.fetch("x", tmp_path / "w.pt", CHECKSUM, server.url) == CHECKSUM


def test_file_with_a_wrong_checksum_is_deleted(server, tmp_path):
    with pytest.raises(ModelError, match=f"found a file with SHA-256 {CHECKSUM}; wanted 00"):
        esm2_weights.fetch("x", tmp_path / "w.pt", "00", server.url)
    assert not list(tmp_path.iterdir())


def test_error_names_the_wrong_address(server, tmp_path):
    with pytest.raises(TpspredError, match="none.pt: found HTTP status 404; wanted weights"):
        esm2_weights.fetch("x", tmp_path / "w.pt", None, server.url.replace("weights", "none"))
    server.shutdown()
    with pytest.raises(TpspredError, match="127.0.0.1:9/: the download was interrupted"):
        esm2_weights.fetch("x", tmp_path / "w.pt", None, "http://127.0.0.1:9/")


def test_command_fetches_once_and_prints_the_checksum(run, server, tmp_path, monkeypatch):
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path))
    for message in ("fetched", "is already there"):
        done = run("fetch-weights", "esm2_t6_8M_UR50D", "--url", server.url, "--sha256", CHECKSUM)
        target = tmp_path / "esm2_t6_8M_UR50D.pt"
        assert (done.code, done.out.decode()) == (
            0,
            f"{CHECKSUM}  {target}\n",
        ) and message in done.err
    assert len(server.wanted_ranges) == 1
    assert run("fetch-weights", "esm2_t6_8M_UR50D", "--sha256", "00").code == 1
    unknown = run("fetch-weights", "esm9")
    assert (
        unknown.code == 2 and "no ESM-2 is called esm9; there are esm2_t6_8M_UR50D" in unknown.err
    )


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


@given(content=st.binary(max_size=100))
def test_checksum_is_that_of_the_whole_file(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.pt"
    path.write_bytes(content * 30_000)  # up to three blocks
    assert esm2_weights.sha256(path) == hashlib.sha256(content * 30_000).hexdigest()
