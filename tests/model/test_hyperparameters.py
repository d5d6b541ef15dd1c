import argparse
import dataclasses
import subprocess
import sys

import pytest

from tpspred.errors import TpspredError
from tpspred.model import hyperparameters
from tpspred.model.hyperparameters import MIN_VALUES, SHARES, Config


@pytest.mark.parametrize("name", MIN_VALUES)
def test_too_small_values_are_refused(name):
    flag = hyperparameters.flag(name)
    with pytest.raises(TpspredError, match=f"{flag}: found .+; wanted at least {MIN_VALUES[name]}"):
        Config(**{name: MIN_VALUES[name] - 1})


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_shares_go_from_0_to_1(name, value):
    flag = hyperparameters.flag(name)
    with pytest.raises(TpspredError, match=f"{flag}: found {value}; wanted 0 to 1"):
        Config(**{name: value})
    for allowed in (0, 1):
        assert getattr(Config(**{name: allowed}), name) == allowed


def test_every_member_leaves_another_fold_out():
    with pytest.raises(TpspredError, match="--members: found 5; wanted at most --folds, 4"):
        Config(folds=4, members=5)
    assert Config(folds=4, members=4).members == 4


def test_every_number_has_a_range_and_a_help_text():
    names = {field.name for field in dataclasses.fields(Config)}
    assert names == {*MIN_VALUES, *SHARES, "mixed_precision"}
    assert all(field.metadata["help"].endswith(".") for field in dataclasses.fields(Config))


def test_options_of_argparse_give_the_hyperparameters():
    parser = argparse.ArgumentParser()
    hyperparameters.add_arguments(parser, Config)
    arguments = parser.parse_args(["--folds", "12", "--learning-rate", "0.5"])
    config = hyperparameters.from_arguments(arguments, Config)
    assert config == Config(folds=12, learning_rate=0.5)
    assert hyperparameters.from_arguments(parser.parse_args([]), Config) == Config()
    assert "--mixed-precision" not in parser.format_help()


def test_hyperparameters_import_nothing_heavy():
    program = (
        "import sys, tpspred.model.hyperparameters\n"
        "print({'torch', 'numpy', 'h5py', 'pyhmmer'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr
