"""Calls and tables as TSV, GFF3, JSON lines, HTML, GAF, MultiQC; imports from model and below."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TextIO

from ..io.outputs import open_text_outputs

if TYPE_CHECKING:
    from ..model.calls import Call
    from ..model.predictor import Predictor
    from .genome_lift import Lift

FORMATS = ("tsv", "gff3", "jsonl", "html", "gaf")
ROW_FORMATS = ("tsv", "jsonl")  # those that have a row or an object for every record
# Ending of the name of an output → its format.
ENDINGS = {
    ".tsv": "tsv",
    ".gff3": "gff3",
    ".gff": "gff3",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".html": "html",
    ".htm": "html",
    ".gaf": "gaf",
}


class Place(NamedTuple):
    """Where a protein comes from.

    Attributes:
        source: Input that it was read from, as the user named it.
        locus_group: Group of neighbouring genes of hits on a genome, such as ``chr1:1``; None if
            its gene is in none, or if there is no annotation.
        lift: Returns where its residues lie on a genome; None if that is not known.
    """

    source: str = "-"
    locus_group: str | None = None
    lift: Lift | None = None


UNPLACED = Place()  # of a call that did not come from an input of a command


class Writer(Protocol):
    """Writes calls in one format: it is given one call at a time and is closed after the last one.

    The constructor takes ``(handle, predictor, …)``: an open text stream, the model, and what the
    format needs besides. CONTRIBUTING.md says how to add a format.
    """

    def write(self, call: Call, place: Place = ...) -> None:
        """Write a call, or remember it until :meth:`close`."""
        ...

    def close(self) -> None:
        """Write what comes after the last call. The stream stays open."""
        ...


MakeWriter = Callable[[TextIO, "Predictor"], Writer]


@dataclasses.dataclass(frozen=True)
class Output:
    """One file to write calls to.

    Attributes:
        target: Path, or '-' for standard output.
        make_writer: Called with the open file and the model; returns the writer of the format.
    """

    target: str
    make_writer: MakeWriter


@contextlib.contextmanager
def open_all(outputs: Sequence[Output], predictor: Predictor) -> Iterator[Callable[..., None]]:
    """Open several outputs; all files appear when the block succeeds, and none before.

    They appear in the given order, so the last one is new only if all are. Nothing is written
    before the first call, so that an input that is refused leaves no header.

    Args:
        outputs: Files with their formats.
        predictor: Model that makes the calls.

    Yields:
        Function that writes a call to all outputs. If it came from an input of a command, its
        second argument is the place of the protein.
    """
    with open_text_outputs([output.target for output in outputs]) as handles:

        @functools.cache
        def writers() -> list[Writer]:
            return [
                output.make_writer(handle, predictor) for output, handle in zip(outputs, handles)
            ]

        def write(call: Call, place: Place = UNPLACED) -> None:
            for writer in writers():
                writer.write(call, place)

        yield write
        for writer in writers():
            writer.close()
