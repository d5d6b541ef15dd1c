# Each genome in one run.


rule predict:
    input:
        proteins_of,
    output:
        table=report(
            "results/{genome}.tsv",
            caption="../report/table.rst",
            category="Tables",
            labels={"genome": "{genome}"},
        ),
        features="results/{genome}.gff3",
        page=report(
            "results/{genome}.html",
            caption="../report/page.rst",
            category="Pages",
            labels={"genome": "{genome}"},
        ),
    log:
        "results/logs/{genome}.log",
    conda:
        "../envs/tpspred.yaml"
    threads: config["threads"]
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        options=OPTIONS,
    shell:
        "tpspred predict --threads {threads} {params.options:q} --tsv {output.table:q}"
        " --gff3 {output.features:q} --html {output.page:q} -- {input:q} 2> {log:q}"
