"""Terms of what is called: EC numbers, Rhea reactions, ChEBI compounds, GO functions, and a name.

They are as specific as the evidence. A synthase with confident products gets the identifiers of
these products; one without gets what all synthases of its product type and class have in common.
``resources/terms.tsv`` has the mapping and its sources.
"""

import dataclasses
import functools
from collections.abc import Collection, Iterator, Sequence

from .product_types import EITHER_CLASS
from .products import Product, read_rows

RESOURCE = "resources/terms.tsv"
ROMAN = {"1": "I", "2": "II"}
BOTH = "I+II"
MAX_NAMED = 3  # products in the name of an enzyme
# Names of enzymes by product type.
ENZYMES = {
    "hemi": "hemiterpene synthase",
    "mono": "monoterpene synthase",
    "sesq": "sesquiterpene synthase",
    "di": "diterpene synthase",
    "sesquar": "sesquarterpene synthase",
    "sester": "sesterterpene synthase",
    "tri": "triterpene synthase",
    "tetra": "tetraterpene synthase",
    "pt": "isoprenyl diphosphate synthase",
    "sqs": "squalene synthase family protein",
    "psy": "phytoene synthase family protein",
}
# Names by product type and class, where that says more.
ENZYMES_OF_CLASS = {
    ("di", "II"): "class II diterpene cyclase",
    ("tri", "II"): "triterpene cyclase",
    # A prenyltransferase that is called a terpene synthase has a domain of either kind.
    ("pt", "I"): "bifunctional terpene synthase/isoprenyl diphosphate synthase",
}


@dataclasses.dataclass(frozen=True)
class Terms:
    """Identifiers of what a protein does.

    Attributes:
        ec: EC numbers, such as ``4.2.3.47``, or ``4.2.3.-`` if no more is known.
        rhea: Reactions, such as ``RHEA:27425``.
        chebi: Compounds that it makes, such as ``CHEBI:39241``.
        go: Molecular functions, such as ``GO:0010333``.
    """

    ec: tuple[str, ...] = ()
    rhea: tuple[str, ...] = ()
    chebi: tuple[str, ...] = ()
    go: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class TermRow:
    """One row of the package's table.

    Attributes:
        product_type: Product type, or '' in a row that gives the function of an EC number.
        tps_class: ``I`` or ``II``, or '' if the row holds for any.
        ec: EC number.
        go: Identifier of the molecular function.
        go_name: Its name.
        source: Where the mapping comes from.
    """

    product_type: str
    tps_class: str
    ec: str
    go: str
    go_name: str
    source: str


@functools.cache
def read_terms() -> tuple[TermRow, ...]:
    """Return the package's table of terms."""
    return tuple(TermRow(**row) for row in read_rows(RESOURCE))


def class_of_synthase(
    product_type: str, intact: Collection[str], lost: Collection[str]
) -> str | None:
    """Return the class of a terpene synthase from what it makes and its active sites.

    Args:
        product_type: Its product type.
        intact: Classes, ``1`` and ``2``, whose active site is intact.
        lost: Classes whose active site the family has and the protein has not.

    Returns:
        ``I``, ``II`` or ``I+II``; None if the two contradict each other, or the active site is
        lost, or the family has no motif and the type does not tell the class.

    >>> class_of_synthase("di", {"1", "2"}, ()), class_of_synthase("mono", {"1", "2"}, ())
    ('I+II', 'I')
    >>> class_of_synthase("mono", (), {"1"}), class_of_synthase("mono", (), ())
    (None, 'I')
    """
    possible = {"1", "2"} if product_type in EITHER_CLASS else {"1"}
    working = possible & set(intact)
    if working == {"1", "2"}:
        return BOTH
    if working:
        return ROMAN[working.pop()]
    return "I" if possible == {"1"} and not intact and not lost else None


def terms_of(product_type: str, tps_class: str | None, products: Sequence[Product]) -> Terms:
    """Return the terms of a protein that is called.

    A function in GO is that of a product's EC number if the product has no other, because GO tells
    stereoisomers apart. A product without one has the function of its product type, if that is the
    function of a class of enzymes which its EC numbers belong to, and no product tells more of it.

    Args:
        product_type: Its product type.
        tps_class: ``I``, ``II``, ``I+II``, or None.
        products: Products that it makes confidently.

    >>> terms_of("sesq", "I", []).ec
    ('4.2.3.-',)
    """
    general = list(_general_rows(product_type, tps_class))
    ec = _distinct(number for product in products for number in product.ec)
    go = _distinct(function for product in products for function in _functions(product))
    # A product without a function has that of its type, unless another tells more of the same.
    told = [row.ec for row in read_terms() if not row.product_type and row.go in go]
    for row in general:
        is_told = any(_contains(row.ec, [number]) for number in told)
        if not is_told and any(_contains(row.ec, product.ec) for product in products if product.ec):
            go += (row.go,)
    # An enzyme with two active sites does with the other one what its products do not tell.
    untold = [row for row in general if not any(_contains(row.ec, [number]) for number in ec)]
    if not ec or len(general) > 1:
        ec += tuple(row.ec for row in untold)
        go += tuple(row.go for row in untold)
    return Terms(
        ec=ec,
        rhea=_distinct(reaction for product in products for reaction in product.rhea),
        chebi=_distinct(product.chebi for product in products if product.chebi),
        go=go,
    )


def numbers_with_function(go: str, numbers: Collection[str]) -> tuple[str, ...]:
    """Return those of a protein's EC numbers that a function in GO follows from.

    >>> numbers_with_function("GO:0010333", ("4.2.3.16", "5.5.1.12"))
    ('4.2.3.16',)
    """
    general = [row.ec for row in read_terms() if row.go == go]
    return tuple(
        number for number in numbers if any(_contains(other, [number]) for other in general)
    )


def enzyme_name(
    product_type: str | None, tps_class: str | None, products: Sequence[Product]
) -> str:
    """Return the name of an enzyme as annotations of genomes write it.

    Args:
        product_type: Its product type; None if that is uncertain.
        tps_class: ``I``, ``II``, ``I+II``, or None.
        products: Products that it makes confidently.

    >>> enzyme_name("sesq", "I", [Product("C", "β-farnesene")])
    'putative β-farnesene synthase'
    >>> enzyme_name("sesq", "I", []), enzyme_name(None, "I", [])
    ('putative sesquiterpene synthase', 'terpene synthase')
    """
    named = [product.name for product in products if product.name][:MAX_NAMED]
    if named:
        return f"putative {'/'.join(named)} synthase"
    if product_type is None:
        return "terpene synthase"
    # A stranger's model may have another product type.
    name = ENZYMES.get(product_type, "terpene synthase")
    return f"putative {ENZYMES_OF_CLASS.get((product_type, tps_class or ''), name)}"


def _general_rows(product_type: str, tps_class: str | None) -> Iterator[TermRow]:
    """Yield the rows of a product type and class."""
    classes = {"", *(tps_class or "").split("+")}
    for row in read_terms():
        if row.product_type == product_type and row.tps_class in classes:
            yield row


def _functions(product: Product) -> Iterator[str]:
    """Yield the function in GO of a product's only EC number."""
    if len(product.ec) == 1:
        for row in read_terms():
            if not row.product_type and row.ec in product.ec:
                yield row.go


def _contains(general: str, numbers: Collection[str]) -> bool:
    """Return whether all EC numbers are the general one, or belong to it as to ``4.2.3.-``."""
    if not general.endswith("-"):
        return all(number == general for number in numbers)
    return all(number.startswith(general[:-1]) for number in numbers)


def _distinct(values: Iterator[str]) -> tuple[str, ...]:
    """Return the values, each once."""
    return tuple(dict.fromkeys(values))
