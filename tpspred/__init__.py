"""Find terpene synthases in protein sequences and predict what they make.

>>> import tpspred
>>> model = tpspred.load_model()
>>> calls = list(model.predict(tpspred.read_fasta("test_data/proteins.faa")))
>>> calls[0].status
'tps'
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .io.fasta import ProteinRecord
    from .model.predictor import Predictor

__version__ = "0.1.0"


def read_fasta(
    source: str | os.PathLike[str], duplicates: str = "keep", strict: bool = False
) -> Iterator[ProteinRecord]:
    """Iterate over the proteins of a FASTA file; see :func:`tpspred.io.fasta.read_fasta`."""
    from .io.fasta import read_fasta

    return read_fasta(source, duplicates, strict)


def load_model(path: str | os.PathLike[str] | None = None) -> Predictor:
    """Load a model file, the bundled one by default; see :func:`tpspred.model.checkpoint.load`."""
    from .model import checkpoint

    return checkpoint.load(path)
