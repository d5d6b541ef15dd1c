"""The conda recipe, read the way bioconda-recipes' linter reads it."""

import configparser
import pathlib
import re

import pytest

import tpspred

ROOT = pathlib.Path(__file__).parent.parent
RECIPE = (ROOT / "conda-recipe/meta.yaml").read_text()
# The one package that conda-forge names differently.
CONDA_NAMES = {"torch": "pytorch"}


@pytest.fixture(scope="module")
def setup():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def section(name):
    """Entries of a list below 'name:'."""
    block = re.search(rf"^( *){name}:\n((?:\1  .*\n)+)", RECIPE, re.M)[2]
    return [line.strip().removeprefix("- ") for line in block.splitlines()]


def test_version_and_name_are_the_package(setup):
    assert f'version = "{tpspred.__version__}"' in RECIPE
    assert f'name = "{setup["metadata"]["name"]}"' in RECIPE


def test_run_requirements_are_those_of_the_package(setup):
    wanted = {"python " + setup["options"]["python_requires"]}
    for line in setup["options"]["install_requires"].strip().splitlines():
        name, _, version = line.partition(" ")
        wanted.add(f"{CONDA_NAMES.get(name, name)} {version}")
    assert set(section("run")) == wanted


def test_rules_of_bioconda():
    assert "noarch: python" in RECIPE
    assert section("run_exports") == ["{{ pin_subpackage('tpspred', max_pin=\"x.x\") }}"]
    assert not any(line.startswith(("setuptools", "pip")) for line in section("run"))
    assert "license_file: LICENSE" in RECIPE and (ROOT / "LICENSE").exists()
    assert "--no-deps --no-build-isolation" in RECIPE


def test_entry_point_is_that_of_the_package(setup):
    assert section("entry_points") == [setup["options.entry_points"]["console_scripts"].strip()]


def test_recipe_runs_the_main_job_on_a_packaged_example():
    assert any(command.startswith("tpspred predict test_data/") for command in section("commands"))
    for path in section("source_files"):
        assert (ROOT / path).exists()
