"""A process that imports tpspred once and forks a child for every command that it is asked to run.

A start of Python with torch takes seconds; a fork takes milliseconds. The child runs the real
command line on real files: it has its own limits, folder and descriptors, and calls
``tpspred.cli.main``. This file is a program. It reads one job per line from standard input, as JSON
with the fields of :class:`runner.Job`, and answers each with a line of JSON on standard output.
"""

import contextlib
import ctypes
import faulthandler
import importlib
import json
import os
import pathlib
import pkgutil
import resource
import select
import signal
import struct
import sys
import tempfile
import time
import warnings

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MIB = 1 << 20
BROKEN_STDOUT = 120  # exit status of Python if standard output cannot be flushed at the end
# inotify(7): what happens in a folder, and how an event is stored.
EVENTS = {"created": 0x100, "renamed": 0x80, "written": 0x2}
EVENT_HEADER = struct.Struct("iIII")


def main():
    """Answer jobs until standard input ends."""
    jobs = os.fdopen(os.dup(0), "r")
    answers = os.fdopen(os.dup(1), "w")
    for descriptor in (0, 1):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for a job with &
    sys.path[:1] = [str(ROOT), str(ROOT / "tests")]
    import_everything()
    print("ready", file=answers, flush=True)
    for line in jobs:
        print(json.dumps(answer(json.loads(line), [jobs, answers])), file=answers, flush=True)


def import_everything():
    """Import every module of the package, and load the bundled model once."""
    import gc

    import tpspred

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module in pkgutil.walk_packages(tpspred.__path__, "tpspred."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
        for name in ("esm", "rdkit.Chem", "rich.progress", "torch._dynamo"):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        from tpspred.model import checkpoint

        checkpoint.load()
    gc.collect()
    gc.freeze()  # so that a child copies fewer pages


def answer(job, to_close):
    """Run one job in a child and return what became of it (see :class:`runner.Outcome`)."""
    can_begin, begins = os.pipe()
    events = FolderEvents(job["watch"], EVENTS[job["event"]]) if job["watch"] else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # no thread runs in this process
        child = os.fork()
    if not child:
        os.close(can_begin)
        for stream in to_close:
            os.close(stream.fileno())
        os._exit(become(job, begins))
    os.close(begins)
    end = os.pidfd_open(child)
    before = float(os.read(can_begin, 100) or 0)  # waits until the command begins or has failed
    began = time.monotonic()
    deadline = began + job["seconds"]
    sent = None
    if job["signal"]:
        if events:
            events.wait(end, job["event_count"], deadline)
        select.select([end], [], [], job["after"])
        if not has_ended(end):
            sent = time.monotonic()
            os.kill(child, job["signal"])
    select.select([end], [], [], max(deadline - time.monotonic(), 0))
    timed_out = not has_ended(end)
    with contextlib.suppress(ProcessLookupError):  # also what the child has started
        os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    now = time.monotonic()
    for descriptor in (can_begin, end):
        os.close(descriptor)
    if events:
        events.close()
    return {
        "status": os.waitstatus_to_exitcode(status),
        "timed_out": timed_out,
        "seconds": now - began,
        "seconds_after_signal": None if sent is None else now - sent,
        "peak_mib": max(usage.ru_maxrss / 1024 - before, 0),
    }


def has_ended(pidfd):
    """Return whether a process has ended."""
    return bool(select.select([pidfd], [], [], 0)[0])


def resident():
    """Return the resident memory of this process in MiB."""
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MIB


def virtual():
    """Return the bytes of address space that this process uses."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def become(job, begins):
    """Turn this child into the command of a job, and return its exit status."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup and & ignore it
    signals = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # until the command begins
    os.environ.update(job["environment"])
    tempfile.tempdir = None
    os.chdir(job["folder"])
    redirect(job)
    set_limits(job)
    faulthandler.enable(2)  # so that the trace of a crash is kept
    sys.argv = ["tpspred", *job["arguments"]]
    entry = importlib.import_module(job["entry"])
    os.write(begins, str(resident()).encode())
    os.close(begins)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        entry.main()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except KeyboardInterrupt as error:
        if any("tpspred" in name for name in files_of(error.__traceback__)):
            sys.excepthook(*sys.exc_info())
        status = 128 + signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            status = BROKEN_STDOUT
    return status


def files_of(traceback):
    """Yield the paths inside the package of the frames of a traceback."""
    while traceback:
        path = traceback.tb_frame.f_code.co_filename
        yield path.removeprefix(str(ROOT)) if "reliability" not in path else ""
        traceback = traceback.tb_next


def redirect(job):
    """Open the standard streams of a job as a new process would find them."""
    if job["feed"]:
        replace(0, feed(job["stdin"], job["feed"]))
    else:
        replace(0, os.open(job["stdin"], os.O_RDONLY))
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    stdout = os.open(job["stdout"], write, 0o644)
    if job["reader_bytes"] is not None:
        stdout = leave_early(stdout, job["reader_bytes"])
    replace(1, stdout)
    replace(2, os.open(job["stderr"], write, 0o644))
    sys.stdin = sys.__stdin__ = os.fdopen(0, "r", closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(
        2, "w", errors="backslashreplace", buffering=1, closefd=False
    )


def replace(number, descriptor):
    """Give a descriptor another number."""
    os.dup2(descriptor, number)
    os.close(descriptor)


def feed(path, size):
    """Return a pipe into which a second child writes a file, some bytes at a time."""
    reads, writes = os.pipe()
    if not os.fork():
        os.close(reads)
        with contextlib.suppress(OSError), open(path, "rb") as source:
            while block := source.read(size):
                os.write(writes, block)
        os._exit(0)
    os.close(writes)
    return reads


def leave_early(target, count):
    """Return a pipe whose reader copies some bytes to a descriptor, and goes."""
    reads, writes = os.pipe()
    if not os.fork():
        os.close(writes)
        with open(reads, "rb", buffering=0) as source:
            while count > 0 and (block := source.read(count)):
                os.write(target, block)
                count -= len(block)
        os._exit(0)
    os.close(reads)
    os.close(target)
    return writes


def set_limits(job):
    """Set the limits of a job for this process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if job["file_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_bytes"], job["file_bytes"]))
    if job["user"] is not None:
        os.setgroups([])
        os.setgid(job["user"])
        os.setuid(job["user"])
    cpu_seconds = int(job["seconds"]) + 5
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    memory = virtual() + job["memory_mib"] * MIB
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


class FolderEvents:
    """What happens in a folder, as Linux tells it.

    Args:
        folder: Folder to watch.
        mask: Kind of event.
    """

    def __init__(self, folder, mask):
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if libc.inotify_add_watch(self._descriptor, os.fsencode(folder), mask) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), folder)

    def wait(self, end, count, deadline):
        """Wait for some events, for the end of a process, or for a time."""
        while count > 0:
            rest = max(deadline - time.monotonic(), 0)
            ready, _, _ = select.select([self._descriptor, end], [], [], rest)
            if self._descriptor not in ready:
                return
            data = os.read(self._descriptor, 65536)
            position = 0
            while position < len(data):
                *_, length = EVENT_HEADER.unpack_from(data, position)
                position += EVENT_HEADER.size + length
                count -= 1

    def close(self):
        """Stop watching."""
        os.close(self._descriptor)


if __name__ == "__main__":
    main()
