"""Calls as GFF3: proteins that are terpene synthases, related or uncertain, with their domains and motifs.

In protein coordinates (residues, 1-based inclusive, no strand), or lifted through the CDS of an annotation. Types are those of the
Sequence Ontology; ids and attributes are escaped as the specification says (github.com/The-Sequence-Ontology/Specifications).
"""

import re

from ..errors import InputError
from ..family import motifs
from .tables import number

SOURCE = "tpspred"
SAFE_ID = re.compile(r"[^a-zA-Z0-9.:^*$@!+_?\-|]")
SAFE_VALUE = re.compile(r"[\x00-\x1f\x7f%;=&,]")


class Writer:
    """The features of every called protein.

    Args:
        handle: Text stream.
        predictor: prediction.Predictor.
        annotation: annotation.Annotation to lift with, or None.
    """

    def __init__(self, handle, predictor, annotation=None):
        self._handle, self._annotation, self._seen = handle, annotation, set()
        print("##gff-version 3", file=handle)

    def write(self, call):
        """Write a prediction.Call, if it is one.

        Raises:
            InputError: If the id has come before: an ID may stand for one feature only.
        """
        if not call.is_called:
            return
        if call.id in self._seen:
            raise InputError.at(
                f"record {call.id}",
                "an id that came before",
                "unique ids in GFF3 (--duplicates suffix)",
            )
        self._seen.add(call.id)
        place = self._place(call)
        if place:
            for feature in _features(call):
                self._print(place, *feature)

    def close(self):
        """Refuse an annotation that matched nothing.

        Raises:
            InputError: If no called protein has a coding sequence in the annotation.
        """
        if self._annotation:
            self._annotation.check(len(self._seen))

    def _place(self, call):
        """Function: (start, end) of a protein → (sequence, strand, [(start, end)]); None if it cannot be lifted."""
        if self._annotation:
            return self._annotation.place(call.id, call.length_aa)
        name = SAFE_ID.sub(_percent, call.id)
        print(f"##sequence-region {name} 1 {call.length_aa}", file=self._handle)
        return lambda start, end: (call.id, ".", [(start, end)])

    def _print(self, place, name, kind, start, end, score, attributes):
        sequence, strand, parts = place(start, end)
        values = ";".join(
            f"{key}={_value(value)}"
            for key, value in {"ID": name, **attributes}.items()
            if value not in (None, ())
        )
        for first, last in parts:
            print(
                SAFE_ID.sub(_percent, sequence),
                SOURCE,
                kind,
                first,
                last,
                score,
                strand,
                ".",
                values,
                sep="\t",
                file=self._handle,
            )


def _features(call):
    """(ID, type, start, end, score, attributes) of everything in a protein."""
    near = call.nearest
    yield (
        call.id,
        "polypeptide",
        1,
        call.length_aa,
        number(call.tps_probability),
        {
            "Name": call.id,
            "status": call.status,
            "tps_probability": number(call.tps_probability),
            "product_type": call.product_type,
            "product_type_probability": number(call.product_type_probability),
            "ensembles": tuple(
                f"{found.name}:{number(found.probability)}" for found in call.ensembles
            ),
            "ensemble_set": call.ensemble_set,
            "nearest_enzyme": near and near.id,
            "nearest_products": near and near.products,
            "nearest_identity": near and number(near.identity),
            "flags": call.flags,
            "model": call.model,
        },
    )
    for k, domain in enumerate(call.domains, 1):
        yield (
            f"{call.id}.domain{k}",
            "polypeptide_domain",
            domain.start,
            domain.end,
            f"{domain.bits:.1f}",
            {"Name": domain.region, "profile": domain.profile},
        )
    for k, hit in enumerate(motifs.present(call.motifs), 1):
        name = f"{call.id}.motif{k}"
        yield (
            name,
            "polypeptide_motif",
            hit.start,
            hit.end,
            ".",
            {"Name": hit.motif, "state": hit.state, "residues": hit.residues},
        )
        for offset in motifs.metal_contacts(hit):
            yield (
                f"{name}.metal{offset + 1}",
                "polypeptide_magnesium_ion_contact_site",
                hit.start + offset,
                hit.start + offset,
                ".",
                {"Name": f"{hit.motif} {hit.residues[offset]}{hit.start + offset}"},
            )


def _value(value):
    """An attribute's value; several have ',' between.

    >>> _value(("α;β", "1,8-cineole"))
    'α%3Bβ,1%2C8-cineole'
    """
    return ",".join(
        SAFE_VALUE.sub(_percent, str(part))
        for part in (value if isinstance(value, tuple) else (value,))
    )


def _percent(match):
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
