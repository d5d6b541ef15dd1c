"""Fixtures that several rooms need: models, sampled enzymes, the command line, Slurm."""

import io
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import types

import file_server
import hypothesis
import pytest
from support import DATA, ROOT, random_weights

from tpspred import building, cli
from tpspred.dataset.enzymes import from_reactions
from tpspred.dataset.labels import labels_of
from tpspred.dataset.reactions import read_reactions
from tpspred.encoders.representations import represent
from tpspred.io.fasta import read_fasta
from tpspred.model import checkpoint
from tpspred.model.examples import gather_examples
from tpspred.model.hyperparameters import Config

# The first example of a test may load torch, and a machine may be busy.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

SLURM = """ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=10
CommunicationParameters=NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
SchedulerParameters=sched_interval=2,bf_interval=2
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}
SlurmdSpoolDir={folder}/spool
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture(scope="session", autouse=True)
def default_signals():
    """The tests send signals, which a parent process may have let them ignore, as nohup does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def one_date(monkeypatch):
    """Pages say when they were made; those of a test are of one day."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1771761600")


@pytest.fixture(scope="session")
def model():
    """The bundled model."""
    return checkpoint.load()


@pytest.fixture(scope="session")
def enzymes():
    """The sampled enzymes of test_data."""
    return from_reactions(read_reactions(DATA / "reactions.csv"))


@pytest.fixture(scope="session")
def fitted(enzymes):
    """An encoder fitted on the sampled enzymes, and these as its profiles screened them."""
    return building.fit_encoder(enzymes, threads=2)


@pytest.fixture(scope="session")
def small_encoder(fitted):
    """An encoder fitted on the sampled enzymes."""
    return fitted[0]


@pytest.fixture(scope="session")
def small(enzymes, fitted):
    """A model trained for a moment on the sampled enzymes, with what it was trained on."""
    import torch

    encoder, proteins = fitted
    table = represent(proteins, encoder)
    records = read_fasta(DATA / "negatives.faa")
    negatives = [represent(building.screen_all(records, encoder), encoder)]
    labels = labels_of(enzymes)
    examples = gather_examples(enzymes, table, negatives, labels)
    config = Config(folds=3, members=3, epochs=3)
    predictor = building.train(
        enzymes, examples, labels, encoder, config, "small", torch.device("cpu")
    )
    return types.SimpleNamespace(
        predictor=predictor,
        table=table,
        negatives=negatives,
        labels=labels,
        examples=examples,
        config=config,
    )


@pytest.fixture
def run(monkeypatch, capsysbinary):
    """Run the command line in this process: run(*arguments, stdin=b'') → code, out, err."""

    def call(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["tpspred", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        captured = capsysbinary.readouterr()
        return types.SimpleNamespace(
            code=stop.value.code, out=captured.out, err=captured.err.decode()
        )

    return call


@pytest.fixture
def server():
    """A server of one file on this machine."""
    with file_server.running() as running:
        yield running


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory):
    """Random weights of a tiny ESM-2 in fair-esm's layout."""
    return random_weights(tmp_path_factory.mktemp("weights") / "esm2_tiny.pt")


@pytest.fixture
def shell(tmp_path):
    """Run a command with this checkout's tpspred first on PATH."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/tpspred"
    program.write_text(
        f'#!/bin/sh\n{{ sleep "${{SLOW:-0}}"; }}\nexec {sys.executable} {ROOT}/bin/tpspred "$@"\n'
    )
    program.chmod(0o755)

    def call(*command, path="", **environment):
        return subprocess.run(
            list(map(str, command)),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=300,
            env=os.environ | {"PATH": f"{tmp_path}/bin:{path}{os.environ['PATH']}"} | environment,
        )

    return call


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A running Slurm of one node.

    It writes /etc/slurm/slurm.conf, so it starts only where TPSPRED_TEST_SLURM is set, as in
    .ci/run.
    """
    if "TPSPRED_TEST_SLURM" not in os.environ:
        pytest.skip("would configure Slurm on this machine")
    folder = tmp_path_factory.mktemp("slurm")
    host = socket.gethostname().split(".")[0]
    pathlib.Path("/etc/slurm/slurm.conf").write_text(
        SLURM.format(host=host, folder=folder, cpus=os.cpu_count())
    )
    pathlib.Path("/run/munge").mkdir(exist_ok=True)
    shutil.chown("/run/munge", "munge", "munge")
    if subprocess.run(["munge", "-n"], capture_output=True).returncode:
        subprocess.run(["runuser", "-u", "munge", "--", "/usr/sbin/munged"], check=True)
    for daemon in ("slurmctld", "slurmd"):
        subprocess.run([daemon], check=True)
    try:
        for _ in range(60):
            if "idle" in subprocess.run(["sinfo", "-h"], capture_output=True, text=True).stdout:
                break
            time.sleep(0.5)
        else:
            pytest.fail("Slurm did not start: " + (folder / "slurmctld.log").read_text()[-1000:])
        yield
    finally:
        for daemon in ("slurmd", "slurmctld"):
            os.kill(int((folder / f"{daemon}.pid").read_text()), 15)
