"""Bytes out: calls in the formats that people, pipelines and genome browsers read, and what evaluations found.

A writer of calls is made with an open text stream and the model, takes one call at a time, and is closed at the end.
"""

import contextlib
import importlib

from ..io import files

FORMATS = ("tsv", "gff3", "jsonl", "html")


@contextlib.contextmanager
def open_all(targets, predictor):
    """Writers for several targets, all of which appear when the block succeeds, and none before.

    Args:
        targets: List of (format, path or '-', further arguments of its writer).
        predictor: prediction.Predictor.

    Yields:
        Function that writes a call to all of them.
    """
    with contextlib.ExitStack() as stack:
        opened = [
            (name, stack.enter_context(files.open_text_output(target)), options)
            for name, target, options in targets
        ]
        writers = [
            importlib.import_module(f".{name}", __name__).Writer(handle, predictor, **options)
            for name, handle, options in opened
        ]

        def write(call):
            for writer in writers:
                writer.write(call)

        yield write
        for writer in writers:
            writer.close()
