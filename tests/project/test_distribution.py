"""The source distribution is the repository, the wheel is the package, and both tell about it."""

import email
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
from support import ROOT

import tpspred

# Files that a source distribution has and the repository has not: what setuptools writes.
WRITTEN = {"PKG-INFO"}
# A link of the repository, in whose place a source distribution has what it leads to.
LINKED = {"workflows/galaxy/test-data": "test_data"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel):
    (path,) = (name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(path))


def test_source_distribution_has_the_files_of_the_repository(built, tracked):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    names = {name for name in names if not name.startswith("tpspred.egg-info/")}
    wanted = set(tracked) - set(LINKED) | WRITTEN
    for link, folder in LINKED.items():
        wanted |= {
            path.replace(folder, link, 1) for path in tracked if path.startswith(f"{folder}/")
        }
    assert names == wanted
    assert path.name == f"tpspred-{tpspred.__version__}.tar.gz"


def test_wheel_has_the_files_of_the_package_alone(wheel, tracked):
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == {path for path in tracked if path.startswith("tpspred/")}


def test_twine_has_no_warning(built):
    command = [sys.executable, "-m", "twine", "check", "--strict", *built.iterdir()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_metadata_tells_who_where_and_for_which_python(metadata):
    assert metadata["Author"] == "The tpspred authors"
    assert metadata["License-Expression"] == "MIT"
    assert "terpene synthase" in metadata["Keywords"].split(",")
    places = dict(line.split(", ") for line in metadata.get_all("Project-URL"))
    assert places.keys() == {"Documentation", "Source", "Issues", "Changelog"}
    versions = re.findall(r"Python :: (3\.\d+)$", "\n".join(metadata.get_all("Classifier")), re.M)
    assert metadata["Requires-Python"] == f">={versions[0]}"
    workflow = (ROOT / ".github/workflows/tests.yml").read_text()
    assert {versions[0], versions[-1]} <= set(re.findall(r'"(3\.\d+)"', workflow))


def test_links_of_the_description_lead_to_files_of_this_version(metadata, tracked):
    description = metadata.get_payload()
    targets = re.findall(r"\]\(([^)\s]+)|(?:src|href)=\"([^\"]+)", description)
    targets = {one or other for one, other in targets if not (one or other).startswith("#")}
    base = f"https://github.com/tpspred/tpspred/(?:blob|raw)/v{re.escape(tpspred.__version__)}/"
    files = {re.sub(f"^{base}|#.*", "", target) for target in targets if re.match(base, target)}
    assert files and all((ROOT / path).exists() for path in files)
    assert all(target.startswith("https://") for target in targets)
