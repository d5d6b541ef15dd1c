"""Counts of one run for MultiQC, as custom content: one file for each of three plots.

The format is described at docs.seqera.io/multiqc/custom_content.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TextIO

from ..console import printable
from ..dataset.product_types import PRODUCT_TYPES
from ..io.paths import Path
from ..model.calls import RELATED, TPS, UNCERTAIN, Call
from ..model.predictor import Predictor
from . import UNPLACED, Output, Place, summary


class Section(NamedTuple):
    """One plot of the report.

    Attributes:
        plot: Kind of plot, as MultiQC calls it.
        title: Heading of the plot.
        description: Text below the heading.
        columns: Names of the counts; None for the ensembles of the model.
        prefix: What the names of the counts begin with in a summary.
    """

    plot: str
    title: str
    description: str
    columns: tuple[str, ...] | None
    prefix: str = ""


STATUS, PRODUCT_TYPE, ENSEMBLE = "status", "type", "ensemble"
SECTIONS = {
    STATUS: Section("generalstats", "tpspred", "Proteins by status", (TPS, UNCERTAIN, RELATED)),
    PRODUCT_TYPE: Section(
        "bargraph",
        "Terpene synthases by product type",
        "The most likely product type of every protein called tps.",
        tuple(PRODUCT_TYPES),
        f"{summary.PRODUCT_TYPE}:",
    ),
    ENSEMBLE: Section(
        "bargraph",
        "Terpene synthases by ensemble of products",
        "The called ensembles of every protein called tps, which may be several.",
        None,
        f"{summary.ENSEMBLE}:",
    ),
}


class Writer:
    """Counts the calls of every sample and writes the counts as one row for each at the end.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls.
        section: Name of the section, ``status``, ``type`` or ``ensemble``.
        sample_of: Name of the sample by input.
    """

    def __init__(
        self, handle: TextIO, predictor: Predictor, section: str, sample_of: Mapping[str, str]
    ) -> None:
        self._handle = handle
        self._section = section
        self._sample_of = sample_of
        self._ensembles = tuple(predictor.ensembles.values())
        self._tally = summary.Tally(sample_of)

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Count a call."""
        self._tally.add(call, place.source)

    def close(self) -> None:
        """Write the header and the counts."""
        section = SECTIONS[self._section]
        print(f'# id: "tpspred_{self._section}"', file=self._handle)
        print(f'# section_name: "{section.title}"', file=self._handle)
        print(f'# description: "{section.description}"', file=self._handle)
        print(f'# plot_type: "{section.plot}"', file=self._handle)
        columns = self._ensembles if section.columns is None else section.columns
        print("Sample", *columns, sep="\t", file=self._handle)
        for source, sample in self._sample_of.items():
            counts = self._tally.counts[source]
            cells = [counts[section.prefix + name] for name in columns]
            print(printable(sample), *cells, sep="\t", file=self._handle)


def sample_name(source: Path) -> str:
    """Return the name of a sample: that of the file without its endings, or stdin for '-'.

    >>> sample_name("data/E.coli.faa.gz"), sample_name("plant.faa.xz"), sample_name("-")
    ('E.coli', 'plant', 'stdin')
    """
    name = str(source).rsplit("/", 1)[-1].removesuffix(".gz").removesuffix(".xz")
    if name == "-":
        return "stdin"
    return name.rsplit(".", 1)[0] or name


def sample_names(sources: Sequence[str]) -> dict[str, str]:
    """Return a name for the sample of each input: all short, or the whole paths if two were alike.

    >>> sample_names(["a/p.faa", "b/q.faa"]), sample_names(["a/p.faa", "b/p.faa"])
    ({'a/p.faa': 'p', 'b/q.faa': 'q'}, {'a/p.faa': 'a/p.faa', 'b/p.faa': 'b/p.faa'})
    """
    names = {source: sample_name(source) for source in sources}
    alike = len(set(names.values())) < len(names)
    return {source: source for source in sources} if alike else names


def outputs(folder: str, sources: Sequence[str]) -> list[Output]:
    """Return the output files of one run, one for each section, with a row for each input.

    Those of a single input are named after it, so that many runs may share a folder.

    Args:
        folder: Folder to write to.
        sources: Input files, which give the samples their names.
    """
    prefix = f"{sample_name(sources[0])}_" if len(sources) == 1 else ""
    return [
        Output(
            f"{folder}/{prefix}tpspred_{section}_mqc.tsv",
            functools.partial(Writer, section=section, sample_of=sample_names(sources)),
        )
        for section in SECTIONS
    ]
