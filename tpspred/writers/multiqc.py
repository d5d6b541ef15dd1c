"""Counts of one run as custom content of MultiQC (docs.seqera.io/multiqc/custom_content), a file for each of two plots."""

import collections

from ..dataset.product_types import PRODUCT_TYPES

STATUSES = ("tps", "uncertain", "related")
SECTIONS = {
    "status": ("generalstats", "tpspred", "Proteins by status"),
    "type": (
        "bargraph",
        "Terpene synthases by product type",
        "The most likely product type of every protein called tps.",
    ),
}


class Writer:
    """One row: a sample and its counts.

    Args:
        handle: Text stream.
        predictor: prediction.Predictor.
        section: ``status`` or ``type``.
        sample: Name of the sample.
    """

    def __init__(self, handle, predictor, section, sample):
        self._handle, self._section, self._sample, self._counts = (
            handle,
            section,
            sample,
            collections.Counter(),
        )

    def write(self, call):
        """Count a prediction.Call."""
        if self._section == "status":
            self._counts[call.status] += 1
        elif call.status == "tps":
            self._counts[call.product_type] += 1

    def close(self):
        """Write the counts."""
        plot, title, words = SECTIONS[self._section]
        columns = STATUSES if self._section == "status" else PRODUCT_TYPES
        print(
            f'# id: "tpspred_{self._section}"',
            f'# section_name: "{title}"',
            f'# description: "{words}"',
            f'# plot_type: "{plot}"',
            sep="\n",
            file=self._handle,
        )
        print("Sample", *columns, sep="\t", file=self._handle)
        print(self._sample, *(self._counts[name] for name in columns), sep="\t", file=self._handle)


def sample_name(source):
    """Name of a sample: that of the file without its endings, ``stdin`` for '-'.

    >>> sample_name("data/E.coli.faa.gz"), sample_name("-")
    ('E.coli', 'stdin')
    """
    name = str(source).rsplit("/", 1)[-1].removesuffix(".gz")
    return "stdin" if name == "-" else name.rsplit(".", 1)[0] or name


def targets(folder, source):
    """Files of a run in a folder: list of (``multiqc``, path, arguments of Writer)."""
    sample = sample_name(source)
    return [
        (
            "multiqc",
            f"{folder}/{sample}_tpspred_{section}_mqc.tsv",
            {"section": section, "sample": sample},
        )
        for section in SECTIONS
    ]
