"""Workflows, run by the real engines where these are on PATH.

workflows/check runs every workflows/ENGINE/check; these install the engines.
"""

import csv
import glob
import json
import os
import pathlib
import re
import shutil
import zipfile
from xml.etree import ElementTree

import pytest
import yaml
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


def assert_same_page(path):
    """Compare a page with the expected one, without its lines on input, date and command."""
    made, wanted = (
        [line for line in page.read_text().splitlines() if "<dt>" not in line]
        for page in (path, DATA / "expected.html")
    )
    assert made == wanted


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
    assert_same_page(tmp_path / "results/one.html")
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
    assert_same_page(tmp_path / "test/proteins.html")
    for kind in ("tsv", "gff3", "gaf"):
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
    """The report has the counts of the summary table."""
    for name in ("proteins", "negatives"):
        shell(
            "tpspred", "predict", DATA / f"{name}.faa", "--multiqc", "counts", "-o", f"{name}.tsv"
        )
    done = shell("multiqc", "counts", "-o", "report")
    assert done.returncode == 0, done.stderr
    shell("tpspred", "predict", PROTEINS, DATA / "negatives.faa", "--summary", "summary.tsv")
    with open(tmp_path / "summary.tsv", newline="") as handle:
        rows = {pathlib.Path(r["source"]).stem: r for r in csv.DictReader(handle, delimiter="\t")}
    folder = tmp_path / "report/multiqc_data"
    for file, shown, counted in (
        ("multiqc_general_stats.txt", "custom_content-tps", "tps"),
        ("multiqc_tpspred_type.txt", "sesq", "product_type:sesq"),
    ):
        wanted = {name: rows[name][counted] for name in ("proteins", "negatives")}
        assert column(folder / file, shown) == wanted
        assert wanted["proteins"] != "0"


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
    files = [path for kind in ("nf", "nf.test", "config") for path in NEXTFLOW.rglob(f"*.{kind}")]
    assert len(files) == 12
    done = groovy(shell, "parse", *files)
    assert done.returncode == 0, done.stderr
    (tmp_path / "bad.nf").write_text("process X {")
    assert groovy(shell, "parse", tmp_path / "bad.nf").returncode


MODULES = NEXTFLOW / "modules/nf-core/tpspred"
OUTPUTS = ["tsv", "gff3", "jsonl", "html", "gaf", "summary", "multiqc"]
NO_FILES = {"annotation": [], "model": [], "references": []}
PREDICT = {"files": {"proteins": "my proteins.faa", **NO_FILES}, "values": {"formats": OUTPUTS}}
EMBED = {"files": {"proteins": "my proteins.faa", "encoder": [], "weights": []}}


def render(shell, tmp_path, module, block, task, **ext):
    """Render a block of a module and the module's outputs, see check.groovy."""
    filled = {"ext": ext, "values": {}, "files": {}} | task
    (tmp_path / "task.json").write_text(json.dumps(filled))
    return groovy(shell, block, MODULES / module / "main.nf", "task.json")


def run_module(shell, tmp_path, module, block, task, **ext):
    """Run a block of a module, and return its outputs: emit → sorted paths, or text."""
    rendered = render(shell, tmp_path, module, block, task, **ext)
    assert rendered.returncode == 0, rendered.stderr
    described = json.loads(rendered.stdout)
    (tmp_path / "run.sh").write_text(described["script"])
    done = shell("bash", "-euo", "pipefail", "run.sh")
    assert done.returncode == 0, done.stderr
    outputs = {}
    for emit, output in described["outputs"].items():
        if "eval" in output:
            outputs[emit] = shell("bash", "-c", output["eval"]).stdout
        else:
            outputs[emit] = sorted(glob.glob(output["path"], root_dir=tmp_path))
            assert outputs[emit] or output["optional"], emit
    assert outputs.pop("versions_tpspred") == f"{tpspred.__version__}\n"
    return outputs


@pytest.mark.slow
@with_groovy
def test_nextflow_predict_writes_the_chosen_outputs(shell, tmp_path):
    """The outputs, and what they call the input, are named after the prefix."""
    (tmp_path / "my proteins.faa").write_bytes(PROTEINS.read_bytes())
    name = "my sample (1)"
    words = "--taxon 3702 --date 2026-01-01"
    outputs = run_module(shell, tmp_path, "predict", "script", PREDICT, args=words, prefix=name)
    plots = ("ensemble", "status", "type")
    counts = [f"{name}_multiqc/{name}_tpspred_{plot}_mqc.tsv" for plot in plots]
    assert outputs.pop("multiqc") == counts
    assert outputs.pop("summary") == [f"{name}.summary.tsv"]
    assert outputs == {kind: [f"{name}.{kind}"] for kind in OUTPUTS[:5]}
    assert (tmp_path / f"{name}.tsv").read_bytes() == EXPECTED
    assert (tmp_path / f"{name}.jsonl").read_bytes() == (DATA / "expected.jsonl").read_bytes()
    assert (
        (tmp_path / f"{name}.summary.tsv").read_text().splitlines()[1].startswith(f"{name}.faa\t")
    )


@pytest.mark.slow
@with_groovy
def test_nextflow_predict_reads_files_that_are_given(shell, tmp_path):
    """The sample gives the name; other outputs are absent."""
    for name in ("genome.faa", "genome.gff3"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    model = ROOT / "tpspred/resources/tpspred.h5"
    (tmp_path / "model (1).h5").symlink_to(model)
    files = {"proteins": "genome.faa", "annotation": "genome.gff3", "model": "model (1).h5"}
    task = {"files": NO_FILES | files, "values": {"formats": ["gff3"]}}
    outputs = run_module(shell, tmp_path, "predict", "script", task)
    assert {emit for emit, paths in outputs.items() if paths} == {"gff3"}
    command = ("predict", "genome.faa", "--annotation", "genome.gff3", "-f", "gff3")
    assert (tmp_path / "sample.gff3").read_text() == shell("tpspred", *command).stdout
    task["values"]["formats"] = ["gff3", "pdf"]
    refused = render(shell, tmp_path, "predict", "script", task)
    assert refused.returncode == 1 and "found the formats [gff3, pdf]" in refused.stderr


@pytest.mark.slow
@with_groovy
def test_nextflow_merge_keeps_the_name_of_the_genome(shell, tmp_path):
    """Two shards of a genome give the table of one run, in which the genome is named."""
    (tmp_path / "my proteins.faa").write_bytes(PROTEINS.read_bytes())
    task = PREDICT | {"values": {"formats": ["tsv"]}}
    for shard in (1, 2):
        (tmp_path / "sample.faa").unlink(missing_ok=True)  # each task has a folder of its own
        words = f"--source --shard {shard}/2"
        (path,) = run_module(shell, tmp_path, "predict", "script", task, args=words)["tsv"]
        (tmp_path / f"{shard}").mkdir()
        (tmp_path / path).rename(tmp_path / f"{shard}/{path}")
    shards = {"files": {"shards": ["1/sample.tsv", "2/sample.tsv"]}}
    outputs = run_module(shell, tmp_path, "merge", "script", shards)
    assert outputs == {"tsv": ["sample.tsv"], "store": []}
    done = shell("tpspred", "predict", "--source", "sample.faa")
    assert (tmp_path / "sample.tsv").read_text() == done.stdout
    assert "\tsample.faa\n" in done.stdout


@pytest.mark.slow
@with_groovy
def test_nextflow_stores_are_merged(shell, tmp_path):
    (tmp_path / "my proteins.faa").write_bytes(PROTEINS.read_bytes())
    for shard in (1, 2):
        words, prefix = f"--shard {shard}/2", f"part.{shard}"
        outputs = run_module(shell, tmp_path, "embed", "script", EMBED, args=words, prefix=prefix)
        assert outputs == {"store": [f"{prefix}.h5"]}
    shards = {"files": {"shards": ["part.1.h5", "part.2.h5"]}}
    outputs = run_module(shell, tmp_path, "merge", "script", shards)
    assert outputs == {"tsv": [], "store": ["sample.h5"]}
    task = {"files": {"proteins": "sample.h5", **NO_FILES}, "values": {"formats": ["tsv"]}}
    run_module(shell, tmp_path, "predict", "script", task)
    assert (tmp_path / "sample.tsv").read_bytes() == EXPECTED


@pytest.mark.slow
@with_groovy
@pytest.mark.parametrize(
    "module, task, absent",
    [
        ("predict", PREDICT, []),
        ("embed", EMBED, []),
        ("merge", {"files": {"shards": ["1/a.tsv", "2/a.tsv"]}}, ["store"]),
        ("merge", {"files": {"shards": "a.h5"}}, ["tsv"]),
    ],
)
def test_nextflow_stubs_make_their_outputs(shell, tmp_path, module, task, absent):
    outputs = run_module(shell, tmp_path, module, "stub", task)
    assert [emit for emit, paths in outputs.items() if not paths] == absent


@pytest.mark.slow
@with_groovy
@pytest.mark.parametrize(
    "module, block, file, prefix",
    [
        ("predict", "script", "", "a b$(touch X)"),
        ("predict", "stub", "", 'a"; touch X; "'),
        ("predict", "script", "a;touch X", "a"),
        ("embed", "script", "", "a`touch X`"),
        ("embed", "stub", "", "a\ntouch X"),
        ("embed", "script", "-o", "a"),
        ("merge", "script", "", "a$(touch X)"),
        ("merge", "stub", "", "$HOME"),
    ],
)
def test_nextflow_scripts_contain_no_name_that_bash_interprets(
    shell, tmp_path, module, block, file, prefix
):
    files = {"predict": PREDICT["files"], "embed": EMBED["files"], "merge": {"shards": "a.tsv"}}
    task = {"files": files[module] | ({"proteins": file} if file else {})}
    task["values"] = {"formats": ["tsv"]}
    refused = render(shell, tmp_path, module, block, task, prefix=prefix)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"found the name {file or prefix}; wanted letters, digits, spaces and" in refused.stderr


@pytest.mark.parametrize(
    "module, name", [("predict", "tpspred-core"), ("embed", "tpspred"), ("merge", "tpspred-core")]
)
def test_nextflow_modules_describe_their_outputs(module, name):
    """What nf-core's lint checks too: outputs, topic, and the version of the package."""
    main = (MODULES / module / "main.nf").read_text()
    meta = yaml.safe_load((MODULES / module / "meta.yml").read_text())
    assert list(meta["output"]) == re.findall(r"emit: (\w+)", main)
    assert meta["topics"]["versions"] == meta["output"]["versions_tpspred"]
    assert all(list(channel[0][0]) == ["meta"] for channel in [*meta["output"].values()][:-1])
    environment = yaml.safe_load((MODULES / module / "environment.yml").read_text())
    (package,) = environment["dependencies"]
    assert package == f"bioconda::{name}={tpspred.__version__}"
    assert main.count(f"/{name}:{tpspred.__version__}--") == 2


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
