"""Reaction table → one labelled row per sequence."""

import csv
import dataclasses
import io

import numpy as np

from ..errors import InputError
from ..io import files
from ..io.fasta import protein_record
from . import ensembles

PRODUCT_TYPES = (
    "hemi",
    "mono",
    "sesq",
    "di",
    "sesquar",
    "sester",
    "tri",
    "tetra",
    "pt",
    "sqs",
    "psy",
)
RELATED_TYPES = frozenset(
    {"pt", "sqs", "psy"}
)  # prenyl diphosphate, squalene and phytoene synthases
TPS_CLASSES = ("1", "2")
EITHER_CLASS = frozenset(
    {"di", "tri", "tetra"}
)  # made by enzymes of class 1 and of class 2; the other types by class 1 alone
REACTION_COLUMNS = {
    "Enzyme_marts_ID": "enzyme",
    "Uniprot_ID": "uniprot",
    "Genbank_ID": "genbank",
    "Aminoacid_sequence": "sequence",
    "Species": "species",
    "Kingdom": "kingdom",
    "Type": "product_type",
    "Class": "tps_class",
    "Substrate_name": "substrate",
    "Product_name": "product",
    "Product_smiles": "product_smiles",
}
OPTIONAL = {"uniprot", "genbank"}
ALLOWED = {"product_type": PRODUCT_TYPES, "tps_class": TPS_CLASSES}


@dataclasses.dataclass(frozen=True)
class Reaction:
    """One row of a MARTS-DB export: an enzyme makes a product."""

    enzyme: str
    uniprot: str
    genbank: str
    sequence: str
    species: str
    kingdom: str
    product_type: str
    tps_class: str
    substrate: str
    product: str
    product_smiles: str
    ensembles: tuple = ()


@dataclasses.dataclass(frozen=True)
class Enzyme:
    """One distinct sequence with everything that is known of it; tuples hold names in a fixed order."""

    id: str
    sequence: str
    species: tuple
    kingdom: tuple
    ensembles: tuple
    product_types: tuple
    tps_classes: tuple
    substrates: tuple
    products: tuple
    accessions: tuple

    @property
    def is_tps(self):
        """Whether any reaction is that of a terpene synthase in the strict sense."""
        return not RELATED_TYPES.issuperset(self.product_types)


# Substrates and products hold ';' and ',' in their names, so these columns are joined with '|'.
SEPARATORS = {
    "species": "|",
    "kingdom": "|",
    "ensembles": ";",
    "product_types": ";",
    "tps_classes": ";",
    "substrates": "|",
    "products": "|",
    "accessions": "|",
}


def read_reactions(source):
    """Read a MARTS-DB export, CSV or CSV.gz, as a list of Reaction with their ensembles.

    Raises:
        InputError: A missing column, a row of the wrong length, an empty or unknown value, a residue that is none, a
            structure that cannot be read; with file, line and column.
    """
    with files.open_bytes(source) as stream:
        text = io.StringIO("".join(line + "\n" for _, line in files.lines(stream, source)))
    reader = csv.reader(text, strict=True)
    try:
        header = next(reader, [])
        missing = [column for column in REACTION_COLUMNS if column not in header]
        if missing:
            raise InputError.at(
                f"{source}, line 1", f"no column {', '.join(missing)}", "a MARTS-DB reaction export"
            )
        position = {field: header.index(column) for column, field in REACTION_COLUMNS.items()}
        return [
            _reaction(row, position, len(header), f"{source}, line {reader.line_num}")
            for row in reader
            if row
        ]
    except csv.Error as error:
        raise InputError(f"{source}, line {reader.line_num}: malformed CSV: {error}") from None


def _reaction(row, position, width, place):
    if len(row) != width:
        raise InputError.at(place, f"{len(row)} columns", f"{width} columns as in the header")
    values = {field: row[at].strip() for field, at in position.items()}
    column = {field: f"{place}, column {name}" for name, field in REACTION_COLUMNS.items()}
    for field, value in values.items():
        if not value and field not in OPTIONAL:
            raise InputError.at(column[field], "nothing", "a value")
        if field in ALLOWED and value not in ALLOWED[field]:
            raise InputError.at(column[field], repr(value), "one of " + ", ".join(ALLOWED[field]))
    record = protein_record(values["enzyme"], values["sequence"], place=column["sequence"])
    if record.problem:
        raise InputError.at(column["sequence"], record.problem.replace("_", " "), "a whole protein")
    try:
        found = ensembles.of_structure(values["product_smiles"])
    except InputError as error:
        raise InputError(f"{column['product_smiles']}: {error}") from None
    return Reaction(**values | {"sequence": record.sequence, "ensembles": found})


def from_reactions(reactions):
    """Gather reactions by sequence; the smallest enzyme id names it. Sorted by id.

    Raises:
        InputError: If one enzyme id stands with two sequences.
    """
    by_sequence, sequence_of = {}, {}
    for reaction in reactions:
        by_sequence.setdefault(reaction.sequence, []).append(reaction)
        if sequence_of.setdefault(reaction.enzyme, reaction.sequence) != reaction.sequence:
            raise InputError.at(
                f"enzyme {reaction.enzyme}", "two different sequences", "one sequence per enzyme id"
            )
    return sorted(
        (_enzyme(sequence, rows) for sequence, rows in by_sequence.items()),
        key=lambda enzyme: enzyme.id,
    )


def _enzyme(sequence, rows):
    slugs = {slug for row in rows for slug in row.ensembles}

    def values(field):
        return tuple(dict.fromkeys(getattr(row, field) for row in rows))

    return Enzyme(
        id=min(row.enzyme for row in rows),
        sequence=sequence,
        species=values("species"),
        kingdom=values("kingdom"),
        ensembles=tuple(slug for slug in ensembles.SLUGS if slug in slugs),
        product_types=tuple(sorted(values("product_type"))),
        tps_classes=tuple(sorted(values("tps_class"))),
        substrates=tuple(sorted(values("substrate"))),
        products=values("product"),
        accessions=tuple(
            dict.fromkeys(row.uniprot or row.genbank for row in rows if row.uniprot or row.genbank)
        ),
    )


def write(enzymes, target):
    """Write ``dataset.tsv``, one row per enzyme; returns the number of rows."""
    columns = [field.name for field in dataclasses.fields(Enzyme)]
    with files.open_text_output(target) as handle:
        table = csv.writer(
            handle, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None
        )
        table.writerow(columns)
        for enzyme in enzymes:
            table.writerow(
                SEPARATORS[name].join(getattr(enzyme, name))
                if name in SEPARATORS
                else getattr(enzyme, name)
                for name in columns
            )
    return len(enzymes)


def read(source):
    """Read ``dataset.tsv`` back.

    Raises:
        InputError: If a column is missing or a row has another number of columns.
    """
    columns = [field.name for field in dataclasses.fields(Enzyme)]
    enzymes = []
    with files.open_bytes(source) as stream:
        table = ((number, line.split("\t")) for number, line in files.lines(stream, source))
        _, header = next(table, (0, []))
        missing = [name for name in columns if name not in header]
        if missing:
            raise InputError.at(
                f"{source}, line 1",
                f"no column {', '.join(missing)}",
                "a table made by tpspred prepare",
            )
        for number, row in table:
            if len(row) != len(header):
                raise InputError.at(
                    f"{source}, line {number}", f"{len(row)} columns", f"{len(header)} columns"
                )
            values = dict(zip(header, row))
            enzymes.append(
                Enzyme(
                    **{
                        name: tuple(filter(None, values[name].split(SEPARATORS[name])))
                        if name in SEPARATORS
                        else values[name]
                        for name in columns
                    }
                )
            )
    return enzymes


def write_fasta(enzymes, target):
    """Write the sequences as FASTA, for ``tpspred embed``."""
    with files.open_text_output(target) as handle:
        handle.writelines(f">{enzyme.id}\n{enzyme.sequence}\n" for enzyme in enzymes)


@dataclasses.dataclass(frozen=True)
class Label:
    """One thing the network answers: its group and its name in the dataset."""

    group: str
    name: str

    @property
    def column(self):
        """Name of its column in tables."""
        return f"{self.group}:{self.name}"


GROUPS = ("ensemble", "is_tps", "product_type", "substrate")
IS_TPS = Label("is_tps", "terpene_synthase")


def labels(enzymes):
    """All labels in order: 30 ensembles, is-a-terpene-synthase, product types, and the substrates of these enzymes."""
    substrates = sorted({name for enzyme in enzymes for name in enzyme.substrates})
    return (
        [Label("ensemble", slug) for slug in ensembles.SLUGS]
        + [IS_TPS]
        + [Label("product_type", name) for name in PRODUCT_TYPES]
        + [Label("substrate", name) for name in substrates]
    )


def product_targets(enzymes, least):
    """Single products that at least so many enzymes make, as numbers.

    Returns:
        (enzymes, products) float32 of 0 and 1, in the products' alphabetical order.
    """
    names = sorted({name for enzyme in enzymes for name in enzyme.products})
    made = np.array([[name in enzyme.products for name in names] for enzyme in enzymes], np.float32)
    made = made.reshape(len(enzymes), len(names))
    return made[:, made.sum(0) >= least]


def targets(enzymes, wanted):
    """Labels of enzymes as numbers.

    Returns:
        (enzymes, labels) float32 of 0 and 1.
    """
    held = {"ensemble": "ensembles", "product_type": "product_types", "substrate": "substrates"}
    return np.array(
        [
            [
                float(
                    enzyme.is_tps
                    if label == IS_TPS
                    else label.name in getattr(enzyme, held[label.group])
                )
                for label in wanted
            ]
            for enzyme in enzymes
        ],
        np.float32,
    ).reshape(len(enzymes), len(wanted))
