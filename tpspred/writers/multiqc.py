"""Counts of one run for MultiQC, as custom content: one file for each of two plots.

The format is described at docs.seqera.io/multiqc/custom_content.
"""

import collections
import functools
from typing import NamedTuple, TextIO

from ..dataset.product_types import PRODUCT_TYPES
from ..io.paths import Path
from ..model.calls import RELATED, TPS, UNCERTAIN, Call
from ..model.predictor import Predictor
from . import Output


class Section(NamedTuple):
    """One plot of the report.

    Attributes:
        plot: Kind of plot, as MultiQC calls it.
        title: Heading of the plot.
        description: Text below the heading.
        columns: Names of the counts.
    """

    plot: str
    title: str
    description: str
    columns: tuple[str, ...]


STATUS, PRODUCT_TYPE = "status", "type"
SECTIONS = {
    STATUS: Section("generalstats", "tpspred", "Proteins by status", (TPS, UNCERTAIN, RELATED)),
    PRODUCT_TYPE: Section(
        "bargraph",
        "Terpene synthases by product type",
        "The most likely product type of every protein called tps.",
        tuple(PRODUCT_TYPES),
    ),
}


class Writer:
    """Counts the calls of one sample and writes the counts as one row at the end.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls.
        section: Name of the section, ``status`` or ``type``.
        sample: Name of the sample.
    """

    def __init__(self, handle: TextIO, predictor: Predictor, section: str, sample: str) -> None:
        self._handle = handle
        self._section = section
        self._sample = sample
        self._counts: collections.Counter[str] = collections.Counter()

    def write(self, call: Call) -> None:
        """Count a call, by its status or by its product type."""
        if self._section == STATUS:
            self._counts[call.status] += 1
        elif call.status == TPS:
            self._counts[str(call.product_type)] += 1

    def close(self) -> None:
        """Write the header and the counts."""
        section = SECTIONS[self._section]
        print(f'# id: "tpspred_{self._section}"', file=self._handle)
        print(f'# section_name: "{section.title}"', file=self._handle)
        print(f'# description: "{section.description}"', file=self._handle)
        print(f'# plot_type: "{section.plot}"', file=self._handle)
        print("Sample", *section.columns, sep="\t", file=self._handle)
        counts = [self._counts[name] for name in section.columns]
        print(self._sample, *counts, sep="\t", file=self._handle)


def sample_name(source: Path) -> str:
    """Return the name of a sample: that of the file without its endings, or stdin for '-'.

    >>> sample_name("data/E.coli.faa.gz"), sample_name("-")
    ('E.coli', 'stdin')
    """
    name = str(source).rsplit("/", 1)[-1].removesuffix(".gz")
    if name == "-":
        return "stdin"
    return name.rsplit(".", 1)[0] or name


def outputs(folder: str, source: Path) -> list[Output]:
    """Return the output files of one run, one for each section.

    Args:
        folder: Folder to write to.
        source: Input file, which gives the sample its name.
    """
    sample = sample_name(source)
    return [
        Output(
            f"{folder}/{sample}_tpspred_{section}_mqc.tsv",
            functools.partial(Writer, section=section, sample=sample),
        )
        for section in SECTIONS
    ]
