"""What only a real process shows: pipes, signals, start-up, the checkout's own script."""

import signal
import subprocess
import sys
import time

import pytest
from support import ROOT

SCRIPT = [sys.executable, str(ROOT / "bin/tpspred")]
PROTEINS = ROOT / "test_data/proteins.faa"
EXPECTED = (ROOT / "test_data/expected.tsv").read_bytes()


def test_script_of_the_checkout(tmp_path):
    done = subprocess.run([*SCRIPT, "predict", PROTEINS], capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, EXPECTED)


def test_reader_may_leave_early(tmp_path):
    many = tmp_path / "many.faa"
    many.write_text("".join(f">p{i}\nMKV\n" for i in range(40_000)))
    done = subprocess.run(
        f"{SCRIPT[0]} {SCRIPT[1]} predict -q {many} | head -n 2; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
    )
    assert (
        done.stdout.splitlines()[0].startswith(b"id\tlength")
        and done.stdout.splitlines()[-1] == b"0"
    )
    assert done.stderr == b""


def test_interrupt_is_130(tmp_path):
    process = subprocess.Popen(
        [*SCRIPT, "predict", "-", "--log", tmp_path / "log"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while (
        not (tmp_path / "log").exists() and process.poll() is None
    ):  # the command begins by opening its log
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130 and b"Traceback" not in err


def test_debug_shows_the_traceback():
    done = subprocess.run([*SCRIPT, "--debug", "predict", "nowhere.faa"], capture_output=True)
    assert done.returncode == 1 and b"Traceback" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["train", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        "import sys; sys.argv = ['tpspred', *sys.argv[1:]]\nfrom tpspred import cli\n"
        "try: cli.main()\nfinally: print(sorted({'torch', 'esm', 'h5py', 'Bio', 'pyhmmer', 'numpy', 'rdkit'} "
        "& set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, b"[]\n")
