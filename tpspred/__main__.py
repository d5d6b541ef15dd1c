"""Run the command line: the command tpspred, and python -m tpspred."""

import gc
import os
import signal
import sys
from typing import NoReturn

# Objects that are made before Python looks for cycles of objects that nobody uses. Modules and
# records make many objects and hardly a cycle.
OBJECTS = 100_000


def main() -> NoReturn:
    """Run the command line and exit."""
    # While the command line is imported, Ctrl-C ends the process without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(OBJECTS)
    from . import cli

    try:
        cli.main()
    except SystemExit as stop:
        # All files are written and closed. To take numpy and h5py apart would take longer than to
        # read a model.
        sys.stderr.flush()
        os._exit(int(stop.code or 0))


if __name__ == "__main__":
    main()
