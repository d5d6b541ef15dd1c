process TPSPRED_PREDICT {
    tag "$meta.id"
    label 'process_low'

    // The package and its containers exist once a release is on Bioconda.
    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine in ['singularity', 'apptainer'] && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/tpspred-core:0.1.0--pyhdfd78af_0' :
        'quay.io/biocontainers/tpspred-core:0.1.0--pyhdfd78af_0' }"

    input:
    tuple val(meta), path(proteins), path(annotation)
    tuple val(meta2), path(model)
    tuple val(meta3), path(references)
    val formats

    output:
    tuple val(meta), path("${prefix}.tsv"), emit: tsv, optional: true
    tuple val(meta), path("${prefix}.gff3"), emit: gff3, optional: true
    tuple val(meta), path("${prefix}.jsonl"), emit: jsonl, optional: true
    tuple val(meta), path("${prefix}.html"), emit: html, optional: true
    tuple val(meta), path("${prefix}.gaf"), emit: gaf, optional: true
    tuple val(meta), path("${prefix}.summary.tsv"), emit: summary, optional: true
    tuple val(meta), path("${prefix}_multiqc/*_mqc.tsv"), emit: multiqc, optional: true
    tuple val("${task.process}"), val('tpspred'), eval("tpspred --version | sed 's/^tpspred //'"), topic: versions, emit: versions_tpspred

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    prefix = task.ext.prefix ?: "${meta.id}"
    def inputs = [proteins, annotation, model, references].findAll { file -> file }
    ([prefix] + inputs.collect { file -> file.name }).each { name ->
        if (!(name ==~ /\w[\w .,+=@()-]*/)) {
            error "found the name ${name}; wanted letters, digits, spaces and _.,+=@()-"
        }
    }
    def files = [
        tsv: "${prefix}.tsv", gff3: "${prefix}.gff3", jsonl: "${prefix}.jsonl", html: "${prefix}.html",
        gaf: "${prefix}.gaf", summary: "${prefix}.summary.tsv", multiqc: "${prefix}_multiqc"
    ]
    def unknown = formats.findAll { format -> !files.containsKey(format) }
    if (unknown || !formats) {
        error "found the formats ${formats}; wanted some of ${files.keySet()}"
    }
    def outputs = formats.collect { format -> "--${format} \"${files[format]}\"" }.join(' ')
    def options = [annotation: annotation, model: model, references: references]
        .findAll { _option, file -> file }
        .collect { option, file -> "--${option} ${file}" }
        .join(' ')
    // The name of the input stands in tables and plots.
    def named = prefix + (proteins.name.endsWith('.h5') ? '.h5' : '.faa')
    def link = proteins.name == named ? '' : "ln -s ${proteins} \"${named}\""
    """
    $link
    tpspred predict \\
        $args \\
        $options \\
        $outputs \\
        --threads $task.cpus \\
        "${named}"
    """

    stub:
    prefix = task.ext.prefix ?: "${meta.id}"
    if (!(prefix ==~ /\w[\w .,+=@()-]*/)) {
        error "found the name ${prefix}; wanted letters, digits, spaces and _.,+=@()-"
    }
    """
    mkdir "${prefix}_multiqc"
    touch "${prefix}_multiqc/${prefix}_tpspred_status_mqc.tsv"
    touch "${prefix}.tsv" "${prefix}.gff3" "${prefix}.jsonl" "${prefix}.html" "${prefix}.gaf" "${prefix}.summary.tsv"
    """
}
