cwlVersion: v1.2
class: Workflow
label: Terpene synthases of many proteins, in shards
doc: |
  Deals the records of all files out to several runs of tpspred predict, which an engine may place
  on different machines, and merges their tables into the one that a single run would have written.

requirements:
  ScatterFeatureRequirement: {}
  StepInputExpressionRequirement: {}
  InlineJavascriptRequirement: {}

inputs:
  proteins:
    type: File[]
    doc: Proteins in FASTA, plain or compressed; one file for each genome.
  shards:
    type: int
    default: 4
    doc: Number of runs. Each should have 100,000 proteins or more, because each has a start to pay.
  output:
    type: string
    default: terpene_synthases.tsv
    doc: Name of the table.
  target_precision: double?
  coverage: double?
  all_labels: boolean?

steps:
  number:
    run:
      class: ExpressionTool
      inputs: {shards: int}
      outputs: {names: "string[]"}
      expression: |
        ${
          var names = [];
          for (var i = 1; i <= inputs.shards; i++) names.push(i + "/" + inputs.shards);
          return {names: names};
        }
    in: {shards: shards}
    out: [names]
  predict:
    run: tpspred-predict.cwl
    scatter: shard
    in:
      proteins: proteins
      shard: number/names
      tsv:
        valueFrom: $(inputs.shard.replace("/", "-of-")).tsv
      target_precision: target_precision
      coverage: coverage
      all_labels: all_labels
    out: [table]
  merge:
    run: tpspred-merge.cwl
    in:
      shards: predict/table
      output: output
    out: [merged]

outputs:
  table:
    type: File
    outputSource: merge/merged

$namespaces:
  s: https://schema.org/
s:license: https://spdx.org/licenses/MIT
s:codeRepository: https://github.com/tpspred/tpspred
s:author: The tpspred authors
