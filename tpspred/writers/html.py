"""Calls as one self-contained page: what was found, and the evidence for every called protein.

The template, style and script are ``resources/calls.html``, ``calls.css`` and ``calls.js``. The
template writes the overview. The script makes the rows from the data of
:mod:`tpspred.writers.evidence`, and the evidence of a protein when its row is unfolded.

Every text is escaped, also the names that come from the model, because a model may be a stranger's.
The page's own policy lets a browser run the script of the page, and load nothing else.
"""

import base64
import collections
import datetime
import hashlib
import importlib.resources
import os
import time
from collections.abc import Sequence
from typing import TextIO

from .. import __version__
from ..console import printable
from ..dataset.drawings import read_drawings
from ..dataset.product_types import PRODUCT_TYPES
from ..errors import InputError
from ..model.calls import CONFIDENCE, NOT_TPS, RELATED, TPS, UNCERTAIN, Call
from ..model.predictor import Predictor
from . import UNPLACED, Place, summary
from .evidence import FLAGS, REGIONS, TYPES, Evidence, ensemble_words

# What one and several proteins of each status are called, in the order of the page.
COUNTED = {
    TPS: ("terpene synthase", "terpene synthases"),
    UNCERTAIN: ("uncertain protein", "uncertain proteins"),
    RELATED: ("related enzyme", "related enzymes"),
}
NAMED_TYPES = 3  # product types in the sentence of the overview
SHOWN_ENSEMBLES = 8  # bars; the others are folded
STDIN = "standard input"


class Writer:
    """Gathers the called proteins of one run and writes the page at the end.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls.
        sources: Inputs, which the page names. If there are several, it counts the proteins of each.
        command: Command line that makes the page, or ''.
        place_columns: Attributes of a place that the rows have.
    """

    def __init__(
        self,
        handle: TextIO,
        predictor: Predictor,
        sources: Sequence[str] = (),
        command: str = "",
        place_columns: Sequence[str] = (),
    ) -> None:
        self._handle = handle
        self._sources = sources
        self._command = command
        self._date = today()
        self._tally = summary.Tally(sources)
        self._count_columns = summary.label_columns(predictor)
        self._model = predictor.name
        self._evidence = Evidence(predictor, place_columns)
        self._statuses: collections.Counter[str] = collections.Counter()
        self._types: collections.Counter[str] = collections.Counter()  # of synthases
        self._ensembles: collections.Counter[str] = collections.Counter()  # of synthases

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Count a protein and, if it is called, keep what the page shows of it."""
        self._statuses[call.status] += 1
        if len(self._sources) > 1:
            self._tally.add(call, place.source)
        if not call.is_called:
            return
        if call.status == TPS:
            self._types[str(call.product_type)] += 1
            self._ensembles.update(ensemble.name for ensemble in call.ensembles)
        self._evidence.add(call, place)

    def close(self) -> None:
        """Write the page."""
        import jinja2
        from markupsafe import Markup

        script = _resource("calls.js")
        environment = jinja2.Environment(
            autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
        )
        environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
        examples = read_drawings().ensembles
        types = [(name, self._types[name]) for name in PRODUCT_TYPES if self._types[name]]
        # A stranger's model may have other types.
        types += [pair for pair in self._types.items() if pair[0] not in PRODUCT_TYPES]
        called = {status: self._statuses[status] for status in COUNTED if self._statuses[status]}
        page = environment.from_string(_resource("calls.html")).render(
            script=Markup(script),
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            style=Markup(_resource("calls.css")),
            data=self._evidence.data(),
            title=_title(self._sources),
            sources=[STDIN if name == "-" else printable(name) for name in self._sources],
            command=printable(self._command),
            date=self._date,
            model=self._model,
            version=__version__,
            sentences=self._sentences(types),
            called=called,
            counted=COUNTED,
            not_tps=self._statuses[NOT_TPS],
            unscored=self._unscored(),
            types=[(name, TYPES.get(name, name), count) for name, count in types],
            ensembles=[
                (name, ensemble_words(name), count, examples.get(name))
                for name, count in self._ensembles.most_common()
            ],
            shown_ensembles=SHOWN_ENSEMBLES,
            inputs=self._inputs() if len(self._sources) > 1 else None,
            tiers=CONFIDENCE,
            flags=FLAGS,
            regions=REGIONS,
        )
        self._handle.write(page)
        self._handle.write("\n")

    def _sentences(self, types: Sequence[tuple[str, int]]) -> list[str]:
        """Return what was found, in sentences."""
        records = self._statuses.total()
        synthases = self._statuses[TPS]
        proteins = _number(records, "protein", "proteins")
        if not synthases:
            first = f"None of {proteins} is called a terpene synthase."
        elif synthases == 1:
            first = f"1 of {proteins} is called a terpene synthase."
        else:
            first = f"{synthases:,} of {proteins} are called terpene synthases."
        sentences = [first]
        if self._statuses[UNCERTAIN]:
            many = self._statuses[UNCERTAIN] > 1
            sentences.append(
                f"{self._statuses[UNCERTAIN]:,} more {'are' if many else 'is'} uncertain: too "
                "likely to leave out, not likely enough to call."
            )
        if self._statuses[RELATED]:
            related = _number(self._statuses[RELATED], *COUNTED[RELATED])
            makes = "make" if self._statuses[RELATED] > 1 else "makes"
            sentences.append(f"{related} {makes} prenyl diphosphates, squalene or phytoene.")
        if types:
            commonest = sorted(types, key=lambda pair: -pair[1])[:NAMED_TYPES]
            named = ", ".join(
                f"{TYPES.get(name, name).partition(' (')[0]} ({count:,})"
                for name, count in commonest
            )
            word = "types" if len(commonest) > 1 else "type"
            sentences.append(f"Most common product {word}: {named}.")
        return sentences

    def _unscored(self) -> str:
        """Return why proteins could not be scored, with their numbers; '' if all could."""
        others = [
            (status, count)
            for status, count in self._statuses.most_common()
            if status not in (*COUNTED, NOT_TPS)
        ]
        return ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in others)

    def _inputs(self) -> dict[str, object]:
        """Return the counts of every input, as the head and the rows of a table.

        Product types and ensembles that are 0 everywhere are left out.
        """
        shown = [summary.PROTEINS, *COUNTED]
        for column in self._count_columns:
            if any(counts[column] for counts in self._tally.counts.values()):
                shown.append(column)
        rows = [
            (STDIN if source == "-" else printable(source), [counts[column] for column in shown])
            for source, counts in self._tally.counts.items()
        ]
        return {"head": [name.rpartition(":")[2] for name in shown], "rows": rows}


def today() -> str:
    """Return the date of the page, in ISO 8601.

    The variable SOURCE_DATE_EPOCH, in seconds, replaces the date of today, so that a page can be
    made again byte by byte (reproducible-builds.org/specs/source-date-epoch).

    Raises:
        InputError: If the variable is no time.
    """
    seconds = os.environ.get("SOURCE_DATE_EPOCH", "")
    try:
        moment = int(seconds) if seconds else time.time()
        return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).date().isoformat()
    except (ValueError, OverflowError, OSError):
        raise InputError(
            f"SOURCE_DATE_EPOCH: found {seconds!r}; wanted seconds since 1970"
        ) from None


def _title(sources: Sequence[str]) -> str:
    """Return the heading of the page."""
    if len(sources) > 1:
        return f"Terpene synthases in {len(sources)} files"
    if not sources or sources[0] == "-":
        return "Terpene synthases"
    return f"Terpene synthases in {printable(os.path.basename(sources[0]))}"


def _number(count: int, one: str, several: str) -> str:
    """Return a number with its noun.

    >>> _number(1, "protein", "proteins"), _number(4363, "protein", "proteins")
    ('1 protein', '4,363 proteins')
    """
    return f"{count:,} {one if count == 1 else several}"


def _resource(name: str) -> str:
    """Return the text of a file of the package."""
    return importlib.resources.files("tpspred").joinpath(f"resources/{name}").read_text("utf-8")
