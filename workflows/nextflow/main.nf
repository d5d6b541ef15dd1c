// Terpene synthases of many genomes: for each the table, a GFF3 and a page, and one table of all.
//
//   nextflow run workflows/nextflow --proteins 'genomes/*.faa.gz' --outdir results
//
// With --shards N, N tasks share a genome, and there are only tables.

include { TPSPRED_MERGE   } from './modules/nf-core/tpspred/merge/main'
include { TPSPRED_PREDICT } from './modules/nf-core/tpspred/predict/main'

workflow {
    if (!params.proteins) {
        error "found no --proteins; wanted a pattern of FASTA files, such as 'genomes/*.faa.gz'"
    }
    def whole = params.shards == 1
    def formats = whole ? ['tsv', 'gff3', 'html', 'multiqc'] : ['tsv']

    // meta.id is the name of the genome, from the first task to the table of all.
    def genomes = channel.fromPath(params.proteins, checkIfExists: true)
        .map { file -> [[id: file.name.replaceFirst(/\.(faa|fasta|fa)(\.gz|\.xz)?$/, '')], file, []] }
    def tasks = genomes
        .combine(channel.of(1..params.shards))
        .map { meta, proteins, annotation, shard -> [meta + [shard: shard], proteins, annotation] }
    TPSPRED_PREDICT(tasks, [[:], []], [[:], []], formats)

    def tables = TPSPRED_PREDICT.out.tsv.map { meta, table -> [meta.subMap('id'), table] }
    if (!whole) {
        tables = TPSPRED_MERGE(tables.groupTuple(size: params.shards)).tsv
    }
    tables
        .map { _meta, table -> table }
        .collectFile(name: 'all.tsv', keepHeader: true, skip: 1, sort: { table -> table.name }, storeDir: params.outdir)
}
