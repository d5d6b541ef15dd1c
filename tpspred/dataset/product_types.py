"""The vocabulary of MARTS-DB: types of products and classes of terpene synthases."""

PRODUCT_TYPES = (
    "hemi", "mono", "sesq", "di", "sesquar", "sester", "tri", "tetra", "pt", "sqs", "psy",
)  # fmt: skip
# Prenyl diphosphate, squalene and phytoene synthases: relatives, not terpene synthases.
RELATED_TYPES = frozenset({"pt", "sqs", "psy"})
TPS_CLASSES = ("1", "2")
# Enzymes of class 1 and of class 2 make these types; class 1 alone makes all others.
EITHER_CLASS = frozenset({"di", "tri", "tetra"})
