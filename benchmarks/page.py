#!/usr/bin/env python3
"""Measure the pages of tpspred predict: their size, and how long Chromium takes to open them.

    page.py PROTEINS.faa[.gz] [--calls 13 150 2000] [--runs 5]

The called proteins of the file are repeated under other ids until there are as many as wanted.
Prints a Markdown table: the page in kB, and, as medians in seconds after the browser begins to read
the page, the first paint, the first rows, and all rows. The pages take turns.
"""

import argparse
import itertools
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tpspred.io import fasta
from tpspred.model import checkpoint
from tpspred.writers import html

MARK = "tpspred-page"
# Waits until the first rows are painted, and then until all are there. A message arrives as soon as
# the frame is done; a timer would come after those of the page, which make the other rows.
WATCH = f"""<script>
const frame = new MessageChannel()
frame.port1.onmessage = () => {{
  const first = performance.now()
  const look = () => {{
    if (document.querySelectorAll(".protein").length < visible.length) return setTimeout(look, 5)
    const painted = performance.getEntriesByName("first-contentful-paint")[0]
    const times = [painted ? painted.startTime : first, first, performance.now()]
    console.log("{MARK}" + JSON.stringify(times))
  }}
  look()
}}
addEventListener("load", () => requestAnimationFrame(() => frame.port2.postMessage(0)))
</script></body>"""


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("proteins", type=pathlib.Path, metavar="PROTEINS")
    parser.add_argument("--calls", type=int, nargs="+", default=[13, 150, 2000], metavar="N")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    model = checkpoint.load()
    called = [call for call in model.predict(fasta.read_fasta(options.proteins)) if call.is_called]
    with tempfile.TemporaryDirectory() as folder:
        pages = {number: pathlib.Path(folder, f"{number}.html") for number in options.calls}
        sizes = {number: write_page(model, called, number, pages[number]) for number in pages}
        times = {number: [] for number in pages}
        for _ in range(options.runs):
            for number, page in pages.items():
                times[number].append(open_page(page))
    print("| calls | page, kB | first paint, s | first rows, s | all rows, s |")
    print("|---|---|---|---|---|")
    for number, runs in times.items():
        cells = [f"{statistics.median(column) / 1000:.2f}" for column in zip(*runs)]
        print("|", " | ".join([str(number), f"{sizes[number] / 1000:.0f}", *cells]), "|")


def write_page(model, called, number, path):
    """Write a page with so many calls, and return its size in bytes before it is watched."""
    with open(path, "w", encoding="utf-8") as handle:
        writer = html.Writer(handle, model, [path.name])
        for k, call in enumerate(itertools.islice(itertools.cycle(called), number)):
            writer.write(call._replace(id=f"protein_{k}"))
        writer.close()
    size = path.stat().st_size
    page = re.sub("<meta http-equiv.*?>", "", path.read_text("utf-8"))  # it forbids to watch
    path.write_text(page.replace("</body>", WATCH), "utf-8")
    return size


def open_page(path):
    """Open a page in a new browser, and return milliseconds: first paint, first and all rows."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]
        command += [f"--user-data-dir={profile}", "--window-size=1280,900"]
        command += ["--remote-debugging-port=0", "--enable-logging=stderr", path.as_uri()]
        browser = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            line = next(line for line in browser.stderr if MARK in line)
        finally:
            browser.terminate()
            browser.wait()
    return json.loads(re.search(rf"{MARK}(\[.*?\])", line)[1])


if __name__ == "__main__":
    main()
