import pytest

from tpspred import errors

KINDS = [errors.InputError, errors.StoreError, errors.ModelError, errors.MissingDependency]


@pytest.mark.parametrize("kind", [errors.TpspredError, *KINDS])
def test_message_says_where_what_and_what_instead(kind):
    error = kind.at("x.faa, line 3", "a digit", "amino acids")
    assert type(error) is kind
    assert str(error) == "x.faa, line 3: found a digit; wanted amino acids"


@pytest.mark.parametrize("kind", KINDS)
def test_one_except_clause_catches_every_kind(kind):
    with pytest.raises(errors.TpspredError, match="no luck"):
        raise kind("no luck")
