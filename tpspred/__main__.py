"""Run the command line with ``python -m tpspred``."""

from .cli import main

main()
