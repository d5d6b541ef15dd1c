"""Find terpene synthases in protein sequences and predict what they make.

>>> import tpspred
>>> model = tpspred.load_model()
>>> calls = list(model.predict(tpspred.read_fasta("test_data/proteins.faa")))
>>> calls[0].status
'tps'
"""

__version__ = "0.1.0"


def read_fasta(source, duplicates="error"):
    """Iterate over the proteins of a FASTA file; see :func:`tpspred.records.read_fasta`."""
    from .io.fasta import read_fasta

    return read_fasta(source, duplicates=duplicates)


def load_model(path=None):
    """Load a model file, the bundled one by default; see :func:`tpspred.checkpoint.load`."""
    from .model import checkpoint

    return checkpoint.load(path)
