"""A page in a real browser, which says what a script finds in it."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape

import pytest

needs_chromium = pytest.mark.skipif(
    not shutil.which("chromium"), reason="Chromium is not installed"
)
DESK, PHONE = "used.html", "phone.html"  # what to open: the page, or a frame of 390 pixels with it
FRAME = f"""<iframe src="{DESK}" style="width:390px;height:800px;border:0"></iframe>
<script>onload = () => setTimeout(() =>
  document.title = document.querySelector("iframe").contentDocument.title, 3000)</script>"""


def use(folder, page, script, name=DESK):
    """Open a page in Chromium and return what a script in it says, and what the browser logs.

    Args:
        folder: Folder for the files.
        page: The page.
        script: Script that is added to the page and sets its title to JSON. The page's policy has
            to allow it, too; it still forbids any other.
        name: DESK or PHONE.
    """
    folder.mkdir(exist_ok=True)
    page = re.sub(
        "(?:script-src ([^;]*); )?style-src",
        lambda policy: f"script-src {policy[1] or ''} {hash_of(script)}; style-src",
        page,
        count=1,
    )
    (folder / DESK).write_text(page.replace("</body>", f"<script>{script}</script></body>"))
    (folder / PHONE).write_text(FRAME)
    done = subprocess.run(
        [
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--allow-file-access-from-files",
            "--enable-logging=stderr",
            f"--user-data-dir={folder}/c",
            "--window-size=1280,900",
            "--virtual-time-budget=8000",
            "--dump-dom",
            f"file://{folder}/{name}",
        ],
        capture_output=True,
        text=True,
        timeout=240,
    )
    said = unescape(re.search("<title>(.*?)</title>", done.stdout)[1])
    log = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(said), log


def hash_of(script):
    """The hash of a script, as a page's policy gives it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
