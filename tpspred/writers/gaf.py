"""Functions of called synthases as a GO annotation file (GAF 2.2, evidence code IEA).

The format is that of geneontology.org/docs/go-annotation-file-gaf-format-2.2.
"""

import dataclasses
import datetime
import re
from typing import TextIO

from .. import __version__
from ..dataset.terms import numbers_with_function
from ..model.calls import Call
from ..model.predictor import Predictor
from . import UNPLACED, Place
from .identifiers import describe

PROGRAM = "tpspred"
# Headers of UniProt's FASTA files: sp|P37268|FDFT_HUMAN, or sp|P37268-2|FDFT_HUMAN of an isoform.
UNIPROT_ID = re.compile(r"(?:sp|tr)\|([A-Z\d]+)(-\d+)?\|(\w+)", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Columns:
    """What the columns of a GAF say of all proteins of a run.

    Attributes:
        taxon: Number of the species in NCBI Taxonomy.
        date: Day on which the annotation is made.
        database: Database that the ids of the proteins are drawn from.
        reference: What the annotation rests on, as ``DATABASE:ACCESSION``; by default the model.
    """

    taxon: int
    date: datetime.date
    database: str = "local"
    reference: str | None = None


class Writer:
    """Writes one line for every function of every called synthase.

    Args:
        handle: Text stream.
        predictor: Model that makes the calls.
        columns: What all lines have in common.
    """

    def __init__(self, handle: TextIO, predictor: Predictor, columns: Columns) -> None:
        self._handle = handle
        self._columns = columns
        print("!gaf-version: 2.2", file=handle)
        print(f"!generated-by: {PROGRAM}", file=handle)
        print(f"!date-generated: {columns.date.isoformat()}", file=handle)
        print(f"!{PROGRAM}-version: {__version__}", file=handle)
        print(f"!model: {predictor.name}", file=handle)

    def write(self, call: Call, place: Place = UNPLACED) -> None:
        """Write the functions of a call; none if it is not called a synthase."""
        described = describe(call)
        if described is None:
            return
        database, identifier, symbol = self._columns.database, call.id, call.id
        isoform = ""
        if uniprot := UNIPROT_ID.fullmatch(call.id):
            database, identifier, symbol = "UniProtKB", uniprot[1], uniprot[3]
            if uniprot[2]:
                isoform = f"UniProtKB:{uniprot[1]}{uniprot[2]}"
        for go in described.terms.go:
            numbers = numbers_with_function(go, described.terms.ec)
            print(
                database,
                identifier,
                symbol,
                "enables",
                go,
                self._columns.reference or call.model,
                "IEA",
                "|".join(f"EC:{number}" for number in numbers),  # what the function follows from
                "F",  # molecular function
                described.enzyme,
                "",  # synonyms
                "protein",
                f"taxon:{self._columns.taxon}",
                f"{self._columns.date:%Y%m%d}",
                PROGRAM,
                "",  # extension
                isoform,
                sep="\t",
                file=self._handle,
            )

    def close(self) -> None:
        """Do nothing: every line is written."""
