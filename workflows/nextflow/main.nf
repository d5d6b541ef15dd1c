// Terpene synthases of many proteomes: a table, a GFF3 and a page for each.
//
//   nextflow run workflows/nextflow --proteins 'proteomes/*.faa' --outdir results

include { TPSPRED_PREDICT } from './modules/tpspred/predict/main'

params.proteins = null
params.outdir = 'results'

workflow {
    if (!params.proteins) {
        error "found no --proteins; wanted a pattern of FASTA files, such as 'proteomes/*.faa'"
    }
    TPSPRED_PREDICT(Channel.fromPath(params.proteins, checkIfExists: true).map { file -> [[id: file.simpleName], file] })
    TPSPRED_PREDICT.out.tsv
        .map { meta, table -> table }
        .collectFile(name: 'all.tsv', keepHeader: true, skip: 1, storeDir: params.outdir)
}
