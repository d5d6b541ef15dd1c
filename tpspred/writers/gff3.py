"""Called proteins as GFF3, with their domains, motifs and metal-binding residues.

The features lie on the protein (residues, 1-based inclusive, no strand) or, with an annotation, on
the genome. Their types are those of the Sequence Ontology. Ids and attributes are escaped as the
specification says (github.com/The-Sequence-Ontology/Specifications).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TextIO

from ..errors import InputError
from ..family import motifs
from ..family.motifs import MotifHit
from ..family.profiles import DomainHit
from ..io.names import UniqueNames
from ..model.calls import Call
from ..model.predictor import Predictor
from . import UNPLACED, Place
from .genome_lift import Lift, Location
from .identifiers import describe
from .tables import number

SOURCE = "tpspred"
NO_SCORE = "."
UNSAFE_IN_ID = re.compile(r"[^a-zA-Z0-9.:^*$@!+_?\-|]")
UNSAFE_IN_VALUE = re.compile(r"[\x00-\x1f\x7f%;=&,]")


class Feature(NamedTuple):
    """One feature of a protein.

    Attributes:
        id: Its ID in the file.
        kind: Type in the Sequence Ontology.
        start, end: Residues, 1-based inclusive.
        score: Text of the score column.
        attributes: Value or values by name; None and () are left out.
    """

    id: str
    kind: str
    start: int
    end: int
    score: str
    attributes: Mapping[str, str | tuple[str, ...] | None]


class Writer:
    """Writes the features of every protein that is called tps, related or uncertain.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls; its names stand in the calls already.
        on_genome: Whether the features lie on a genome, where the place of a protein says; a
            protein without such a place is left out. By default they lie on the protein.
        place_columns: Attributes of a place that every protein has as attributes.
    """

    def __init__(
        self,
        handle: TextIO,
        predictor: Predictor,
        on_genome: bool = False,
        place_columns: Sequence[str] = (),
    ) -> None:
        self._handle = handle
        self._place_columns = place_columns
        self._on_genome = on_genome
        self._source_of: dict[str, str] = {}  # by chromosome or contig
        self._unique_names = UniqueNames()
        print("##gff-version 3", file=handle)

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Write the features of a protein, if it is called.

        An ID in GFF3 stands for one feature only, so the ID of a protein that repeats the one of
        another gets a number. The attribute Name is the ID in the input.

        Raises:
            InputError: If two inputs have a chromosome or contig of the same name.
        """
        if not call.is_called:
            return
        name = self._unique_names.make(call.id)
        lift = self._lift(call, name, place)
        if lift is not None:
            placed = {column: getattr(place, column) for column in self._place_columns}
            protein, *parts = _features(call, name)
            protein = protein._replace(attributes={**protein.attributes, **placed})
            self._print(protein, lift(protein.start, protein.end))
            for part in parts:
                unique = part._replace(id=self._unique_names.make(part.id))
                self._print(unique, lift(part.start, part.end))

    def close(self) -> None:
        """Do nothing: every feature is written already."""

    def _lift(self, call: Call, name: str, place: Place) -> Lift | None:
        """Return the function that says where residues lie; None if they cannot be lifted.

        Args:
            call: The protein.
            name: Its unique ID.
            place: Where it comes from.
        """
        if self._on_genome:
            if place.lift is not None:
                self._check_sequence(place.lift(1, 1).sequence, place.source)
            return place.lift
        region = UNSAFE_IN_ID.sub(_percent_encoded, name)
        print(f"##sequence-region {region} 1 {call.length_aa}", file=self._handle)
        return lambda start, end: Location(name, ".", [(start, end)])

    def _check_sequence(self, sequence: str, source: str) -> None:
        """Refuse the genomes of two inputs whose features could not be told apart."""
        other = self._source_of.setdefault(sequence, source)
        if other != source:
            raise InputError.at(
                source,
                f"the sequence {sequence}, which the genome of {other} has too",
                "names that differ, or a GFF3 output for each genome",
            )

    def _print(self, feature: Feature, location: Location) -> None:
        """Write one line for each interval of a feature; they share their ID."""
        pairs = []
        for key, value in {"ID": feature.id, **feature.attributes}.items():
            if value is not None and value != ():
                pairs.append(f"{key}={attribute_text(value)}")
        sequence = UNSAFE_IN_ID.sub(_percent_encoded, location.sequence)
        for start, end in location.intervals:
            print(
                sequence,
                SOURCE,
                feature.kind,
                start,
                end,
                feature.score,
                location.strand,
                ".",  # phase
                ";".join(pairs),
                sep="\t",
                file=self._handle,
            )


def _features(call: Call, name: str) -> Iterator[Feature]:
    """Yield the protein itself, its domains, and its motifs with their metal-binding residues.

    Args:
        call: The protein.
        name: Its unique ID.
    """
    yield _protein_feature(call, name)
    for k, domain in enumerate(call.domains, 1):
        yield _domain_feature(f"{name}.domain{k}", domain)
    for k, hit in enumerate(motifs.present(call.motifs), 1):
        yield from _motif_features(f"{name}.motif{k}", hit)


def _protein_feature(call: Call, name: str) -> Feature:
    near = call.nearest
    described = describe(call)
    ensembles = tuple(
        f"{ensemble.name}:{number(ensemble.probability)}" for ensemble in call.ensembles
    )
    return Feature(
        id=name,
        kind="polypeptide",
        start=1,
        end=call.length_aa,
        score=number(call.tps_probability),
        attributes={
            "Name": call.id,
            **annotation_attributes(call),
            "status": call.status,
            "tps_probability": number(call.tps_probability),
            "tps_class": described.tps_class if described else None,
            "product_type": call.product_type,
            "product_type_probability": number(call.product_type_probability),
            "ensembles": ensembles,
            "ensemble_set": call.ensemble_set,
            "nearest_enzyme": near.id if near else None,
            "nearest_products": near.products if near else None,
            "nearest_identity": number(near.identity) if near else None,
            "flags": call.flags,
            "model": call.model,
        },
    )


def annotation_attributes(call: Call) -> dict[str, str | tuple[str, ...]]:
    """Return the attributes of a called protein that annotations of genomes share.

    They are ``Dbxref``, ``Ontology_term`` and ``product``; a list may be empty.
    """
    described = describe(call)
    if described is None:
        return {}
    terms = described.terms
    ec = tuple(f"EC:{number}" for number in terms.ec)
    return {
        "Dbxref": (*ec, *terms.rhea, *terms.chebi),
        "Ontology_term": terms.go,
        "product": described.enzyme,
    }


def _domain_feature(name: str, domain: DomainHit) -> Feature:
    return Feature(
        id=name,
        kind="polypeptide_domain",
        start=domain.start,
        end=domain.end,
        score=f"{domain.bits:.1f}",
        attributes={"Name": domain.region, "profile": domain.profile},
    )


def _motif_features(name: str, hit: MotifHit) -> Iterator[Feature]:
    yield Feature(
        id=name,
        kind="polypeptide_motif",
        start=hit.start,
        end=hit.end,
        score=NO_SCORE,
        attributes={"Name": hit.motif, "state": hit.state, "residues": hit.residues},
    )
    for offset in motifs.metal_contacts(hit):
        position = hit.start + offset
        yield Feature(
            id=f"{name}.metal{offset + 1}",
            kind="polypeptide_magnesium_ion_contact_site",
            start=position,
            end=position,
            score=NO_SCORE,
            attributes={"Name": f"{hit.motif} {hit.residues[offset]}{position}"},
        )


def attribute_text(value: str | tuple[str, ...]) -> str:
    """Return the escaped value of an attribute; values of a tuple are joined with ','.

    >>> attribute_text(("α;β", "1,8-cineole"))
    'α%3Bβ,1%2C8-cineole'
    """
    values = value if isinstance(value, tuple) else (value,)
    return ",".join(UNSAFE_IN_VALUE.sub(_percent_encoded, text) for text in values)


def _percent_encoded(match: re.Match[str]) -> str:
    """Return the matched character as percent-encoded UTF-8 bytes."""
    return "".join(f"%{byte:02X}" for byte in match[0].encode())
