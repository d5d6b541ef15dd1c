"""Calls as a tab-separated table, one row per record.

Columns: ``id``, ``length``, ``status``, ``tps_probability``, ``product_type``, ``product_type_probability``, ``ensembles``
(slug:probability, ';' between), ``ensemble_precision`` (slug:share of held-out calls that were right), ``ensemble_set`` (slugs, NA
unless asked for), ``nearest_enzyme`` (MARTS-DB id), ``nearest_accession``, ``nearest_products`` ('|' between),
``nearest_similarity``, ``motifs`` (name:start-end:residues), ``flags``, ``model``. ``NA`` is a missing value, ``none`` an empty list.
With all labels, a column of probabilities for each follows, named group:label; ``NA`` for one without training data.
"""

import math

from .. import motifs

COLUMNS = ("id", "length", "status", "tps_probability", "product_type", "product_type_probability", "ensembles",
           "ensemble_precision", "ensemble_set", "nearest_enzyme", "nearest_accession", "nearest_products", "nearest_similarity", "motifs", "flags",
           "model")
MISSING, EMPTY = "NA", "none"


def write(calls, handle, labels=()):
    """Write calls as they come.

    Args:
        calls: Iterable of prediction.Call.
        handle: Text stream.
        labels: dataset.Label list to add a probability column for each, as in the model.

    Returns:
        Number of rows.
    """
    print(*COLUMNS, *(label.column for label in labels), sep="\t", file=handle)
    count = 0
    for count, call in enumerate(calls, 1):
        print(*_row(call), *_probabilities(call, labels), sep="\t", file=handle)
    return count


def _row(call):
    scored, answered = call.tps_probability is not None, call.product_type is not None
    near = call.neighbour
    return (call.id, call.length_aa, call.status, number(call.tps_probability), call.product_type or MISSING,
            number(call.product_type_probability),
            several((f"{found.name}:{number(found.probability)}" for found in call.ensembles), answered),
            several((f"{found.name}:{number(found.precision)}" for found in call.ensembles), answered),
            several(call.ensemble_set or (), call.ensemble_set is not None),
            near.id if near else MISSING, "|".join(near.accessions) or MISSING if near else MISSING,
            "|".join(near.products) if near else MISSING, number(near.similarity if near else None),
            several([motifs.summary(call.motifs)], scored), several(call.flags, answered), call.model)


def several(values, known):
    """Values with ';' between, ``none`` for no value, NA where that is not known.

    >>> several("ab", True), several((), True), several((), False)
    ('a;b', 'none', 'NA')
    """
    return ";".join(values) or (EMPTY if known else MISSING)


def _probabilities(call, labels):
    return (number(None if call.probabilities is None else call.probabilities[i]) for i in range(len(labels)))


def number(value):
    """Four decimals, NA for None and NaN.

    >>> number(0.5), number(None)
    ('0.5000', 'NA')
    """
    return MISSING if value is None or math.isnan(value) else f"{value:.4f}"
