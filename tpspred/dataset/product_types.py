"""Names that MARTS-DB uses for types of products and classes of terpene synthases."""

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
