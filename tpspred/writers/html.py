"""Calls as one self-contained page: counts of the proteome, a table to sort and filter, and the evidence of every call."""

import collections
import html
import importlib.resources
import re
import string

from .. import __version__
from ..dataset.product_types import PRODUCT_TYPES
from ..family import motifs
from .tables import number

# Accessions as UniProt describes them (uniprot.org/help/accession_numbers); any other is GenBank's.
UNIPROT = re.compile(r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}")
STATUSES = {"tps": "terpene synthases", "uncertain": "uncertain", "related": "related enzymes"}
WIDTH, TRACK_Y, DOMAIN_HEIGHT = 900, 34, 20
SHOWN_LABELS = 8
LEGEND = """Status <b>tps</b>: a terpene synthase, at a probability at which 99 % of calls on held-out look-alikes were right;
<b>uncertain</b>: too likely to leave out, not likely enough to call; <b>related</b>: a prenyl diphosphate, squalene or phytoene
synthase. Bars are calibrated probabilities, the upright line is the threshold from which on an ensemble is called, and bold is
called. On the track, boxes are domains; a filled triangle is an intact motif, an open one an altered motif, a dot a residue that
binds magnesium. “Typical identity” is the median identity of characterised enzymes that are as similar as the protein is to
its neighbour, by the model's own measure."""


class Writer:
    """The page of one run.

    Args:
        handle: Text stream.
        predictor: prediction.Predictor.
    """

    def __init__(self, handle, predictor):
        self._handle, self._model, self._thresholds = (
            handle,
            predictor.name,
            predictor.calibration.thresholds,
        )
        self._ensembles = {
            i: label.name for i, label in enumerate(predictor.labels) if label.group == "ensemble"
        }
        self._records, self._rows, self._counts = (
            0,
            [],
            collections.defaultdict(collections.Counter),
        )

    def write(self, call):
        """Take a prediction.Call."""
        self._records += 1
        if not call.is_called:
            return
        self._counts["status"][call.status] += 1
        self._counts["any type"][call.product_type] += 1
        if call.status != "related":
            self._counts["type"][call.product_type] += 1
            self._counts["ensemble"].update(found.name for found in call.ensembles)
        self._rows.append(self._row(call))

    def close(self):
        """Write the page."""
        template = (
            importlib.resources.files("tpspred")
            .joinpath("resources/calls.html")
            .read_text(encoding="utf-8")
        )
        counted = self._counts
        self._handle.write(
            string.Template(template).substitute(
                title="Terpene synthases",
                legend=LEGEND,
                rows="\n".join(self._rows),
                subtitle=f"{self._records} proteins · model {html.escape(self._model)} · tpspred {__version__}",
                counts="".join(
                    f"<li><b>{counted['status'][name]}</b>{words}</li>"
                    for name, words in STATUSES.items()
                ),
                types=_bars(
                    [
                        (name, counted["type"][name])
                        for name in PRODUCT_TYPES
                        if counted["type"][name]
                    ]
                ),
                ensembles=_bars(counted["ensemble"].most_common()),
                statuses="".join(
                    f"<option>{name}</option>" for name in STATUSES if counted["status"][name]
                ),
                kinds="".join(
                    f"<option>{name}</option>"
                    for name in PRODUCT_TYPES
                    if counted["any type"][name]
                ),
            )
        )

    def _row(self, call):
        near = call.nearest
        called = ", ".join(found.name for found in call.ensembles) or "none"
        makes, identity = (", ".join(near.products), f"{near.identity:.2f}") if near else ("", "")
        text = " ".join(
            [
                call.id,
                call.status,
                call.product_type,
                called,
                makes,
                *call.flags,
                *(
                    name
                    for neighbour in call.neighbours
                    for name in (neighbour.id, *neighbour.accessions)
                ),
                *(hit.motif for hit in motifs.present(call.motifs)),
            ]
        ).lower()
        data = {
            "id": call.id,
            "status": call.status,
            "probability": number(call.tps_probability),
            "type": call.product_type,
            "ensembles": called,
            "enzyme": makes,
            "identity": identity,
            "text": text,
        }
        attributes = " ".join(f'data-{key}="{html.escape(value)}"' for key, value in data.items())
        flags = "".join(
            f' <span class="flag">{flag.replace("_", " ")}</span>' for flag in call.flags
        )
        return (
            f'<tbody class="called" {attributes}><tr><td><button type="button" aria-expanded="false">{html.escape(call.id)}'
            f'</button></td><td>{call.status}</td><td class="n">{call.tps_probability:.2f}</td>'
            f'<td>{call.product_type} {call.product_type_probability:.2f}</td><td class="less">{called}{flags}</td>'
            f'<td class="less">{html.escape(makes)}</td><td class="n less">{identity}</td></tr>'
            f'<tr class="detail" hidden><td colspan="7">{self._detail(call, flags)}</td></tr></tbody>'
        )

    def _detail(self, call, flags):
        return (
            f'<p>{call.length_aa} residues.{flags}</p><div class="wide">{_track(call)}</div><div class="columns">'
            f"<section><h3>Ensembles, most likely first</h3>{self._levels(call)}</section>"
            f"<section><h3>Nearest characterised enzymes</h3>{_neighbours(call)}</section></div>"
        )

    def _levels(self, call):
        likely = sorted(
            (i for i in self._ensembles if call.probabilities[i] == call.probabilities[i]),
            key=lambda i: -call.probabilities[i],
        )
        precision = {found.name: found.precision for found in call.ensembles}
        return "".join(
            _level(
                self._ensembles[i],
                call.probabilities[i],
                self._thresholds[i],
                precision.get(self._ensembles[i]),
            )
            for i in likely[: max(SHOWN_LABELS, len(precision))]
        )


def _bars(counts):
    """Horizontal bars of (name, count)."""
    most = max((count for _, count in counts), default=1)
    return (
        "".join(
            f'<div class="bar"><span>{html.escape(name)}</span><span><i style="width:{100 * count / most:.1f}%"></i></span>'
            f"<span>{count}</span></div>"
            for name, count in counts
        )
        or '<p class="soft">None.</p>'
    )


def _level(name, probability, threshold, precision):
    """A probability with its threshold; bold if called."""
    mark = f'<u style="left:{100 * threshold:.1f}%"></u>' if threshold <= 1 else ""
    title = f"threshold {threshold:.2f}" if threshold <= 1 else "never called at this precision"
    seen = (
        f", right in {precision:.0%} of held-out calls"
        if precision is not None and precision == precision
        else ""
    )
    return (
        f'<div class="level{" called" if precision is not None else ""}" title="{title}{seen}"><span>{name}</span>'
        f'<span class="rail"><i style="width:{100 * probability:.1f}%"></i>{mark}</span><span>{probability:.2f}</span></div>'
    )


def _neighbours(call):
    """Table of the nearest enzymes."""
    aligned = any(neighbour.alignment for neighbour in call.neighbours)
    head = (
        "<th>Enzyme</th><th>Makes</th><th class=n>Similarity</th><th class=n>Typical identity</th>"
        + (
            "<th class=n>Identity</th><th class=n>Coverage</th><th class=n>E-value</th>"
            if aligned
            else ""
        )
        + "<th>Agrees</th>"
    )
    rows = []
    for neighbour in call.neighbours:
        real = neighbour.alignment
        cells = (
            (
                f"<td class=n>{real.identity:.2f}</td><td class=n>{real.coverage:.2f}</td><td class=n>{real.e_value:.1g}</td>"
                if real
                else "<td class=n>NA</td>" * 3
            )
            if aligned
            else ""
        )
        rows.append(
            f"<tr><td>{_links(neighbour)}<br><i>{html.escape('; '.join(neighbour.species))}</i></td>"
            f"<td>{html.escape(', '.join(neighbour.products))}</td><td class=n>{neighbour.similarity:.2f}</td>"
            f"<td class=n>{neighbour.identity:.2f}</td>{cells}"
            f"<td>{ {True: 'yes', False: 'no', None: 'nothing called'}[neighbour.agrees] }</td></tr>"
        )
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _links(neighbour):
    """The enzyme's id and accessions, with links to UniProt or GenBank."""

    def link(name):
        page = (
            f"www.uniprot.org/uniprotkb/{name}"
            if UNIPROT.fullmatch(name)
            else f"www.ncbi.nlm.nih.gov/protein/{name}"
        )
        return f'<a href="https://{html.escape(page)}">{html.escape(name)}</a>'

    return ", ".join([html.escape(neighbour.id), *map(link, neighbour.accessions)])


def _track(call):
    """Domains and motifs along the protein, as SVG."""

    def x(residue):
        return 10 + (WIDTH - 20) * residue / call.length_aa

    parts = [
        f'<path d="M{x(0):.1f} {TRACK_Y}H{x(call.length_aa):.1f}" stroke="#595959" stroke-width="2"/>'
    ]
    for domain in call.domains:
        start, width = x(domain.start - 1), x(domain.end) - x(domain.start - 1)
        words = f"{domain.region} {domain.start}–{domain.end}"
        parts.append(
            f'<rect x="{start:.1f}" y="{TRACK_Y - DOMAIN_HEIGHT / 2}" width="{width:.1f}" height="{DOMAIN_HEIGHT}" '
            f'fill="#cfe0ea" stroke="#00527a"><title>{html.escape(words)}, profile {html.escape(domain.profile)}, '
            f"{domain.bits:.0f} bits</title></rect>"
        )
        if width > 7 * len(words):
            parts.append(
                f'<text x="{start + width / 2:.1f}" y="{TRACK_Y + 4}" text-anchor="middle">{html.escape(words)}</text>'
            )
    free = [0.0, 0.0, 0.0]  # where the text of each line above the motifs ends
    for hit in sorted(motifs.present(call.motifs), key=lambda hit: hit.start):
        middle = x((hit.start + hit.end - 1) / 2)
        intact = hit.state == motifs.INTACT
        words = f"{hit.motif} {hit.start} {hit.residues}" + ("" if intact else " altered")
        line = next(
            (k for k, end in enumerate(free) if end < middle - 3.2 * len(words)), len(free) - 1
        )
        free[line] = middle + 3.2 * len(words)
        parts.append(
            f'<path d="M{middle - 6:.1f} {TRACK_Y + 24}h12l-6 -12z" fill="{"#b34700" if intact else "#fff"}" '
            f'stroke="#b34700" stroke-width="1.5"><title>{html.escape(words)}, {hit.state}</title></path>'
        )
        for offset in motifs.metal_contacts(hit):
            parts.append(
                f'<circle cx="{x(hit.start + offset - 0.5):.1f}" cy="{TRACK_Y - 14}" r="2.5" fill="#1a1a1a">'
                f"<title>{hit.residues[offset]}{hit.start + offset} binds magnesium</title></circle>"
            )
        anchor = "start" if middle < 60 else "end" if middle > WIDTH - 60 else "middle"
        parts.append(
            f'<text x="{middle:.1f}" y="{TRACK_Y + 38 + 14 * line}" text-anchor="{anchor}">{html.escape(words)}</text>'
        )
    return f'<svg viewBox="0 0 {WIDTH} 104" role="img" aria-label="Domains and motifs">{"".join(parts)}</svg>'
