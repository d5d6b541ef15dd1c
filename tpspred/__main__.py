"""Run the command line: the command tpspred, and python -m tpspred."""

import signal


def main() -> None:
    """Run the command line and exit."""
    # While the command line is imported, Ctrl-C ends the process without a traceback.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from . import cli

    cli.main()


if __name__ == "__main__":
    main()
