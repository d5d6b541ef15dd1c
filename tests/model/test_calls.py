import pytest

from tpspred.family.motifs import MotifHit
from tpspred.model.calls import Call, warning_flags
from tpspred.model.neighbours import Neighbour


def hit(motif, state="intact", frequency=1.0):
    return MotifHit(motif, state, 1, 5, "DDAAD", frequency)


def neighbour(agrees):
    return Neighbour("a", (), (), (), 0.9, 0.8, ("mono_pinene",), agrees)


@pytest.mark.parametrize(
    "product_type, motif_hits, flags",
    [
        ("mono", [hit("DDxxD")], []),
        ("mono", [hit("DDxxD", "altered")], ["no_intact_active_site"]),
        ("mono", [hit("DDxxD", "missing")], ["no_intact_active_site"]),
        ("mono", [hit("DDxxD", "altered"), hit("DxDD")], ["motif_conflict"]),
        ("mono", [hit("NSE/DTE", "missing"), hit("DxDD", frequency=0.1)], ["motif_conflict"]),
        ("di", [hit("DDxxD", "altered"), hit("DxDD")], []),
        ("tri", [hit("DCTAE")], []),
        ("tri", [hit("DCTAE", "altered")], ["no_intact_active_site"]),
        ("mono", [hit("DxDD"), hit("NSE/DTE")], []),
        ("mono", [hit("DDxxD"), hit("DxDD", "missing")], []),
        ("sqs", [hit("DxxxD"), hit("DxxxD", "altered")], []),
        ("psy", [hit("DxxxD", "altered"), hit("DxxxD", "missing")], ["no_intact_active_site"]),
    ],
)
def test_active_site_and_type_are_compared(product_type, motif_hits, flags):
    assert list(warning_flags(1.0, 0.0, [], product_type, motif_hits)) == flags


@pytest.mark.parametrize(
    "product_type, motif_hits, flags",
    [
        ("sqs", [], []),
        ("mono", [hit("QW")], []),
        ("mono", [hit("DDxxD", "missing", 0.49)], []),
        ("mono", [hit("DDxxD", "missing", 0.5)], ["no_intact_active_site"]),
        ("mono", [hit("DxDD", "missing", 0.1), hit("DDxxD")], []),
        ("sesquar", [hit("DCTAE")], []),
        ("sesquar", [hit("DCTAE"), hit("DDxxD", "missing", 0.4)], []),
    ],
)
def test_a_family_without_an_active_site_motif_gets_no_flag_for_it(product_type, motif_hits, flags):
    assert list(warning_flags(1.0, 0.0, [], product_type, motif_hits)) == flags


@pytest.mark.parametrize(
    "similarity, flags", [(0.49, ["no_similar_enzyme"]), (0.5, []), (0.51, [])]
)
def test_a_protein_that_is_unlike_every_enzyme_says_so(similarity, flags):
    assert list(warning_flags(similarity, 0.5, [], "mono", [hit("DDxxD")])) == flags


@pytest.mark.parametrize(
    "agreements, flags",
    [
        ([], []),
        ([None, None], []),
        ([False, True], []),
        ([False, False], ["no_neighbour_agrees"]),
    ],
)
def test_neighbours_that_all_disagree_are_flagged(agreements, flags):
    neighbours = [neighbour(agrees) for agrees in agreements]
    assert list(warning_flags(1.0, 0.5, neighbours, "mono", [hit("DDxxD")])) == flags


def test_calls_say_whether_they_are_scored_and_called():
    unscored = Call("p", 50, "empty", "m:1")
    scored = unscored._replace(status="not_tps", tps_probability=0.0)
    called = scored._replace(status="tps", tps_probability=1.0, product_type="mono")
    assert [call.is_scored for call in (unscored, scored, called)] == [False, True, True]
    assert [call.is_called for call in (unscored, scored, called)] == [False, False, True]


def test_the_nearest_enzyme_is_the_first_neighbour():
    call = Call("p", 50, "tps", "m:1", neighbours=(neighbour(True), neighbour(False)))
    assert call.nearest is call.neighbours[0]
    assert Call("p", 50, "empty", "m:1").nearest is None
