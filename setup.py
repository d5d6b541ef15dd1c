"""The description on the package index: README.md, whose links lead to the files of this version.

Everything else about the package is in setup.cfg.
"""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent
REPOSITORY = "https://github.com/tpspred/tpspred"
(VERSION,) = re.findall('__version__ = "(.+)"', (ROOT / "tpspred/__init__.py").read_text())
# An image is shown as it is, and any other file as a page.
RELATIVE = re.compile(r"(?P<image>!?)(?P<text>\[[^\]]*\])\((?![a-z]+:|#)(?P<path>[^)\s]+)")


def absolute(link: re.Match[str]) -> str:
    """Return the beginning of a link in Markdown with the whole address of its file."""
    kind = "raw" if link["image"] else "blob"
    return f"{link['image']}{link['text']}({REPOSITORY}/{kind}/v{VERSION}/{link['path']}"


setuptools.setup(
    long_description=RELATIVE.sub(absolute, (ROOT / "README.md").read_text(encoding="utf-8")),
    long_description_content_type="text/markdown",
)
