"""The conda recipe agrees with the package, follows the rules of bioconda, and can be built."""

import configparser
import re
import sys

import jinja2
import pytest
import rattler_build
import yaml
from support import ROOT

import tpspred

RECIPE = (ROOT / "conda-recipe/meta.yaml").read_text()
# The one package that conda-forge names differently.
CONDA_NAMES = {"torch": "pytorch"}


@pytest.fixture(scope="module")
def setup():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def section(name):
    """Return the entries of the list below 'name:' in the recipe."""
    block = re.search(rf"^( *){name}:\n((?:\1  .*\n)+)", RECIPE, re.M)[2]
    return [line.strip().removeprefix("- ") for line in block.splitlines()]


def test_version_and_name_are_those_of_the_package(setup):
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
    # A released source needs its checksum.
    assert re.search(r"^  path: \.\.$|^  url: .+\n  sha256: [0-9a-f]{64}$", RECIPE, re.M)
    assert "license_file: LICENSE" in RECIPE and (ROOT / "LICENSE").exists()
    assert "--no-deps --no-build-isolation" in RECIPE


def test_entry_points_are_those_of_the_package(setup):
    scripts = setup["options.entry_points"]["console_scripts"].strip().splitlines()
    assert section("entry_points") == scripts


def test_recipe_predicts_on_the_test_data():
    assert any(command.startswith("tpspred predict test_data/") for command in section("commands"))
    for path in section("source_files"):
        assert (ROOT / path).exists()


# A python in a conda environment that runs the one of this test, with the packages of both.
STUB_PYTHON = r"""#!/bin/sh
P=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$P/lib/python{version}/site-packages:$PYTHONPATH"
export PIP_PREFIX="$P" PIP_IGNORE_INSTALLED=1
exec {python} "$@"
"""


# A command that fails unless the tested package is the built one, and not that of this test.
OWN = (
    "python -c 'import os, tpspred; path = tpspred.__file__; "
    'assert path.startswith(os.environ["PREFIX"]), path\''
)


def stub(folder, name, version, script=()):
    """Write the recipe of an empty package in place of one that conda would install.

    The package of this test's environment is used instead.
    """
    path = folder / f"stub-{name}/recipe.yaml"
    path.parent.mkdir()
    path.write_text(
        yaml.safe_dump(
            {
                "package": {"name": name, "version": version},
                "build": {"number": 0, "script": list(script)},
                "about": {"summary": "stub", "license": "MIT"},
            }
        )
    )
    return path


def derived(channel_python):
    """Translate meta.yaml into a recipe that rattler-build reads."""
    rendered = jinja2.Template(RECIPE).render(
        PYTHON="$PREFIX/bin/python", pin_subpackage=lambda name, max_pin: name
    )
    meta = yaml.safe_load(rendered)
    about = meta["about"]
    return {
        "package": {"name": meta["package"]["name"], "version": meta["package"]["version"]},
        "source": {"path": str(ROOT), "use_gitignore": True},
        "build": {
            "number": 0,
            "noarch": "python",
            "script": [meta["build"]["script"]],
            "python": {"entry_points": meta["build"]["entry_points"]},
        },
        "requirements": {
            "host": [
                f"python {channel_python}.*" if line.startswith("python ") else line
                for line in meta["requirements"]["host"]
            ],
            "run": meta["requirements"]["run"],
            "run_exports": meta["build"]["run_exports"],
        },
        "tests": [
            {"python": {"imports": meta["test"]["imports"], "pip_check": False}},
            {
                "script": [*meta["test"]["commands"], OWN],
                "files": {"source": meta["test"]["source_files"]},
            },
        ],
        "about": {
            "homepage": about["home"],
            "summary": about["summary"],
            "license": about["license"],
            "license_file": about["license_file"],
        },
    }


@pytest.mark.slow
def test_package_is_built_and_tested(tmp_path):
    """Build the recipe against stubs of its requirements and run its tests in a new environment."""
    version = "{}.{}".format(*sys.version_info)
    launcher = STUB_PYTHON.format(version=version, python=sys.executable)
    python = [
        f"mkdir -p $PREFIX/bin $PREFIX/lib/python{version}/site-packages $PREFIX/conda-meta",
        f"cat > $PREFIX/bin/python <<'END'\n{launcher}END",
        "chmod +x $PREFIX/bin/python",
        "ln -s python $PREFIX/bin/python3",
        f"ln -s python $PREFIX/bin/python{version}",
    ]
    recipes = [stub(tmp_path, "python", f"{version}.7", python)]
    for line in {*section("host"), *section("run")}:
        name, _, min_version = line.partition(" >=")
        if name != "python":
            recipes.append(stub(tmp_path, name, min_version or "1.0"))
    channel = tmp_path / "channel"
    (channel / "noarch").mkdir(parents=True)
    (channel / "noarch/repodata.json").write_text('{"packages": {}, "packages.conda": {}}')
    (tmp_path / "tpspred").mkdir()
    (tmp_path / "tpspred/recipe.yaml").write_text(yaml.safe_dump(derived(version)))
    for recipe in (*recipes, tmp_path / "tpspred/recipe.yaml"):
        tools = rattler_build.ToolConfiguration(
            test_strategy="skip" if recipe in recipes else "native"
        )
        for variant in rattler_build.Stage0Recipe.from_file(recipe).render():
            variant.run_build(
                tools, output_dir=channel, channels=[channel.as_uri()], no_build_id=True
            )
    (package,) = channel.glob("noarch/tpspred-*.conda")
    assert package.stat().st_size > 10e6
