# Each genome in several runs, whose results are merged into those of a single one.

SHARDS = range(1, config["shards"] + 1)


localrules:
    features,


rule shard:
    input:
        proteins_of,
    output:
        table=temp("results/shards/{genome}.{shard}.tsv"),
        features=temp("results/shards/{genome}.{shard}.gff3"),
    log:
        "results/logs/{genome}.{shard}.log",
    conda:
        "../envs/tpspred.yaml"
    threads: config["threads"]
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        of=config["shards"],
        options=OPTIONS,
    shell:
        "tpspred predict --shard {wildcards.shard}/{params.of} --threads {threads}"
        " {params.options:q} --tsv {output.table:q} --gff3 {output.features:q} -- {input:q}"
        " 2> {log:q}"


rule merge:
    input:
        expand("results/shards/{{genome}}.{shard}.tsv", shard=SHARDS),
    output:
        report(
            "results/{genome}.tsv",
            caption="../report/table.rst",
            category="Tables",
            labels={"genome": "{genome}"},
        ),
    log:
        "results/logs/{genome}.merge.log",
    conda:
        "../envs/tpspred.yaml"
    resources:
        mem_mb=1000,
        runtime=60,
    shell:
        "tpspred merge {input:q} --output {output:q} 2> {log:q}"


rule features:
    input:
        expand("results/shards/{{genome}}.{shard}.gff3", shard=SHARDS),
    output:
        "results/{genome}.gff3",
    log:
        "results/logs/{genome}.features.log",
    conda:
        "../envs/tpspred.yaml"
    shell:
        "(echo '##gff-version 3'; cat {input:q} | grep -v '^##gff-version' || true)"
        " > {output:q} 2> {log:q}"
