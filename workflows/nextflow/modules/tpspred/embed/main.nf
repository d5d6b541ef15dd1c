// Return a name that the script contains. Characters that bash interprets are refused, because
// Nextflow escapes only some of them, and only in paths.
def checkedName(name) {
    if (!(name ==~ /\w[\w .,+=@()-]*/)) {
        error "found the name ${name}; wanted letters, digits, spaces and _.,+=@()-"
    }
    return name
}

process TPSPRED_EMBED {
    tag "$meta.id"
    label 'process_medium'

    conda "${moduleDir}/environment.yml"
    container 'tpspred:0.1.0'

    input:
    tuple val(meta), path(proteins)

    output:
    tuple val(meta), path("${task.ext.prefix ?: meta.id}.h5"), emit: store
    path 'versions.yml',                                       emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    def prefix = checkedName(task.ext.prefix ?: meta.id)
    checkedName(proteins.name)  // Nextflow itself escapes the spaces of $proteins
    """
    tpspred embed \\
        $args \\
        --threads $task.cpus \\
        --output "${prefix}.h5" \\
        $proteins

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        tpspred: \$(tpspred --version | sed 's/^tpspred //')
    END_VERSIONS
    """

    stub:
    def prefix = checkedName(task.ext.prefix ?: meta.id)
    """
    touch "${prefix}.h5"

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        tpspred: \$(tpspred --version | sed 's/^tpspred //')
    END_VERSIONS
    """
}
