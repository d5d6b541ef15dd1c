"""Download of weights, from a server of our own on this machine."""

import hashlib
import http.server
import threading

import pytest

from tpspred.encoders import esm2_weights
from tpspred.errors import ModelError, TpspredError

CONTENT = bytes(range(256)) * 20_000
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; what it was asked for, and how it misbehaves, is kept at the server."""

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        begin = int(asked[6:-1]) if asked and self.server.ranges else 0
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
    running.asked, running.ranges, running.breaks_after = [], True, len(CONTENT)
    running.url = f"http://127.0.0.1:{running.server_port}/weights.pt"
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_download_is_checked_recorded_and_counted(server, tmp_path):
    counts, totals = [], []
    target = tmp_path / "new/w.pt"
    found = esm2_weights.fetch(
        "esm2_t6_8M_UR50D",
        target,
        CHECKSUM,
        server.url,
        lambda count, total=None: (counts.append(count), totals.append(total)),
    )
    assert found == CHECKSUM == esm2_weights.sha256(target) and target.read_bytes() == CONTENT
    assert (tmp_path / "new/w.pt.sha256").read_text() == f"{CHECKSUM}  w.pt\n"
    assert sum(counts) == len(CONTENT) and totals[0] == len(CONTENT)
    assert sorted(path.name for path in target.parent.iterdir()) == ["w.pt", "w.pt.sha256"]


def test_broken_download_goes_on_where_it_ended(server, tmp_path):
    server.breaks_after = 1_000_000
    with pytest.raises(TpspredError, match="download broke off .*the same command goes on"):
        esm2_weights.fetch("x", tmp_path / "w.pt", None, server.url)
    assert not (tmp_path / "w.pt").exists() and (tmp_path / "w.pt.part").stat().st_size == 1_000_000
    server.breaks_after = len(CONTENT)
    assert esm2_weights.fetch("x", tmp_path / "w.pt", None, server.url) == CHECKSUM
    assert server.asked == [None, "bytes=1000000-"]


def test_server_without_ranges_sends_everything_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "w.pt.part").write_bytes(b"something else")
    assert esm2_weights.fetch("x", tmp_path / "w.pt", None, server.url) == CHECKSUM


def test_whole_part_is_only_checked(server, tmp_path):
    (tmp_path / "w.pt.part").write_bytes(CONTENT)
    assert esm2_weights.fetch("x", tmp_path / "w.pt", CHECKSUM, server.url) == CHECKSUM


def test_wrong_checksum_keeps_nothing(server, tmp_path):
    with pytest.raises(ModelError, match=f"found a file with SHA-256 {CHECKSUM}; wanted 00"):
        esm2_weights.fetch("x", tmp_path / "w.pt", "00", server.url)
    assert not list(tmp_path.iterdir())


def test_wrong_address_is_named(server, tmp_path):
    with pytest.raises(TpspredError, match="none.pt: found HTTP status 404; wanted weights"):
        esm2_weights.fetch("x", tmp_path / "w.pt", None, server.url.replace("weights", "none"))
    server.shutdown()
    with pytest.raises(TpspredError, match="127.0.0.1:9/: download broke off"):
        esm2_weights.fetch("x", tmp_path / "w.pt", None, "http://127.0.0.1:9/")


def test_command_fetches_once_and_prints_the_checksum(run, server, tmp_path, monkeypatch):
    monkeypatch.setenv(esm2_weights.VARIABLE, str(tmp_path))
    for said in ("fetched", "is already there"):
        done = run("fetch-weights", "esm2_t6_8M_UR50D", "--url", server.url, "--sha256", CHECKSUM)
        target = tmp_path / "esm2_t6_8M_UR50D.pt"
        assert (done.code, done.out.decode()) == (0, f"{CHECKSUM}  {target}\n") and said in done.err
    assert len(server.asked) == 1
    assert run("fetch-weights", "esm2_t6_8M_UR50D", "--sha256", "00").code == 1
    unknown = run("fetch-weights", "esm9")
    assert (
        unknown.code == 2 and "no ESM-2 is called esm9; there are esm2_t6_8M_UR50D" in unknown.err
    )
