cwlVersion: v1.2
class: CommandLineTool
label: Terpene synthases among proteins, and what they make
doc: |
  Tells which proteins of one or many genomes are terpene synthases, and predicts their product
  types, product ensembles and single products. The input that names an output file asks for it;
  without one of them, the table of all records is the standard output of the program.

requirements:
  InlineJavascriptRequirement: {}
  # The table names the file of every record as it was given. So the files lie in the folder of the
  # run and are given by name: the paths under which an engine keeps them differ between its runs.
  InitialWorkDirRequirement:
    listing: $(inputs.proteins)
hints:
  SoftwareRequirement:
    packages:
      tpspred:
        version: ["0.1.0"]
        specs:
          - https://bio.tools/tpspred
          - https://anaconda.org/bioconda/tpspred
  ResourceRequirement:
    coresMin: 2
    ramMin: 1024

baseCommand: [tpspred, predict]
arguments:
  - prefix: --threads
    valueFrom: $(runtime.cores)
  - valueFrom: "--"
    position: 1

inputs:
  proteins:
    type: File[]
    doc: |
      Proteins in FASTA, plain or compressed with gzip or xz; one file for each genome. Stores of
      tpspred embed are taken, too. Files of one run need different names.
    inputBinding:
      position: 2
      valueFrom: |
        ${ return self.map(function (file) { return file.basename; }); }
  tsv:
    type: string
    default: terpene_synthases.tsv
    doc: Name of the table, which has a row for every record.
    inputBinding: {prefix: --tsv}
  gff3:
    type: string?
    doc: |
      Name of a file for the called proteins with their domains, motifs and metal-binding residues.
    inputBinding: {prefix: --gff3}
  jsonl:
    type: string?
    doc: Name of a file for everything that is known about every record, as JSON lines.
    inputBinding: {prefix: --jsonl}
  html:
    type: string?
    doc: Name of a page that shows the called proteins.
    inputBinding: {prefix: --html}
  gaf:
    type: string?
    doc: |
      Name of a GO annotation file (GAF 2.2) for the functions of the called synthases; needs taxon.
    inputBinding: {prefix: --gaf}
  summary:
    type: string?
    doc: |
      Name of a table with a row for each file of proteins: counts by status, product type and
      ensemble.
    inputBinding: {prefix: --summary}
  multiqc:
    type: string?
    doc: Name of a folder for counts that MultiQC shows.
    inputBinding: {prefix: --multiqc}
  taxon:
    type: int?
    doc: Number of the species in NCBI Taxonomy, for a GO annotation file.
    inputBinding: {prefix: --taxon}
  date:
    type: string?
    doc: Date of the annotations in a GO annotation file, YYYY-MM-DD; today if there is none.
    inputBinding: {prefix: --date}
  database:
    type: string?
    doc: Database that the ids of the proteins come from, for a GO annotation file.
    inputBinding: {prefix: --database}
  reference:
    type: string?
    doc: Reference of the annotations in a GO annotation file, DATABASE:ACCESSION.
    inputBinding: {prefix: --reference}
  model:
    type: File?
    doc: Model file; the bundled model if there is none.
    inputBinding: {prefix: --model}
  annotation:
    type:
      - "null"
      - type: array
        items: File
        inputBinding: {prefix: --annotation}
    doc: |
      Annotation of the genome (GFF3), one for each file of proteins and in the same order. With it
      the features are in genome coordinates, and locus_group tells neighbouring genes.
  locus_genes:
    type: int?
    doc: Number of other genes that may lie between the neighbouring genes of a locus_group.
    inputBinding: {prefix: --locus-genes}
  locus_distance:
    type: long?
    doc: Number of bases that may lie between the neighbouring genes of a locus_group.
    inputBinding: {prefix: --locus-distance}
  references:
    type: File?
    doc: |
      Sequences of characterised enzymes (FASTA, or a MARTS-DB export), to align with their
      neighbours.
    inputBinding: {prefix: --references}
  neighbours:
    type: int?
    doc: Number of the most similar characterised enzymes to show; 3 if not given.
    inputBinding: {prefix: --neighbours}
  target_precision:
    type: double?
    doc: Precision, 0 to 1, that called ensembles reached on held-out enzymes.
    inputBinding: {prefix: --target-precision}
  coverage:
    type: double?
    doc: Share, 0 to 1, of a protein's ensembles that its set contains on average.
    inputBinding: {prefix: --coverage}
  all_labels:
    type: boolean?
    doc: Whether to add a column of probabilities for every label.
    inputBinding: {prefix: --all}
  source:
    type: boolean?
    doc: Whether a single file, too, gets a column with its name.
    inputBinding: {prefix: --source}
  hits_only:
    type: boolean?
    doc: Whether to leave out proteins without status tps, related or uncertain.
    inputBinding: {prefix: --hits-only}
  duplicates:
    type:
      - "null"
      - type: enum
        symbols: [keep, suffix, error]
    doc: What happens to an id that occurs twice; it is kept if not given.
    inputBinding: {prefix: --duplicates}
  strict:
    type: boolean?
    doc: Whether to stop at the first record that cannot be scored.
    inputBinding: {prefix: --strict}
  shard:
    type: string?
    doc: Part of the records to score, such as 2/16; tpspred-merge.cwl merges the tables.
    inputBinding: {prefix: --shard}

outputs:
  table:
    type: File
    format: edam:format_3475  # TSV
    outputBinding: {glob: $(inputs.tsv)}
  features:
    type: File?
    format: edam:format_1975  # GFF3
    outputBinding: {glob: $(inputs.gff3)}
  lines:
    type: File?
    format: edam:format_3464  # JSON
    outputBinding: {glob: $(inputs.jsonl)}
  page:
    type: File?
    format: edam:format_2331  # HTML
    outputBinding: {glob: $(inputs.html)}
  functions:
    type: File?
    format: edam:format_3475
    outputBinding: {glob: $(inputs.gaf)}
  counts:
    type: File?
    format: edam:format_3475
    outputBinding: {glob: $(inputs.summary)}
  multiqc_counts:
    type: Directory?
    outputBinding: {glob: $(inputs.multiqc)}

$namespaces:
  edam: http://edamontology.org/
  s: https://schema.org/
s:license: https://spdx.org/licenses/MIT
s:codeRepository: https://github.com/tpspred/tpspred
s:author: The tpspred authors
