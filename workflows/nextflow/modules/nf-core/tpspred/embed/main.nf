process TPSPRED_EMBED {
    tag "$meta.id"
    label 'process_medium'

    // The package and its containers exist once a release is on Bioconda.
    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/tpspred:0.1.0--hdfd78af_0' :
        'quay.io/biocontainers/tpspred:0.1.0--hdfd78af_0' }"

    input:
    tuple val(meta), path(proteins)
    tuple val(meta2), path(encoder)
    tuple val(meta3), path(weights)

    output:
    tuple val(meta), path("${prefix}.h5"), emit: store
    tuple val("${task.process}"), val('tpspred'), eval("tpspred --version | sed 's/^tpspred //'"), topic: versions, emit: versions_tpspred

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def inputs = [proteins, encoder, weights].findAll { file -> file }
    ([prefix] + inputs.collect { file -> file.name }).each { name ->
        if (!(name ==~ /\w[\w .,+=@()-]*/)) {
            error "found the name ${name}; wanted letters, digits, spaces and _.,+=@()-"
        }
    }
    def encoder_option = encoder ? "--encoder ${encoder}" : ''
    def weights_option = weights ? "--weights ${weights}" : ''
    """
    tpspred embed \\
        $args \\
        $encoder_option \\
        $weights_option \\
        --threads $task.cpus \\
        --output "${prefix}.h5" \\
        $proteins
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    if (!(prefix ==~ /\w[\w .,+=@()-]*/)) {
        error "found the name ${prefix}; wanted letters, digits, spaces and _.,+=@()-"
    }
    """
    touch "${prefix}.h5"
    """
}
