"""Download a large file over HTTPS, continue after an interruption, and never join two files."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import email.utils
import fcntl
import hashlib
import http
import http.client
import io
import json
import os
import pathlib
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from email.message import Message
from typing import IO

from .. import __version__
from ..console import Advance, detail
from ..errors import InputError, TpspredError
from . import files
from .outputs import make_folder, open_text_output
from .paths import Path

BLOCK = 1 << 20  # bytes that are read at a time
TIMEOUT = 60  # seconds without an answer of the server
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")  # RFC 9110, 14.4
STRONG_TAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110, 8.8.3; a weak one has W/ before
SHOWN = 200  # characters of an address in a message


@contextlib.contextmanager
def download(
    address: str,
    target: Path,
    begins: bytes,
    wanted: str,
    allow_http: bool = False,
    progress: Advance = lambda count, total=None: None,
) -> Iterator[pathlib.Path]:
    """Download a file and give it to the block for checking; then it takes the place of the target.

    The bytes go to ``target.part``, and ``target.part.json`` says where they come from. If an
    earlier download was interrupted and the server still has the same file, it continues where
    that one stopped. If the block raises a TpspredError, the file is removed.

    Args:
        address: URL that begins with https:.
        target: Path of the finished file.
        begins: Bytes with which the file must begin.
        wanted: What the file should be, for messages.
        allow_http: Whether the address, or one that it leads to, may begin with http:.
        progress: Called with the number of bytes received and, once, ``total=`` bytes.

    Yields:
        Path of the whole file.

    Raises:
        TpspredError: If the address is not allowed or cannot be reached, the download ends early,
            the server sends something else, or another run is downloading the file.
    """
    schemes = ("https", "http") if allow_http else ("https",)
    check_address(address, schemes)
    make_folder(pathlib.Path(target).parent)
    with contextlib.closing(_Part(target)) as part:
        try:
            _receive(address, schemes, part, begins, wanted, progress)
        except urllib.error.HTTPError as error:
            error.close()
            raise TpspredError.at(shown(address), f"HTTP status {error.code}", wanted) from None
        except (OSError, http.client.HTTPException) as error:
            then = "continues it" if part.origin(address) else "starts again"
            raise TpspredError(
                f"{shown(address)}: the download was interrupted ({_reason(error)}); "
                f"the same command {then}"
            ) from None
        try:
            yield part.path
        except TpspredError:
            part.remove()  # otherwise the next run would check the wrong file again
            raise
        part.finish(target)


def check_address(address: str, schemes: tuple[str, ...]) -> None:
    """Refuse an address that is no URL, has another scheme, or contains a password.

    Args:
        address: URL.
        schemes: Schemes that are allowed, such as ``https``.

    Raises:
        TpspredError: If the address is refused. The message contains no password.
    """
    try:
        parts = urllib.parse.urlsplit(address)
        host = (parts.hostname or "").encode("idna")
        has_login = "@" in parts.netloc
        is_url = address.isascii() and address.isprintable() and " " not in address
        is_url = is_url and (parts.port is None or parts.port > 0)  # no number: ValueError
    except ValueError:
        is_url = False
    if not is_url:
        raise TpspredError.at("address of the download", "text that is no URL", "https://…")
    if parts.scheme not in schemes:
        found = f"an address that begins with {parts.scheme}:"
        allowed = " or ".join(f"{scheme}:" for scheme in schemes)
        raise TpspredError.at(
            shown(address),
            found if parts.scheme else "no scheme",
            f"one that begins with {allowed}",
        )
    if has_login or not host:
        found = "a user name or password" if has_login else "no server"
        raise TpspredError.at(shown(address), found, f"{parts.scheme}://SERVER/…")


def shown(address: str) -> str:
    """Return an address for messages, without user name, password and query, which may be secret.

    >>> shown("https://me:secret@example.org:8080/weights.pt?token=secret")
    'https://example.org:8080/weights.pt'
    """
    parts = urllib.parse.urlsplit(address)
    server = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit((parts.scheme, server, parts.path, "", ""))[:SHOWN]


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where the bytes of a part come from. Only bytes of one origin may be joined.

    Attributes:
        address: SHA-256 of the address, because the address itself may contain a secret.
        validator: Strong entity tag or date by which the server recognises the file.
        total: Length of the whole file, bytes; None if the server did not say it.
    """

    address: str
    validator: str
    total: int | None


class _Part:
    """What was received of a file so far, with the record of its origin; locked against other runs.

    Args:
        target: Path of the finished file.

    Attributes:
        path: Path of the part.

    Raises:
        TpspredError: If the part cannot be written, or another run is writing it.
    """

    def __init__(self, target: Path) -> None:
        self.path = pathlib.Path(f"{target}.part")
        self._record = pathlib.Path(f"{target}.part.json")
        try:
            # Without a buffer, so that closing the file cannot fail when the disk is full.
            self._handle = io.FileIO(self.path, "ab")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written: {error.strerror}") from None
        try:
            self._lock()
        except TpspredError:
            self._handle.close()
            raise

    def _lock(self) -> None:
        """Lock the part until it is closed, so that no second run can write it.

        Raises:
            TpspredError: If another run is writing it, or has just finished it.
        """
        busy = TpspredError.at(self.path, "another run that downloads it", "one run at a time")
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        except OSError as error:  # some cluster file systems have no locks
            detail("%s: not locked (%s); do not start a second run", self.path, error.strerror)
        if not self._is_in_place():  # the other run has finished since the file was opened here
            raise busy

    def size(self) -> int:
        """Return the number of bytes received."""
        return os.fstat(self._handle.fileno()).st_size

    def origin(self, address: str) -> Origin | None:
        """Return the origin of the bytes; None if it is not known, or is another address."""
        try:
            origin = Origin(**json.loads(self._record.read_text()))
            is_sound = origin.validator.isprintable() and isinstance(origin.total, int | None)
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        return origin if is_sound and origin.address == _digest(address) else None

    def start(self, origin: Origin) -> None:
        """Forget the bytes received, and note where the next ones come from.

        In this order, a record never belongs to other bytes, whenever the process is killed.
        """
        self._record.unlink(missing_ok=True)
        self._handle.truncate(0)
        if origin.validator:
            with open_text_output(self._record) as handle:
                json.dump(dataclasses.asdict(origin), handle)

    def append(self, block: bytes) -> None:
        """Write a block of bytes at the end."""
        rest = memoryview(block)
        while rest:
            rest = rest[self._handle.write(rest) :]

    def finish(self, target: Path) -> None:
        """Give the whole file its final name.

        Raises:
            InputError: If the target cannot be written.
        """
        self._record.unlink(missing_ok=True)
        try:
            os.replace(self.path, target)
        except OSError as error:
            raise InputError(f"{target}: cannot be written: {error.strerror}") from None

    def remove(self) -> None:
        """Remove the bytes received and their record."""
        self._record.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the part, and remove it if no later run can continue it."""
        if self._is_in_place() and not (self.size() and self._record.exists()):
            self.remove()
        self._handle.close()

    def _is_in_place(self) -> bool:
        """Return whether the part still has its name, and no other run has taken that."""
        try:
            return os.path.samefile(self._handle.fileno(), self.path)
        except FileNotFoundError:
            return False


def _receive(
    address: str,
    schemes: tuple[str, ...],
    part: _Part,
    begins: bytes,
    wanted: str,
    progress: Advance,
) -> None:
    """Receive a file, or what is missing of it.

    Raises:
        OSError, http.client.HTTPException: If the download ends early.
        TpspredError: If the server sends something else.
    """
    origin = part.origin(address)
    received = part.size()
    if origin and received == origin.total:
        progress(received, total=received)
        return
    rest = _open_rest(address, schemes, origin, received) if origin and received else None
    reply, total = rest or _open_whole(address, schemes, wanted)
    with reply:
        if rest is None:
            first = reply.read(BLOCK)
            if not first.startswith(begins) or _is_web_page(reply.headers):
                raise TpspredError.at(shown(address), _kind(first, reply.headers), wanted)
            part.start(Origin(_digest(address), _validator(reply.headers), total))
            part.append(first)
        progress(part.size(), total=total)
        while block := reply.read(BLOCK):
            part.append(block)
            progress(len(block))
    # Without a total, the reply came in chunks, and their end was seen.
    if total is not None and part.size() != total:
        raise OSError(f"{total - part.size()} bytes are missing")


Reply = tuple[http.client.HTTPResponse, int | None]  # reply, total length of the file


def _open_rest(
    address: str, schemes: tuple[str, ...], origin: Origin, received: int
) -> Reply | None:
    """Ask for the rest of a file; None if the server has another file now, or sends no ranges."""
    headers = {"Range": f"bytes={received}-", "If-Range": origin.validator}
    try:
        reply = _open(address, schemes, headers)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        error.close()  # the file is shorter now
        return None
    match = CONTENT_RANGE.fullmatch(reply.headers.get("Content-Range", "").strip())
    if reply.status == http.HTTPStatus.PARTIAL_CONTENT and match:
        first, last, total = map(int, match.groups())
        # A server that does not know If-Range sends the rest of whatever file it has.
        same = origin.validator in (reply.headers["ETag"], reply.headers["Last-Modified"])
        if same and first == received <= last < total == (origin.total or total):
            return reply, total
    reply.close()
    return None


def _open_whole(address: str, schemes: tuple[str, ...], wanted: str) -> Reply:
    """Ask for a whole file.

    Raises:
        TpspredError: If the reply is no file, or its end could not be recognised.
    """
    reply = _open(address, schemes, {})
    total = reply.length
    is_file = reply.status == http.HTTPStatus.OK
    if is_file and (total is not None or reply.chunked):
        return reply, total
    reply.close()
    found = "a reply without its length" if is_file else f"HTTP status {reply.status}"
    raise TpspredError.at(shown(address), found, wanted)


def _open(
    address: str, schemes: tuple[str, ...], headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    """Send a request and follow redirects.

    Raises:
        OSError, http.client.HTTPException: If the server cannot be reached or refuses.
        TpspredError: If a redirect leads to an address that is not allowed.
    """
    request = urllib.request.Request(
        address, headers={"User-Agent": f"tpspred/{__version__}", **headers}
    )
    return urllib.request.build_opener(_Redirects(schemes)).open(request, timeout=TIMEOUT)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to allowed addresses only.

    Args:
        schemes: Schemes that are allowed.
    """

    def __init__(self, schemes: tuple[str, ...]) -> None:
        self._schemes = schemes

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            check_address(newurl, self._schemes)
        except TpspredError as error:
            fp.close()
            raise TpspredError(f"redirected to {error}") from None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _digest(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def _validator(headers: Message) -> str:
    """Return what identifies a file on its server to the last byte, or '' if nothing does.

    A date does so only if it is older than the reply, because a file can change twice in a second
    (RFC 9110, 8.8.2.2).
    """
    tag = headers.get("ETag", "")
    if STRONG_TAG.fullmatch(tag):
        return tag
    modified = headers.get("Last-Modified", "")
    try:
        age = email.utils.parsedate_to_datetime(
            headers.get("Date", "")
        ) - email.utils.parsedate_to_datetime(modified)
    except (TypeError, ValueError):
        return ""
    is_certain = age >= datetime.timedelta(seconds=1) and modified.isprintable()
    return modified if is_certain else ""


def _is_web_page(headers: Message) -> bool:
    """Return whether the headers of a reply announce HTML."""
    return headers.get_content_type() == "text/html"


def _kind(first: bytes, headers: Message) -> str:
    """Return the kind of file that a server sent, recognised by its first bytes."""
    if _is_web_page(headers):
        return "a web page"
    return (files.kind_of(first) or files.UNKNOWN_KIND) if first else "an empty file"


def _reason(error: OSError | http.client.HTTPException) -> str:
    """Return the reason why a download stopped, without any text that the server sent."""
    if isinstance(error, http.client.IncompleteRead):
        return "the connection was closed too early"
    if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
        return "the reply is not HTTP"
    return str(getattr(error, "reason", None) or error)
