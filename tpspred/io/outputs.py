"""Write outputs that appear whole or not at all, and never destroy what is no plain file.

The path '-' means standard output. A target that is a plain file, or does not exist, is replaced
when everything is written; if it is a symbolic link, the file that it points to is replaced. A
pipe, a device or an open file such as /dev/stdout is written to, and never replaced.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import pathlib
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, TextIO

from .. import signals
from ..console import warn
from ..errors import InputError
from .paths import STANDARD_OUTPUT, Path, collision, output_descriptor

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

PREFIX = ".tpspred-"
TEMPORARY_NAME = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")  # as tempfile completes it
DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
IS_MOUNT_POINT = (errno.EBUSY, errno.EXDEV)  # why a rename fails, though the folder can be written


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[pathlib.Path]:
    """Give a temporary path to write to, and replace the target when the block succeeds.

    If the block fails, the temporary file is removed, and the target is as it was before. For
    standard output, a pipe or a device, the file is copied there when the block succeeds; this
    serves formats that need to seek.

    Raises:
        InputError: If the target cannot be written.
    """
    if _is_replaceable(target):
        with contextlib.ExitStack() as stack, _disk_may_be_full(target):
            replacement = _replacement(target, stack)
            yield replacement.path
            replacement.commit()
        return
    with tempfile.TemporaryDirectory(prefix="tpspred-") as folder:
        path = pathlib.Path(folder, "output")
        with _disk_may_be_full(folder):
            yield path
        with _named_errors(target), open(path, "rb") as written, _open_stream(target) as stream:
            shutil.copyfileobj(written, stream)
            stream.flush()


@contextlib.contextmanager
def open_text_output(target: Path) -> Iterator[TextIO]:
    """Open one text stream, as :func:`open_text_outputs` does."""
    with open_text_outputs([target]) as (handle,):
        yield handle


@contextlib.contextmanager
def open_text_outputs(targets: Sequence[Path]) -> Iterator[list[TextIO]]:
    """Open text streams in UTF-8, whose lines end in LF.

    Standard output, pipes and devices get the text at once. Files are replaced when the block
    succeeds: first all of them are written and closed, then one after the other is replaced, in
    the given order. If the process is killed in between and the last one is new, all are new.

    Raises:
        InputError: If a target cannot be written, or if two targets are the same file.
    """
    if message := collision(targets):
        raise InputError(message)
    with contextlib.ExitStack() as stack:
        replacements = []
        handles: list[TextIO] = []
        for target in targets:
            if output_descriptor(target) == STANDARD_OUTPUT:
                stack.enter_context(_disk_may_be_full("standard output"))
                handles.append(_standard_output())
                continue
            path = target
            if _is_replaceable(target):
                replacement = _replacement(target, stack)
                replacements.append(replacement)
                path = replacement.path
            handles.append(stack.enter_context(_open_text(path, target)))
        try:
            yield handles
        except BrokenPipeError:
            if replacements:
                raise InputError(
                    "the reader of one output has left: no other output is written"
                ) from None
            raise
        for handle in handles:
            if handle is sys.stdout:
                handle.flush()
            else:
                handle.close()
        with signals.deferred():
            for replacement in replacements:
                replacement.commit()


def check_target(target: Path) -> None:
    """Refuse a target that certainly cannot be written, before the work for it begins.

    Raises:
        InputError: If it is a folder, or a file that must not be written, or its folder does not
            exist or must not be written.
    """
    if not _is_replaceable(target):
        return
    folder = os.path.dirname(os.path.realpath(target))
    with _named_errors(target):
        with os.scandir(folder):
            pass
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def check_folder(path: Path) -> None:
    """Refuse a folder that certainly cannot be made or filled, before the work for it begins.

    Raises:
        InputError: If it is a file, or it, or the folder in which it would be made, must not be
            written.
    """
    existing = os.path.realpath(path)
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    code = 0
    if not os.path.isdir(existing):
        code = errno.ENOTDIR
    elif not os.access(existing, os.W_OK):
        code = errno.EACCES
    if code:
        raise InputError(f"{path}: cannot be made: {os.strerror(code)}")


def make_folder(path: Path) -> None:
    """Make a folder and its parents; do nothing if it exists.

    Raises:
        InputError: If the folder cannot be made.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be made: {error.strerror}") from None


def _is_replaceable(target: Path) -> bool:
    """Return whether a target is a plain file or does not exist.

    Raises:
        InputError: If the target is a folder, or a file that must not be written.
    """
    if output_descriptor(target) is not None:
        return False
    with _named_errors(target):
        if os.path.isdir(target) or str(target).endswith("/") or not str(target):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        try:
            mode = os.stat(target).st_mode
        except FileNotFoundError:
            return True
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return stat.S_ISREG(mode)


class _Replacement:
    """A temporary file that takes the place of a target.

    It lies in the folder of the target and is locked until its process ends, so that a later run
    recognises and removes what a killed run has left.

    Args:
        target: Path that is replaced.

    Attributes:
        path: Path of the temporary file.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._final = os.path.realpath(target)
        folder = os.path.dirname(self._final)
        with _named_errors(target):
            _remove_stale_files(folder)
            self._descriptor, name = _locked_file(folder)
        self.path = pathlib.Path(name)

    def commit(self) -> None:
        """Replace the target, and give the new file the owner and permissions of the old one."""
        with _named_errors(self._target):
            try:
                old = os.stat(self._final)
            except FileNotFoundError:
                # The temporary file is private; the output gets the permissions of any new file.
                mask = os.umask(0)
                os.umask(mask)
                os.chmod(self.path, 0o666 & ~mask)
            else:
                with contextlib.suppress(PermissionError):
                    os.chown(self.path, old.st_uid, old.st_gid)
                os.chmod(self.path, stat.S_IMODE(old.st_mode))
            try:
                os.replace(self.path, self._final)
            except OSError as error:
                if error.errno not in IS_MOUNT_POINT:
                    raise
                warn("%s is a mount point and cannot be replaced: overwriting it", self._target)
                shutil.copyfile(self.path, self._final)

    def close(self) -> None:
        """Remove the temporary file, if it has not taken the place of the target."""
        with signals.deferred():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            os.close(self._descriptor)


def _replacement(target: Path, stack: contextlib.ExitStack) -> _Replacement:
    """Make a temporary file, which is removed when a stack is closed."""
    with signals.deferred():
        return stack.enter_context(contextlib.closing(_Replacement(target)))


def _locked_file(folder: str) -> tuple[int, str]:
    """Make a new file in a folder and lock it.

    Returns:
        (descriptor, path).
    """
    while True:
        descriptor, path = tempfile.mkstemp(prefix=PREFIX, dir=folder)
        # Some cluster file systems have no locks; files of killed runs remain there.
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.path.exists(path):
            return descriptor, path
        os.close(descriptor)  # another run took it for a stale file before it was locked


def _remove_stale_files(folder: str) -> None:
    """Remove the temporary files that killed runs have left: those that no process locks."""
    with os.scandir(folder) as entries:
        stale = [entry.path for entry in entries if TEMPORARY_NAME.fullmatch(entry.name)]
    for path in stale:
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
            finally:
                os.close(descriptor)


class _OutputFile(io.FileIO):
    """A file whose errors name the output.

    Args:
        file: Path or descriptor to write to.
        target: Name of the output.
    """

    def __init__(self, file: Path | int, target: Path) -> None:
        super().__init__(file, "wb")
        self._target = target

    def write(self, data: ReadableBuffer) -> int:
        """Write bytes.

        Raises:
            InputError: If they cannot be written.
        """
        with _named_errors(self._target):
            return super().write(data)


@contextlib.contextmanager
def _open_text(path: Path, target: Path) -> Iterator[TextIO]:
    """Open a path for text, and close it in any case.

    Args:
        path: Path to write to.
        target: Name of the output for error messages.
    """
    descriptor = output_descriptor(target)
    with _named_errors(target):
        raw = _OutputFile(path if descriptor is None else os.dup(descriptor), target)
    handle = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", newline="\n"
    )
    try:
        yield handle
    except BaseException:
        # What is still in the buffer may not be writable either; the first error is reported.
        with contextlib.suppress(InputError, OSError):
            handle.close()
        raise
    handle.close()


@contextlib.contextmanager
def _open_stream(target: Path) -> Iterator[BinaryIO]:
    """Open standard output, a pipe or a device for bytes."""
    descriptor = output_descriptor(target)
    if descriptor == STANDARD_OUTPUT:
        yield _standard_output().buffer
        return
    with open(target if descriptor is None else os.dup(descriptor), "wb") as stream:
        yield stream


def _standard_output() -> TextIO:
    """Return standard output.

    Raises:
        InputError: If it is closed.
    """
    if sys.stdout is None:
        raise InputError("standard output is closed")
    return sys.stdout


@contextlib.contextmanager
def _named_errors(target: Path) -> Iterator[None]:
    """Turn any error of the operating system into one that names the output."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        name = "standard output" if target == "-" else target
        raise InputError(f"{name}: cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def _disk_may_be_full(target: Path) -> Iterator[None]:
    """Name the output if an error of the operating system says that there is no room for it."""
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_IS_FULL:
            raise
        raise InputError(f"{target}: cannot be written: {error.strerror}") from None
