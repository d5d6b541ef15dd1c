"""A server of one file on this machine, which can misbehave in many ways."""

import contextlib
import http.server
import threading

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 20_000  # begins as the files of torch do
LONG_AGO = "Fri, 02 Jan 2015 03:04:05 GMT"


class FileServer(http.server.ThreadingHTTPServer):
    """Serves its content at /weights.pt, and redirects from /moved.pt.

    Attributes:
        wanted_ranges: Header Range of every request so far.
        validators: Header If-Range of every request so far.
        other attributes: What it serves, and how it misbehaves.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.wanted_ranges = []
        self.validators = []
        self.content = CONTENT
        self.content_type = "application/octet-stream"
        self.tag = '"1"'
        self.modified = None
        self.location = ""
        self.breaks_after = None  # number of bytes after which the connection is closed
        self.length_by = "length"  # or chunks, or nothing
        self.has_ranges = True
        self.ignores_if_range = False
        self.sends_validators_of_rest = True
        self.content_range = None  # a wrong one
        self.sends_no_http = False
        self.url = f"http://127.0.0.1:{self.server_port}/weights.pt"

    def handle_error(self, request, client_address):
        """Say nothing when a client closes the connection."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        wanted_range, validator = self.headers.get("Range"), self.headers.get("If-Range")
        server.wanted_ranges.append(wanted_range)
        server.validators.append(validator)
        self.close_connection = True
        if server.sends_no_http:
            self.wfile.write(b"\x1b[2J what is this?\r\n")
            return
        if self.path == "/moved.pt":
            self.send_response(302)
            self.send_header("Location", server.location)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.partition("?")[0] != "/weights.pt":
            self.send_error(404)
            return
        is_same = server.ignores_if_range or validator in (server.tag, server.modified)
        if not (wanted_range and server.has_ranges and is_same):
            self.reply(0)
        elif int(wanted_range[6:-1]) < len(server.content):
            self.reply(int(wanted_range[6:-1]))
        else:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def reply(self, begin):
        """Send the content from a byte on."""
        server = self.server
        content = server.content
        self.send_response(206 if begin else 200)
        self.send_header("Content-Type", server.content_type)
        if begin:
            right = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", server.content_range or right)
        if not begin or server.sends_validators_of_rest:
            for name, value in (("ETag", server.tag), ("Last-Modified", server.modified)):
                if value:
                    self.send_header(name, value)
        sent = content[begin:]
        if server.breaks_after is not None:
            sent = sent[: server.breaks_after]
        if server.length_by == "length":
            self.send_header("Content-Length", str(len(content) - begin))
        if server.length_by == "chunks":
            self.send_header("Transfer-Encoding", "chunked")
            is_whole = len(sent) == len(content) - begin
            sent = b"%x\r\n%b\r\n" % (len(sent), sent) + b"0\r\n\r\n" * is_whole
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def running(tls=None):
    """Run a server in a thread.

    Args:
        tls: SSL context of an https server.
    """
    with FileServer() as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
            server.url = server.url.replace("http:", "https:")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
