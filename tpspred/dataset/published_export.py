"""The MARTS-DB export that the package downloads, and where it is published."""

from ..errors import InputError
from ..io.published import Kind, PublishedFile
from .reactions import REACTION_COLUMNS

# The export of October 2025, as a public repository (MIT licence) keeps it. The address names a
# commit, so that the file behind it cannot change.
REPOSITORY = "ah474747/terpene-synthase-classification"
COMMIT = "b84f1877c89868eba58b66e13fc4398ac5f6849f"
PATH = "data/Original_MARTS_DB_reactions.csv"
KIND = Kind("a MARTS-DB export (.csv)", f"{next(iter(REACTION_COLUMNS))},".encode(), InputError)
# Its SHA-256 is not known. The bundled model was trained on a copy with the same columns, which a
# program had read and written again: it has other quotation marks and no "null", so its checksum is
# another one.
EXPORT = PublishedFile(f"https://raw.githubusercontent.com/{REPOSITORY}/{COMMIT}/{PATH}", KIND)
