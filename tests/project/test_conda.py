"""The conda recipe agrees with the package, follows the rules of bioconda, and can be built."""

import configparser
import hashlib
import re
import runpy
import subprocess
import sys

import jinja2
import pytest
import rattler_build
import yaml
from support import ROOT

import tpspred

RECIPE = (ROOT / "conda-recipe/meta.yaml").read_text()
# Packages that conda-forge names differently; of PyTorch it has a package for CPUs.
CONDA_NAMES = {"torch": "pytorch-cpu"}
LEFT_OUT = runpy.run_path(str(ROOT / "bin/core-requirements"))["LEFT_OUT"]


@pytest.fixture(scope="module")
def setup():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    return config


def parsed(recipe):
    """Return a recipe as conda-build reads it; a pinned package of the recipe is its name."""
    rendered = jinja2.Template(recipe).render(
        PYTHON="$PREFIX/bin/python", pin_subpackage=lambda name, max_pin="", exact=False: name
    )
    return yaml.safe_load(rendered)


META = parsed(RECIPE)
OUTPUTS = {output["name"]: output for output in META["outputs"]}
CORE, FULL = OUTPUTS["tpspred-core"], OUTPUTS["tpspred"]


def test_version_name_and_about_are_those_of_the_package(setup):
    metadata = setup["metadata"]
    assert META["package"]["version"] == tpspred.__version__
    assert list(OUTPUTS) == [f"{metadata['name']}-core", metadata["name"]]
    assert {META["about"]["summary"], FULL["about"]["summary"]} == {metadata["description"]}
    assert META["about"]["home"] == metadata["url"]
    assert META["about"]["doc_url"] in metadata["project_urls"]
    assert {output["about"]["license"] for output in META["outputs"]} == {
        metadata["license_expression"]
    }


def test_run_requirements_are_those_of_the_package(setup):
    core = {"python " + setup["options"]["python_requires"]}
    full = {"tpspred-core"}
    for line in setup["options"]["install_requires"].strip().splitlines():
        name, _, version = line.partition(" ")
        wanted = full if name in LEFT_OUT else core
        wanted.add(f"{CONDA_NAMES.get(name, name)} {version}")
    assert set(CORE["requirements"]["run"]) == core
    assert set(FULL["requirements"]["run"]) == full


def test_rules_of_bioconda():
    """What bioconda-utils lints, of which there is no package on the index of pip."""
    assert META["package"]["name"] not in OUTPUTS
    assert META["build"] == {"number": 0} and "requirements" not in META
    assert [output["build"]["noarch"] for output in META["outputs"]] == ["python", "generic"]
    for output in META["outputs"]:
        assert output["build"]["run_exports"] == [output["name"]]
        assert f'pin_subpackage("{output["name"]}", max_pin="x.x")' in RECIPE
        assert output["about"]["license_file"] == "LICENSE" and output["test"]["commands"]
        assert len(output["about"]["summary"]) <= 120
        for line in [line for kind in output["requirements"].values() for line in kind]:
            assert re.fullmatch(r"[a-z0-9-]+( >=[\d.]+)?", line)
    source = META["source"]
    assert source.keys() == {"url", "sha256"}
    assert re.search(r'set sha256 = "[0-9a-f]{64}" %}\n', RECIPE)
    assert source["url"].endswith(f"/v{tpspred.__version__}/tpspred-{tpspred.__version__}.tar.gz")
    assert META["extra"]["recipe-maintainers"]
    assert all(re.fullmatch(r"\w+:\S+", value) for value in META["extra"]["identifiers"])
    assert "--no-deps --no-build-isolation" in CORE["build"]["script"]
    assert not re.search(r"^(pip|setuptools)", "\n".join(CORE["requirements"]["run"]), re.M)


def test_entry_points_are_those_of_the_package(setup):
    scripts = setup["options.entry_points"]["console_scripts"].strip().splitlines()
    assert CORE["build"]["entry_points"] == scripts


def test_build_requirements_are_those_of_the_package():
    wanted = re.search(r'requires = \["(.+)"\]', (ROOT / "pyproject.toml").read_text())[1]
    assert wanted.replace(">=", " >=") in CORE["requirements"]["host"]


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


def stub(name, version, script=()):
    """Return the recipe of an empty package in place of one that conda would install.

    The package of this test's environment is used instead.
    """
    return {
        "package": {"name": name, "version": version},
        "build": {"number": 0, "script": list(script)},
        "about": {"summary": "stub", "license": "MIT"},
    }


def derived(meta, output, channel_python):
    """Translate an output of meta.yaml into a recipe that rattler-build reads."""
    build, about, tests = output["build"], output["about"], output["test"]
    recipe = {
        "package": {"name": output["name"], "version": meta["package"]["version"]},
        "source": dict(meta["source"]),
        "build": {"number": meta["build"]["number"], "noarch": build["noarch"]},
        "requirements": {
            "host": [
                f"python {channel_python}.*" if line.startswith("python ") else line
                for line in output["requirements"].get("host", ())
            ],
            "run": output["requirements"]["run"],
            "run_exports": build["run_exports"],
        },
        "tests": [
            {
                "script": [*tests["commands"], OWN, *ABSENT.get(output["name"], ())],
                "files": {"source": tests["source_files"]},
            }
        ],
        "about": {key: about[key] for key in ("summary", "license", "license_file")},
    }
    if "script" in build:
        recipe["build"]["script"] = [build["script"]]
        recipe["build"]["python"] = {"entry_points": build["entry_points"]}
        recipe["tests"].append({"python": {"imports": tests["imports"], "pip_check": False}})
    return recipe


# In the environment of the core package there is no PyTorch.
ABSENT = {"tpspred-core": ["! ls $PREFIX/conda-meta/*pytorch* $PREFIX/conda-meta/fair-esm*"]}


@pytest.fixture
def served(built):
    """Path of the source distribution, and its address on a server of this machine.

    The server is a process of its own, because a build lets no other thread of this one run.
    """
    (path,) = built.glob("*.tar.gz")
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        command, cwd=built, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        port = re.search(r"port (\d+)", server.stdout.readline())[1]
        yield path, f"http://127.0.0.1:{port}/{path.name}"
        server.terminate()


def run_build(folder, name, recipe, channel, test):
    """Build a recipe with the packages of a channel, into which the new package goes."""
    path = folder / name / "recipe.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(recipe))
    tools = rattler_build.ToolConfiguration(test_strategy=test)
    for variant in rattler_build.Stage0Recipe.from_file(path).render():
        variant.run_build(tools, output_dir=channel, channels=[channel.as_uri()], no_build_id=True)


@pytest.mark.slow
def test_packages_are_built_and_tested(served, tmp_path):
    """Build the recipe against stubs of its requirements and run its tests in new environments.

    The source is downloaded, as it will be from the page of the release.
    """
    path, url = served
    command = [sys.executable, ROOT / "bin/fill-recipe", path, url]
    meta = parsed(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert meta["source"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    version = "{}.{}".format(*sys.version_info)
    launcher = STUB_PYTHON.format(version=version, python=sys.executable)
    python = [
        f"mkdir -p $PREFIX/bin $PREFIX/lib/python{version}/site-packages $PREFIX/conda-meta",
        f"cat > $PREFIX/bin/python <<'END'\n{launcher}END",
        "chmod +x $PREFIX/bin/python",
        "ln -s python $PREFIX/bin/python3",
        f"ln -s python $PREFIX/bin/python{version}",
    ]
    channel = tmp_path / "channel"
    (channel / "noarch").mkdir(parents=True)
    (channel / "noarch/repodata.json").write_text('{"packages": {}, "packages.conda": {}}')
    run_build(tmp_path, "python", stub("python", f"{version}.7", python), channel, "skip")
    lines = {
        line
        for output in OUTPUTS.values()
        for kind in output["requirements"].values()
        for line in kind
    }
    for line in lines:
        name, _, min_version = line.partition(" >=")
        if name not in ("python", *OUTPUTS):
            run_build(tmp_path, name, stub(name, min_version or "1.0"), channel, "skip")
    for output in meta["outputs"]:
        run_build(tmp_path, output["name"], derived(meta, output, version), channel, "native")
    (core,) = channel.glob("noarch/tpspred-core-*.conda")
    (full,) = channel.glob("noarch/tpspred-[0-9]*.conda")
    assert core.stat().st_size > 10e6 and full.stat().st_size < 1e5
    # Another file in the place of the source distribution is refused.
    meta["source"]["sha256"] = "0" * 64
    with pytest.raises(rattler_build.RattlerBuildError, match="(?i)checksum|sha256"):
        run_build(tmp_path, "wrong", derived(meta, CORE, version), channel, "skip")
