"""What only a real process shows: pipes, signals, start-up, and the script of the checkout."""

import signal
import subprocess
import sys
import time

import pytest
from support import DATA, ROOT

import tpspred
from tpspred import cli

SCRIPT = [sys.executable, str(ROOT / "bin/tpspred")]
MODULE = [sys.executable, "-m", "tpspred"]
PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()
# Prints the help of each command and, to standard error, the heavy modules that this imported.
HELP = """
import sys
from tpspred import cli
for name in (None, *cli.COMMANDS):
    sys.argv = ["tpspred", *filter(None, [name]), "--help"]
    try:
        cli.main()
    except SystemExit as stop:
        assert stop.code == 0, name
heavy = {"torch", "esm", "h5py", "Bio", "pyhmmer", "pyfamsa", "numpy", "rdkit", "rich"}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.slow
def test_the_script_of_the_checkout_runs(tmp_path):
    done = subprocess.run([*SCRIPT, "predict", PROTEINS], capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, EXPECTED)


@pytest.mark.parametrize("program", [SCRIPT, MODULE], ids=["script", "module"])
def test_version(program):
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"tpspred {tpspred.__version__}\n"


def test_the_module_passes_on_the_exit_status():
    done = subprocess.run([*MODULE, "fly"], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: tpspred [OPTIONS] COMMAND")


@pytest.mark.slow
def test_standard_input_may_be_a_pipe():
    done = subprocess.run(
        [*SCRIPT, "predict", "-q", "-"], input=PROTEINS.read_bytes(), capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, b"")


@pytest.fixture
def shell_lines(tmp_path):
    """Run lines of bash, in which $T is tpspred and $F the test proteins."""

    def call(lines):
        definitions = f'T() {{ {SCRIPT[0]} {SCRIPT[1]} "$@"; }}; F={PROTEINS}; set -e\n'
        return subprocess.run(
            ["/bin/bash", "-c", definitions + lines], capture_output=True, cwd=tmp_path, timeout=120
        )

    return call


@pytest.mark.slow
@pytest.mark.parametrize(
    "lines",
    [
        "T predict -q <(cat $F)",
        "cat $F | T predict -q /dev/stdin",
        "T predict -q /dev/stdin < $F",
        "(head -c 1 $F; sleep 0.3; tail -c +2 $F) | T predict -q /dev/stdin",
        "T predict -q <(head -c 3 $F; sleep 0.3; tail -c +4 $F)",
        "gzip -c $F > f.gz; T predict -q <(cat f.gz)",
        "mkfifo pipe; cat $F > pipe & T predict -q pipe",
        "T embed -q $F -o s.h5; T predict -q <(cat s.h5)",
        "T embed -q <(cat $F) -o s.h5; T predict -q s.h5",
        "T embed -q <(cat $F) -o s.h5; T featurize -q - -o - < s.h5 | T predict -q /dev/stdin",
        "for i in 1 2; do T predict -q $F --shard $i/2 -o $i; done\n"
        "T merge -q <(cat 2) <(cat 1) -o -",
    ],
)
def test_every_kind_of_input_gives_the_rows_of_the_file(shell_lines, lines):
    """A pipe is opened once: nothing that was read to recognise the format is lost."""
    done = shell_lines(lines)
    assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, b"")


@pytest.mark.slow
def test_stores_are_merged_from_pipes(shell_lines):
    done = shell_lines(
        "for i in 1 2; do T embed -q $F --shard $i/2 -o $i.h5; done\n"
        "T merge -q <(cat 2.h5) <(cat 1.h5) -o s.h5; T predict -q s.h5"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, EXPECTED, b"")


@pytest.mark.slow
def test_the_reader_of_the_output_may_leave_early(tmp_path):
    many = tmp_path / "many.faa"
    many.write_text("".join(f">p{i}\nMKV\n" for i in range(40_000)))
    done = subprocess.run(
        f"{SCRIPT[0]} {SCRIPT[1]} predict -q {many} | head -n 2; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith(b"id\tlength")
    assert lines[-1] == b"0"
    assert done.stderr == b""


def test_an_interrupt_gives_exit_status_130(tmp_path):
    process = subprocess.Popen(
        [*SCRIPT, "predict", "-", "--log", tmp_path / "log"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    # The command begins by opening its log.
    while not (tmp_path / "log").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130 and b"Traceback" not in err


@pytest.mark.slow
def test_debug_shows_the_traceback():
    done = subprocess.run([*SCRIPT, "--debug", "predict", "nowhere.faa"], capture_output=True)
    assert done.returncode == 1 and b"Traceback" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        "predict $F",
        "predict $F --jsonl x.jsonl --html x.html --gff3 x.gff3 --all --coverage 0.9",
        "explain $F --id animalia_pt_1",
        "info",
        "predict $F --shard 1/2 -o 1; predict $F --shard 2/2 -o 2; merge 1 2 -o x",
    ],
)
def test_what_applies_the_bundled_model_imports_no_torch(arguments, tmp_path):
    """Torch takes most of the time and memory of a small run, and Biopython a third of its time."""
    code = (
        f"import os, sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tpspred import __main__\n"
        "unwanted = {'torch', 'esm', 'Bio', 'matplotlib', 'sklearn', 'rich', 'rdkit'}\n"
        "unwanted |= set() if '--html' in sys.argv else {'jinja2', 'tpspred.dataset.drawings'}\n"
        "leave = os._exit\n"
        "os._exit = lambda status: leave(status or len(unwanted & set(sys.modules)))\n"
        "__main__.main()"
    )
    for line in arguments.replace("$F", str(PROTEINS)).split("; "):
        command = [sys.executable, "-c", code, *line.split()]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_help_imports_nothing_heavy():
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    usages = [line for line in done.stdout.splitlines() if line.startswith("Usage: tpspred")]
    assert len(usages) == len(set(usages)) == 1 + len(cli.COMMANDS)
