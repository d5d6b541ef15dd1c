"""Workflows, run by the real engines where these are on PATH.

workflows/check runs every workflows/ENGINE/check; these install the engines.
"""

import csv
import glob
import json
import os
import re
import shutil
import zipfile
from xml.etree import ElementTree

import pytest
from support import DATA, ROOT

import tpspred
from tpspred.writers import FORMATS

PROTEINS = DATA / "proteins.faa"
EXPECTED = (DATA / "expected.tsv").read_bytes()
ON_SLURM = (
    "--executor",
    "slurm",
    "--jobs",
    4,
    "--default-resources",
    "slurm_partition=test",
    "--slurm-no-account",
    "--slurm-status-command",
    "squeue",
    "--slurm-init-seconds-before-status-checks",
    3,
    "--seconds-between-status-checks",
    3,
    "--latency-wait",
    5,
)


NEXTFLOW = ROOT / "workflows/nextflow"


ENGINE_CHECKS = sorted((ROOT / "workflows").glob("*/check"))


def needs(program):
    """Skip a test where a program is not on PATH."""
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def write_check(folder, engine, lines):
    """Write workflows/ENGINE/check, with what it runs in its second line."""
    program = folder / engine / "check"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n# Run {engine}.\n{lines}\n")
    program.chmod(0o755)


def test_check_prints_a_line_for_each_engine(shell, tmp_path):
    shutil.copy(ROOT / "workflows/check", tmp_path / "check")
    write_check(tmp_path, "good", "echo fine")
    write_check(tmp_path, "missing", "echo some; echo 'no missing; install it' >&2; exit 77")
    done = shell("./check")
    good = "good        ok        Run good.\n"
    missing = "missing     not here  Run missing.\n" + " " * 22 + "no missing; install it\n"
    assert (done.returncode, done.stdout) == (0, good + missing)
    assert done.stderr.splitlines() == ["fine", "some", "no missing; install it"]
    write_check(tmp_path, "bad", "exit 3")
    done = shell("./check", "bad", "good")
    assert (done.returncode, done.stdout) == (1, "bad         failed    Run bad.\n" + good)
    done = shell("./check", "other")
    wanted = "check: found other; wanted one of: bad good missing\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", wanted)


@pytest.mark.parametrize("program", ENGINE_CHECKS, ids=lambda path: path.parent.name)
def test_every_engine_says_what_its_check_runs(program):
    assert os.access(program, os.X_OK)
    shebang, what = program.read_text().splitlines()[:2]
    assert shebang == "#!/usr/bin/env bash" and re.fullmatch(r"# [A-Z].*\.", what)


SNAKEMAKE = ROOT / "workflows/snakemake"


def run_snakemake(shell, tmp_path, config, *where):
    """Run the Snakemake workflow with a configuration."""
    (tmp_path / "c.json").write_text(json.dumps(config))
    snakefile = SNAKEMAKE / "workflow/Snakefile"
    return shell("snakemake", "--snakefile", snakefile, "--configfile", "c.json", *where)


def check_snakemake(shell, tmp_path, shards, *where):
    """Run the Snakemake workflow on two genomes, and check all its outputs."""
    genomes = {"one": str(PROTEINS), "other": f"{DATA}/negatives.faa"}
    config = {"genomes": genomes, "shards": shards, "threads": 1}
    done = run_snakemake(shell, tmp_path, config, *where)
    assert done.returncode == 0, done.stderr[-3000:]
    results = tmp_path / "results"
    assert (results / "one.tsv").read_bytes() == EXPECTED
    gff3 = (results / "one.gff3").read_text()
    types = [line.split("\t")[2] for line in gff3.splitlines() if not line.startswith("#")]
    assert types.count("polypeptide") == 4 and gff3.count("##gff-version") == 1
    with open(results / "summary.tsv", newline="") as handle:
        rows = {row["genome"]: row for row in csv.DictReader(handle, delimiter="\t")}
    assert (rows["one"]["proteins"], rows["one"]["tps"], rows["one"]["sesq"]) == ("7", "3", "1")
    assert (rows["one"]["related"], rows["one"]["not_tps"]) == ("1", "3")
    assert rows["other"]["related"] == "3" and not list(results.glob("shards/*"))


@pytest.mark.slow
@needs("snakemake")
def test_snakemake(shell, tmp_path):
    check_snakemake(shell, tmp_path, 1, "--cores", 2)
    page = (tmp_path / "results/one.html").read_bytes()
    assert page == (DATA / "expected.html").read_bytes()
    config = json.loads((tmp_path / "c.json").read_text())
    done = run_snakemake(shell, tmp_path, config, "--report", "report.zip")
    assert done.returncode == 0, done.stderr[-3000:]
    with zipfile.ZipFile(tmp_path / "report.zip") as report:
        assert any(name.endswith("report.html") for name in report.namelist())


@pytest.mark.slow
@needs("snakemake")
def test_snakemake_in_shards(shell, tmp_path):
    check_snakemake(shell, tmp_path, 3, "--cores", 2)


@pytest.mark.slow
@needs("snakemake")
def test_snakemake_runs_nothing_that_a_name_or_an_option_contains(shell, tmp_path):
    name = "-it's $(touch X);"
    (tmp_path / name).write_bytes(PROTEINS.read_bytes())
    config = {"genomes": {name: name}, "threads": 1}
    done = run_snakemake(shell, tmp_path, config, "--cores", 1)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / f"results/{name}.tsv").read_bytes() == EXPECTED
    config["options"] = "--coverage '0.9' ; touch X"
    assert run_snakemake(shell, tmp_path, config, "--cores", 1, "--forceall").returncode
    log = (tmp_path / f"results/logs/{name}.log").read_text()
    assert ";: No such file or directory" in log and not list(tmp_path.rglob("X"))


@pytest.mark.slow
@needs("snakemake")
@pytest.mark.parametrize(
    "config, message",
    [
        ({"genomes": {}}, "non-empty"),
        ({"genomes": {"a/b": "x.faa"}}, "does not match"),
        ({"genomes": {"a": "x.faa"}, "shards": 0}, "less than the minimum"),
        ({"genomes": {"a": "x.faa"}, "shrads": 2}, "'shrads' was unexpected"),
    ],
)
def test_snakemake_refuses_a_wrong_configuration(shell, tmp_path, config, message):
    done = run_snakemake(shell, tmp_path, config, "--cores", 1)
    assert done.returncode and message in done.stdout + done.stderr


@pytest.mark.slow
@needs("snakemake")
def test_snakemake_wrapper(shell, tmp_path):
    """The test of the wrapper runs as the repository of Snakemake's wrappers runs it."""
    wrapper = SNAKEMAKE / "wrappers/bio/tpspred/predict"
    shutil.copytree(wrapper, tmp_path / "master/bio/tpspred/predict")
    shutil.copytree(wrapper / "test", tmp_path / "test")
    prefix = f"file://{tmp_path}/"
    words = ("--directory", "test", "--snakefile", "test/Snakefile", "--wrapper-prefix", prefix)
    done = shell("snakemake", "--cores", 2, *words, "proteins.tsv")
    assert done.returncode == 0, done.stderr[-3000:]
    for kind in ("tsv", "gff3", "html", "gaf"):
        made = (tmp_path / f"test/proteins.{kind}").read_bytes()
        assert made == (DATA / f"expected.{kind}").read_bytes(), kind
    outputs = {path.name for path in (tmp_path / "test").glob("proteins.*")}
    assert {"proteins.jsonl", "proteins.summary.tsv", "proteins.multiqc"} <= outputs


@pytest.mark.slow
@needs("snakemake")
def test_snakemake_on_slurm(slurm, shell, tmp_path):
    check_snakemake(shell, tmp_path, 3, *ON_SLURM)


@pytest.mark.parametrize("tool", ["predict", "merge"])
def test_cwl_tools_fit_the_command(run, tool):
    """Every option of a CWL tool exists, and tpspred-predict.cwl has every output of predict."""
    text = run(tool, "--help").out.decode()
    document = (ROOT / f"workflows/cwl/tpspred-{tool}.cwl").read_text()
    options = set(re.findall(r"prefix: (--[a-z0-9-]+)", document))
    assert options and all(f"{option} " in text or f"{option}\n" in text for option in options)
    wanted = {"predict": {f"--{name}" for name in (*FORMATS, "multiqc", "summary")}, "merge": set()}
    assert wanted[tool] <= options


def test_snakemake_wrapper_knows_every_output(run):
    wrapper = (SNAKEMAKE / "wrappers/bio/tpspred/predict/wrapper.py").read_text()
    (names,) = re.findall(r"FORMATS = \((.*)\)", wrapper)
    assert set(re.findall(r'"(\w+)"', names)) == {*FORMATS, "multiqc", "summary"}
    text = run("predict", "--help").out.decode()
    for name in ("model", "references", "annotation", "threads", *re.findall(r'"(\w+)"', names)):
        assert f"--{name} " in text


@pytest.mark.slow
@needs("cwltool")
@needs("node")
def test_cwl(shell):
    done = shell(ROOT / "workflows/cwl/check")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@needs("multiqc")
def test_multiqc(shell, tmp_path):
    shell("tpspred", "predict", PROTEINS, "--multiqc", "counts")
    shell("tpspred", "predict", DATA / "negatives.faa", "--multiqc", "counts")
    done = shell("multiqc", "counts", "-o", "report")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "report/multiqc_data"
    assert column(folder / "multiqc_general_stats.txt", "custom_content-tps") == {
        "proteins": "3",
        "negatives": "0",
    }
    assert column(folder / "multiqc_tpspred_type.txt", "sesq") == {
        "proteins": "1",
        "negatives": "0",
    }


def column(path, name):
    """Return a column of a table of MultiQC: sample → value."""
    rows = csv.DictReader(path.read_text().splitlines(), delimiter="\t")
    return {row["Sample"]: row[name] for row in rows}


def groovy(shell, *arguments):
    """Run check.groovy; it describes its arguments itself."""
    return shell(
        "java",
        "-cp",
        os.environ["GROOVY_JARS"],
        "groovy.ui.GroovyMain",
        NEXTFLOW / "check.groovy",
        *arguments,
    )


with_groovy = pytest.mark.skipif(
    "GROOVY_JARS" not in os.environ, reason="GROOVY_JARS names no jars of Groovy 4"
)


@pytest.mark.slow
@with_groovy
def test_nextflow_files_are_groovy(shell, tmp_path):
    """Only the syntax is checked: Nextflow itself is not run."""
    files = [
        *NEXTFLOW.glob("*.nf"),
        NEXTFLOW / "nextflow.config",
        *map(str, NEXTFLOW.glob("modules/**/*.nf*")),
    ]
    assert len(files) == 6
    done = groovy(shell, "parse", *files)
    assert done.returncode == 0, done.stderr
    (tmp_path / "bad.nf").write_text("process X {")
    assert groovy(shell, "parse", tmp_path / "bad.nf").returncode


@pytest.mark.slow
@with_groovy
@pytest.mark.parametrize(
    "block, name, prefix", [("script", "my sample (1)", ["my sample (1)"]), ("stub", "sample", [])]
)
@pytest.mark.parametrize("module", ["predict", "embed"])
def test_nextflow_scripts_make_their_outputs(shell, tmp_path, module, block, name, prefix):
    """The outputs are named after task.ext.prefix or, without it, after the id of the sample."""
    main = NEXTFLOW / f"modules/tpspred/{module}/main.nf"
    rendered = groovy(shell, block, main, PROTEINS, "--duplicates keep", *prefix)
    assert rendered.returncode == 0, rendered.stderr
    (tmp_path / "run.sh").write_text(rendered.stdout)
    done = shell("bash", "-euo", "pipefail", "run.sh")
    assert done.returncode == 0, done.stderr
    wanted = re.findall(
        r"""path\(?\s*["']([^"']+)["']""", main.read_text().split("output:")[1].split("when:")[0]
    )
    assert len(wanted) == {"predict": 5, "embed": 2}[module]
    for pattern in wanted:
        assert glob.glob(str(tmp_path / re.sub(r"\$\{.*?\}", name, pattern))), pattern
    versions = f'"CHECK":\n    tpspred: {tpspred.__version__}\n'
    assert (tmp_path / "versions.yml").read_text() == versions
    if (module, block) == ("predict", "script"):
        assert (tmp_path / f"{name}.tsv").read_bytes() == EXPECTED


@pytest.mark.slow
@with_groovy
@pytest.mark.parametrize(
    "module, block, proteins, prefix",
    [
        ("predict", "script", PROTEINS, "a b$(touch X)"),
        ("predict", "stub", PROTEINS, 'a"; touch X; "'),
        ("predict", "script", "a;touch X", "a"),
        ("embed", "script", PROTEINS, "a`touch X`"),
        ("embed", "stub", PROTEINS, "a\ntouch X"),
        ("embed", "script", "-o", "a"),
    ],
)
def test_nextflow_scripts_contain_no_name_that_bash_interprets(
    shell, module, block, proteins, prefix
):
    main = NEXTFLOW / f"modules/tpspred/{module}/main.nf"
    refused = groovy(shell, block, main, proteins, "", prefix)
    assert (refused.returncode, refused.stdout) == (1, "")
    name = proteins if prefix == "a" else prefix
    assert f"found the name {name}; wanted letters, digits, spaces and" in refused.stderr


GALAXY = ROOT / "workflows/galaxy"
with_galaxy_tools = pytest.mark.parametrize("tool", ["predict", "embed", "train"])


def galaxy_tool(tool):
    """Return a Galaxy tool, and its parameters with those of the macros."""
    root = ElementTree.parse(GALAXY / f"tpspred_{tool}.xml").getroot()
    macros = ElementTree.parse(GALAXY / "macros.xml").getroot()
    expanded = {expand.get("macro") for expand in root.iter("expand")}
    shared = [xml for xml in macros.iter("xml") if xml.get("name") in expanded]
    return root, [param for part in (root.find("inputs"), *shared) for param in part.iter("param")]


@with_galaxy_tools
def test_galaxy_tools_fit_the_command(run, tool):
    """Every option that a Galaxy tool uses exists, and so does every file that it names.

    workflows/galaxy/check runs the tools with Planemo and a Galaxy server.
    """
    root, parameters = galaxy_tool(tool)
    command = root.find("command").text
    lines = re.split(r"tpspred (?=[a-z])", command)[1:]
    assert tool in {line.split()[0] for line in lines}
    for line in lines:
        text = run(line.split()[0], "--help").out.decode()
        assert all(option in text for option in re.findall(r"--[a-z][a-z0-9-]*", line))
    text = run(tool, "--help").out.decode()
    for parameter in parameters:
        assert parameter.get("argument", "") in text
    for test_value in (*root.iter("output"), *root.iterfind("tests//*[@ftype]")):
        for name in (test_value.get("file"), *(test_value.get("value") or "").split(",")):
            assert not name or (GALAXY / "test-data" / name).exists(), name
    assert "##" not in command  # Cheetah would take it for a comment


def test_galaxy_has_every_output_of_predict():
    root, _ = galaxy_tool("predict")
    command = root.find("command").text
    assert all(f"--{name} '$" in command for name in (*FORMATS, "summary"))
    outputs = {output.get("name") for output in root.iterfind("outputs/data")}
    tested = {output.get("name") for output in root.iter("output")}
    assert tested == outputs and len(outputs) == len(FORMATS) + 1
    assert all(f"'${name}'" in command for name in outputs)


@with_galaxy_tools
def test_galaxy_tools_quote_every_path(tool):
    """Paths, names and texts are quoted: numbers, choices and switches alone are not."""
    root, parameters = galaxy_tool(tool)
    plain = set()
    for parameter in parameters:
        if parameter.get("type") in ("integer", "float", "select", "boolean"):
            name = parameter.get("name") or parameter.get("argument").removeprefix("--")
            plain.add(name.replace("-", "_"))
    variables = []
    for line in root.find("command").text.splitlines():
        if not line.strip().startswith("#"):
            variables += re.findall(r"(.?)(?<!\\)\$([\w.]+)(.?)", f"{line} ")
    assert variables
    for before, variable, after in variables:
        assert variable.split(".")[-1] in plain or (before, after) == ("'", "'"), variable
