process TPSPRED_MERGE {
    tag "$meta.id"
    label 'process_single'

    // The package and its containers exist once a release is on Bioconda.
    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/tpspred-core:0.1.0--pyhdfd78af_0' :
        'quay.io/biocontainers/tpspred-core:0.1.0--pyhdfd78af_0' }"

    input:
    tuple val(meta), path(shards, stageAs: "?/*")

    output:
    tuple val(meta), path("${prefix}.tsv"), emit: tsv, optional: true
    tuple val(meta), path("${prefix}.h5"), emit: store, optional: true
    tuple val("${task.process}"), val('tpspred'), eval("tpspred --version | sed 's/^tpspred //'"), topic: versions, emit: versions_tpspred

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    if (!(prefix ==~ /\w[\w .,+=@()-]*/)) {
        error "found the name ${prefix}; wanted letters, digits, spaces and _.,+=@()-"
    }
    def suffix = "${shards}".endsWith('.h5') ? 'h5' : 'tsv'
    """
    tpspred merge \\
        $args \\
        --output "${prefix}.${suffix}" \\
        $shards
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    if (!(prefix ==~ /\w[\w .,+=@()-]*/)) {
        error "found the name ${prefix}; wanted letters, digits, spaces and _.,+=@()-"
    }
    def suffix = "${shards}".endsWith('.h5') ? 'h5' : 'tsv'
    """
    touch "${prefix}.${suffix}"
    """
}
