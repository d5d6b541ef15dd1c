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
        .map { proteins -> [[id: proteins.name.replaceFirst(/\.(faa|fasta|fa)(\.gz|\.xz)?$/, '')], proteins, []] }
    genomes
        .map { meta, _proteins, _annotation -> meta.id }
        .toList()
        .subscribe { ids ->
            def alike = ids.countBy { id -> id }.findAll { _id, count -> count > 1 }.keySet()
            if (alike) {
                error "found several files with the names ${alike.join(', ')}; wanted a name for each genome"
            }
        }
    def tasks = genomes
        .combine(channel.of(1..params.shards))
        .map { meta, proteins, annotation, shard -> [meta + [shard: shard], proteins, annotation] }
    TPSPRED_PREDICT(tasks, [[:], []], [[:], []], formats)

    def tables = TPSPRED_PREDICT.out.tsv.map { meta, table -> [[id: meta.id], table] }
    if (!whole) {
        tables = TPSPRED_MERGE(tables.groupTuple(size: params.shards)).tsv
    }
    tables
        .toSortedList { one, other -> one[0].id <=> other[0].id }
        .flatMap { rows -> rows.collect { _meta, table -> table } }
        .collectFile(name: 'all.tsv', keepHeader: true, skip: 1, sort: 'index', storeDir: params.outdir)
}
