import io

import numpy as np
import pytest

from tpspred.family.alignment import Alignment
from tpspred.family.motifs import MotifHit
from tpspred.family.profiles import DomainHit
from tpspred.model.calls import Call, EnsembleCall, ProductCall
from tpspred.model.neighbours import Neighbour
from tpspred.writers import UNPLACED


@pytest.fixture(scope="session")
def awkward_call(model):
    """A call with everything that needs care.

    It has characters to escape, confident products with one and with several EC numbers, products
    that no table knows, an altered and a missing motif, and neighbours that disagree.
    """
    neighbours = tuple(
        Neighbour(
            id=f"marts_{i}",
            accessions=("P0<1>", "Q6PWU2"),
            species=("A & B",),
            products=("1,8-cineole", "α;β"),
            similarity=0.5,
            identity=0.4,
            ensembles=(),
            agrees=agrees,
            alignment=Alignment(0.4, 0.9, 1e-50),
        )
        for i, agrees in enumerate((False, None))
    )
    return Call(
        id='a|b;c=d%,é "<x>"',
        length_aa=600,
        status="tps",
        model=model.name,
        tps_probability=0.99,
        product_type="mono",
        product_type_probability=0.8,
        ensembles=(
            EnsembleCall("mono_pinene", 0.8),
            EnsembleCall("mono_thujene", 0.7),
            EnsembleCall("mono_sabinene", 0.3),
        ),
        ensemble_set=("mono_pinene",),
        flags=("no_neighbour_agrees",),
        neighbours=neighbours,
        motifs=(
            MotifHit("DDxxD", "intact", 300, 304, "DDVYD"),
            MotifHit("NSE/DTE", "altered", 450, 458, "NDLGTAKGE"),
            MotifHit("RRx8W", "missing", 0, 0, ""),
        ),
        domains=(DomainHit("fam", "class_I_alpha", 20, 590, 512.25),),
        probabilities=np.full(len(model.labels), 0.25),
        features=np.zeros(64),
        products=(
            ProductCall("CC12CCC(CC1)C(C)(C)O2", 0.96),
            ProductCall("CC1=CCC2CC1C2(C)C", 0.8),
            ProductCall("C%;C", 0.5),
            ProductCall("C", 0.25),
        ),
    )


@pytest.fixture(scope="session")
def unscored_call(model):
    """A call of a protein that could not be scored."""
    return Call(id="e", length_aa=0, status="empty", model=model.name)


@pytest.fixture(scope="session")
def written():
    """Return the text that a writer makes of calls: written(Writer, model, *calls, **options).

    All proteins are from the same place.
    """

    def write(writer_class, model, *calls, place=UNPLACED, **options):
        handle = io.StringIO()
        writer = writer_class(handle, model, **options)
        for call in calls:
            writer.write(call, place)
        writer.close()
        return handle.getvalue()

    return write
