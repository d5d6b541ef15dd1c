"""Configuration of Sphinx: Markdown through MyST, the Python API from the docstrings."""

import tpspred

project = "tpspred"
author = "The tpspred authors"
copyright = author  # noqa: A001
version = release = tpspred.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence"]
# Headings get the anchors that GitHub gives them.
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"

html_theme = "furo"
html_title = f"tpspred {release}"
html_show_copyright = False
