"""Names that MARTS-DB uses for types of products and classes of terpene synthases."""

from ..errors import InputError

PRODUCT_TYPES = (
    "hemi", "mono", "sesq", "di", "sesquar", "sester", "tri", "tetra", "pt", "sqs", "psy",
)  # fmt: skip
# What prenyl diphosphate (pt), squalene (sqs) and phytoene (psy) synthases make. They are relatives
# of the terpene synthases.
RELATED_TYPES = frozenset({"pt", "sqs", "psy"})
# Class 1 ionises a diphosphate, class 2 protonates a double bond or an epoxide.
TPS_CLASSES = ("1", "2")
# Enzymes of either class make these types. Class 1 alone makes all others.
EITHER_CLASS = frozenset({"di", "tri", "tetra"})
# What tables of other projects call a protein that makes no terpene.
NEGATIVE = "negative"


def refuse_negative(product_type: str, place: str) -> None:
    """Refuse a row about a protein that makes no terpene, and say where it belongs.

    Args:
        product_type: Type as the table gives it.
        place: File and line.

    Raises:
        InputError: If the type is Negative.
    """
    if product_type.strip().lower() == NEGATIVE:
        raise InputError.at(
            place,
            f"the type {product_type.strip()}, a protein that makes no terpene",
            "enzymes alone; such a protein belongs to the --negatives of tpspred train",
        )
