"""Calls as one self-contained page.

It shows counts of the proteome, a table that can be sorted and filtered, and the evidence of every
call: domains and motifs, probabilities beside thresholds, and the nearest enzymes.

Every text is escaped, also the names that come from the model, because a model may be a stranger's.
The page's own policy lets a browser run the script of the template, and load nothing else.
"""

import base64
import collections
import hashlib
import importlib.resources
import math
import re
import string
import urllib.parse
from collections.abc import Iterator, Sequence
from html import escape
from typing import TextIO

from .. import __version__
from ..console import printable
from ..dataset.product_types import PRODUCT_TYPES
from ..dataset.products import product_of
from ..family import motifs
from ..family.motifs import MotifHit
from ..family.profiles import DomainHit
from ..model.calls import RELATED, Call
from ..model.neighbours import Neighbour
from ..model.predictor import Predictor
from . import UNPLACED, Place, summary
from .identifiers import describe
from .tables import number

TEMPLATE = "resources/calls.html"
# Accessions as UniProt describes them (uniprot.org/help/accession_numbers); any other is GenBank's.
UNIPROT = re.compile(r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}", re.ASCII)
STATUSES = {"tps": "terpene synthases", "uncertain": "uncertain", "related": "related enzymes"}
AGREES = {True: "yes", False: "no", None: "nothing called"}
SHOWN_LABELS = 8  # ensembles of each protein, or more if more are called
# The picture of a protein, in SVG units: its width, the height of the line that is the protein, and
# the height of a domain. A letter of its text is about 6.4 wide.
WIDTH = 900
TRACK_Y = 34
DOMAIN_HEIGHT = 20
HALF_LETTER = 3.2
TEXT_LINES = 3  # below the picture, so that the names of close motifs do not overlap
LEGEND = (
    "Status <b>tps</b>: a terpene synthase, at a probability at which 99 % of calls on held-out "
    "look-alikes were right;\n"
    "<b>uncertain</b>: too likely to leave out, not likely enough to call; <b>related</b>: a "
    "prenyl diphosphate, squalene or phytoene\n"
    "synthase. Bars are calibrated probabilities, the upright line is the threshold from which on "
    "an ensemble is called, and bold is\n"
    "called, with a word for the probability: confident (0.8 or more), likely (0.5 or more) or "
    "possible.\n"
    "On the track, boxes are domains; a filled triangle is an intact motif, an open one an altered "
    "motif, a dot a residue that\n"
    "binds magnesium. “Typical identity” is the median identity of characterised enzymes that "
    "are as similar as the protein is to\n"
    "its neighbour, by the model's own measure."
)


class Writer:
    """Gathers the called proteins of one run and writes the page at the end.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls.
        sources: Inputs that the page tells apart, if there are several: it then counts the proteins
            of each, and shows beside a protein where it is from.
    """

    def __init__(self, handle: TextIO, predictor: Predictor, sources: Sequence[str] = ()) -> None:
        self._handle = handle
        self._sources = sources
        self._tally = summary.Tally(sources)
        self._count_columns = summary.label_columns(predictor)
        self._model = predictor.name
        self._thresholds = predictor.calibration.thresholds
        self._ensembles = {
            i: label.name for i, label in enumerate(predictor.labels) if label.group == "ensemble"
        }
        self._records = 0
        self._rows: list[str] = []
        self._statuses: collections.Counter[str] = collections.Counter()
        self._types: collections.Counter[str] = collections.Counter()  # of all called proteins
        self._synthase_types: collections.Counter[str] = collections.Counter()  # without related
        self._called_ensembles: collections.Counter[str] = collections.Counter()

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Count a protein and, if it is called, make its row."""
        self._records += 1
        if self._sources:
            self._tally.add(call, place.source)
        if not call.is_called:
            return
        product_type = str(call.product_type)
        self._statuses[call.status] += 1
        self._types[product_type] += 1
        if call.status != RELATED:
            self._synthase_types[product_type] += 1
            self._called_ensembles.update(ensemble.name for ensemble in call.ensembles)
        source = printable(place.source) if self._sources else ""
        self._rows.append(self._row(call, product_type, source))

    def close(self) -> None:
        """Write the page."""
        template = importlib.resources.files("tpspred").joinpath(TEMPLATE).read_text("utf-8")
        model = escape(self._model)
        subtitle = f"{self._records} proteins · model {model} · tpspred {__version__}"
        counts = [
            f"<li><b>{self._statuses[status]}</b>{words}</li>" for status, words in STATUSES.items()
        ]
        synthase_types = [
            (name, self._synthase_types[name])
            for name in PRODUCT_TYPES
            if self._synthase_types[name]
        ]
        page = string.Template(template).substitute(
            script_hash=_script_hash(template),
            title="Terpene synthases",
            legend=LEGEND,
            rows="\n".join(self._rows),
            subtitle=subtitle,
            counts="".join(counts),
            sources=_source_table(self._tally, self._count_columns) if self._sources else "",
            types=_bars(synthase_types),
            ensembles=_bars(self._called_ensembles.most_common()),
            statuses=_options([name for name in STATUSES if self._statuses[name]]),
            kinds=_options([name for name in PRODUCT_TYPES if self._types[name]]),
        )
        self._handle.write(page)

    def _row(self, call: Call, product_type: str, source: str) -> str:
        """Return the row of a protein, and the row with its evidence, which is folded at first.

        Args:
            call: The protein.
            product_type: Its product type.
            source: Its input, if the page tells several apart, or ''.
        """
        near = call.nearest
        ensembles = ", ".join(ensemble.name for ensemble in call.ensembles) or "none"
        with_words = [
            f"{escape(ensemble.name)} {_word(ensemble.confidence)}" for ensemble in call.ensembles
        ]
        products = ", ".join(near.products) if near else ""
        identity = _two_decimals(near.identity if near else None)
        # What the page sorts and filters by.
        data = {
            "id": call.id,
            "status": call.status,
            "probability": number(call.tps_probability),
            "type": product_type,
            "ensembles": ensembles,
            "enzyme": products,
            "identity": identity,
            "text": _searched_text(call, product_type, ensembles, products, source),
        }
        attributes = " ".join(f'data-{key}="{escape(value)}"' for key, value in data.items())
        flags = "".join(
            f' <span class="flag">{escape(flag.replace("_", " "))}</span>' for flag in call.flags
        )
        return (
            f'<tbody class="called" {attributes}><tr>'
            f'<td><button type="button" aria-expanded="false">{escape(call.id)}</button>'
            f"{f'<br><small>{escape(source)}</small>' if source else ''}</td>"
            f"<td>{escape(call.status)}</td>"
            f'<td class="n">{_two_decimals(call.tps_probability)}</td>'
            f"<td>{escape(product_type)} {_two_decimals(call.product_type_probability)}</td>"
            f'<td class="less">{", ".join(with_words) or "none"}{flags}</td>'
            f'<td class="less">{escape(products)}</td>'
            f'<td class="n less">{identity}</td></tr>'
            f'<tr class="detail" hidden><td colspan="7">{self._evidence(call, flags)}</td></tr>'
            "</tbody>"
        )

    def _evidence(self, call: Call, flags: str) -> str:
        """Return everything that speaks for and against a call."""
        return (
            f"<p>{call.length_aa} residues.{flags}</p>{_description(call)}"
            f'<div class="wide">{_track(call)}</div><div class="columns">'
            f"<section><h3>Ensembles, most likely first</h3>{self._levels(call)}"
            f"{_products(call)}</section>"
            "<section><h3>Nearest characterised enzymes</h3>"
            f"{_neighbour_table(call.neighbours)}</section></div>"
        )

    def _levels(self, call: Call) -> str:
        """Return the most likely ensembles with their probabilities and thresholds."""
        probabilities = call.probabilities
        if probabilities is None:
            return ""
        supported = [i for i in self._ensembles if not math.isnan(probabilities[i])]
        likely = sorted(supported, key=lambda i: -probabilities[i])
        confidence_of = {ensemble.name: ensemble.confidence for ensemble in call.ensembles}
        levels = []
        for i in likely[: max(SHOWN_LABELS, len(confidence_of))]:
            name = self._ensembles[i]
            levels.append(
                _level(name, probabilities[i], self._thresholds[i], confidence_of.get(name))
            )
        return "".join(levels)


def _description(call: Call) -> str:
    """Return the name of a called protein and its identifiers."""
    described = describe(call)
    if described is None:
        return ""
    terms = described.terms
    ec = [f"EC {number}" for number in terms.ec]
    words = [described.enzyme, *ec, *terms.rhea, *terms.chebi, *terms.go]
    if described.tps_class:
        words.append(f"class {described.tps_class}")
    return f"<p>{escape(' · '.join(words))}</p>"


def _products(call: Call) -> str:
    """Return the likeliest single products with their probabilities; '' if none are ranked."""
    levels = [
        f'<div class="level"><span>{escape(product_of(product.smiles).label)}</span>'
        f'<span class="rail"><i style="width:{100 * product.probability:.1f}%"></i></span>'
        f"<span>{product.probability:.2f}</span></div>"
        for product in call.products[:SHOWN_LABELS]
    ]
    return f"<h3>Products, most likely first</h3>{''.join(levels)}" if levels else ""


def _script_hash(template: str) -> str:
    """Return the hash of the script in the template, as a page's policy gives it."""
    script = template.partition("<script>")[2].partition("</script>")[0]
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _two_decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _searched_text(
    call: Call, product_type: str, ensembles: str, products: str, source: str
) -> str:
    """Return the text that the search field of the page looks through."""
    words = [call.id, call.status, product_type, ensembles, products, source, *call.flags]
    for neighbour in call.neighbours:
        words += [neighbour.id, *neighbour.accessions]
    words += [product_of(product.smiles).label for product in call.products[:SHOWN_LABELS]]
    words += [hit.motif for hit in motifs.present(call.motifs)]
    return " ".join(words).lower()


def _source_table(tally: summary.Tally, label_columns: Sequence[str]) -> str:
    """Return the counts of every input as a table.

    Args:
        tally: The counts.
        label_columns: Counts of product types and ensembles; one that is 0 everywhere is left out.
    """
    shown = [summary.PROTEINS, *STATUSES]
    for column in label_columns:
        if any(counts[column] for counts in tally.counts.values()):
            shown.append(column)
    head = "".join(f"<th class=n>{escape(name.rpartition(':')[2])}</th>" for name in shown)
    rows = []
    for source, counts in tally.counts.items():
        cells = "".join(f"<td class=n>{counts[column]}</td>" for column in shown)
        rows.append(f"<tr><td>{escape(printable(source))}</td>{cells}</tr>")
    return (
        "<h2>Inputs</h2><p class=soft>Product types and ensembles are those of the proteins with "
        f'the status tps.</p><div class="wide"><table id="sources"><tr><th>Input</th>{head}</tr>'
        f"{''.join(rows)}</table></div>"
    )


def _options(names: Sequence[str]) -> str:
    """Return the choices of a selection."""
    return "".join(f"<option>{escape(name)}</option>" for name in names)


def _bars(counts: Sequence[tuple[str, int]]) -> str:
    """Return counts as horizontal bars.

    Args:
        counts: Names with their counts.
    """
    most = max((count for _, count in counts), default=1)
    bars = [
        f'<div class="bar"><span>{escape(name)}</span>'
        f'<span><i style="width:{100 * count / most:.1f}%"></i></span><span>{count}</span></div>'
        for name, count in counts
    ]
    return "".join(bars) or '<p class="soft">None.</p>'


def _level(name: str, probability: float, threshold: float, confidence: str | None) -> str:
    """Return the probability of an ensemble as a bar, with its threshold as a mark.

    Args:
        name: Ensemble.
        probability: 0–1.
        threshold: Probability from which on it is called; above 1 if it never is.
        confidence: The probability in a word; None if the ensemble is not called. A called one is
            bold.
    """
    mark = f'<u style="left:{100 * threshold:.1f}%"></u>' if threshold <= 1 else ""
    title = f"called from {threshold:.2f}" if threshold <= 1 else "never called"
    if confidence:
        title = f"{confidence}, {title}"
    word = f" {_word(confidence)}" if confidence else ""
    return (
        f'<div class="level{" called" if confidence else ""}" title="{title}">'
        f"<span>{escape(name)}</span>"
        f'<span class="rail"><i style="width:{100 * probability:.1f}%"></i>{mark}</span>'
        f"<span>{probability:.2f}{word}</span></div>"
    )


def _word(confidence: str) -> str:
    """Return the word for a probability, which stands small beside the number or name."""
    return f"<small>{escape(confidence)}</small>"


def _neighbour_table(neighbours: Sequence[Neighbour]) -> str:
    """Return the nearest enzymes as a table, with alignments if there are any."""
    aligned = any(neighbour.alignment for neighbour in neighbours)
    head = (
        "<th>Enzyme</th><th>Makes</th><th class=n>Similarity</th><th class=n>Typical identity</th>"
    )
    if aligned:
        head += "<th class=n>Identity</th><th class=n>Coverage</th><th class=n>E-value</th>"
    head += "<th>Agrees</th>"
    rows = "".join(_neighbour_row(neighbour, aligned) for neighbour in neighbours)
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'


def _neighbour_row(neighbour: Neighbour, aligned: bool) -> str:
    species = escape("; ".join(neighbour.species))
    row = (
        f"<tr><td>{_links(neighbour)}<br><i>{species}</i></td>"
        f"<td>{escape(', '.join(neighbour.products))}</td>"
        f"<td class=n>{neighbour.similarity:.2f}</td><td class=n>{neighbour.identity:.2f}</td>"
    )
    alignment = neighbour.alignment
    if alignment is not None:
        row += (
            f"<td class=n>{alignment.identity:.2f}</td><td class=n>{alignment.coverage:.2f}</td>"
            f"<td class=n>{alignment.e_value:.1g}</td>"
        )
    elif aligned:
        row += "<td class=n>NA</td>" * 3
    return f"{row}<td>{AGREES[neighbour.agrees]}</td></tr>"


def _links(neighbour: Neighbour) -> str:
    """Return an enzyme's id and its accessions, with links to UniProt or GenBank."""
    links = [escape(neighbour.id)]
    for name in neighbour.accessions:
        if UNIPROT.fullmatch(name):
            page = f"www.uniprot.org/uniprotkb/{urllib.parse.quote(name)}"
        else:
            page = f"www.ncbi.nlm.nih.gov/protein/{urllib.parse.quote(name)}"
        links.append(f'<a href="https://{page}">{escape(name)}</a>')
    return ", ".join(links)


def _track(call: Call) -> str:
    """Return domains and motifs along the protein, as SVG."""
    length_aa = call.length_aa
    shapes = [
        f'<path d="M{_x(0, length_aa):.1f} {TRACK_Y}H{_x(length_aa, length_aa):.1f}" '
        'stroke="#595959" stroke-width="2"/>'
    ]
    for domain in call.domains:
        shapes += _domain_shapes(domain, length_aa)
    text_ends = [0.0] * TEXT_LINES  # where the last name of each text line ends
    for hit in sorted(motifs.present(call.motifs), key=lambda hit: hit.start):
        shapes += _motif_shapes(hit, length_aa, text_ends)
    return (
        f'<svg viewBox="0 0 {WIDTH} 104" role="img" aria-label="Domains and motifs">'
        f"{''.join(shapes)}</svg>"
    )


def _x(residues: float, length_aa: int) -> float:
    """Return where a number of residues ends in the picture of a protein.

    >>> _x(0, 300), _x(150, 300), _x(300, 300)
    (10.0, 450.0, 890.0)
    """
    return 10 + (WIDTH - 20) * residues / length_aa


def _domain_shapes(domain: DomainHit, length_aa: int) -> Iterator[str]:
    """Yield the box of a domain, and its name if it has room in the box."""
    start = _x(domain.start - 1, length_aa)
    width = _x(domain.end, length_aa) - start
    name = f"{domain.region} {domain.start}–{domain.end}"
    yield (
        f'<rect x="{start:.1f}" y="{TRACK_Y - DOMAIN_HEIGHT / 2}" width="{width:.1f}" '
        f'height="{DOMAIN_HEIGHT}" fill="#cfe0ea" stroke="#00527a"><title>{escape(name)}, '
        f"profile {escape(domain.profile)}, {domain.bits:.0f} bits</title></rect>"
    )
    if width > 7 * len(name):
        yield (
            f'<text x="{start + width / 2:.1f}" y="{TRACK_Y + 4}" text-anchor="middle">'
            f"{escape(name)}</text>"
        )


def _motif_shapes(hit: MotifHit, length_aa: int, text_ends: list[float]) -> Iterator[str]:
    """Yield the triangle of a motif, the dots of its metal-binding residues, and its name.

    Args:
        hit: Motif.
        length_aa: Residues of the protein.
        text_ends: Where the last name of each text line ends; the name is added to the first line
            that has room, or to the last line.
    """
    middle = _x((hit.start + hit.end - 1) / 2, length_aa)
    is_intact = hit.state == motifs.INTACT
    name = f"{hit.motif} {hit.start} {hit.residues}" + ("" if is_intact else " altered")
    yield (
        f'<path d="M{middle - 6:.1f} {TRACK_Y + 24}h12l-6 -12z" '
        f'fill="{"#b34700" if is_intact else "#fff"}" stroke="#b34700" stroke-width="1.5">'
        f"<title>{escape(name)}, {escape(hit.state)}</title></path>"
    )
    for offset in motifs.metal_contacts(hit):
        position = hit.start + offset
        yield (
            f'<circle cx="{_x(position - 0.5, length_aa):.1f}" cy="{TRACK_Y - 14}" r="2.5" '
            f'fill="#1a1a1a"><title>{escape(hit.residues[offset])}{position} binds magnesium'
            "</title>"
            "</circle>"
        )
    begin = middle - HALF_LETTER * len(name)
    free = [line for line, end in enumerate(text_ends) if end < begin]
    line = free[0] if free else len(text_ends) - 1
    text_ends[line] = middle + HALF_LETTER * len(name)
    if middle < 60:
        anchor = "start"
    elif middle > WIDTH - 60:
        anchor = "end"
    else:
        anchor = "middle"
    yield (
        f'<text x="{middle:.1f}" y="{TRACK_Y + 38 + 14 * line}" text-anchor="{anchor}">'
        f"{escape(name)}</text>"
    )
