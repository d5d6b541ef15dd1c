cwlVersion: v1.2
class: CommandLineTool
label: Merge the results of all shards
doc: |
  Makes of the tables that tpspred predict --shard wrote, or of the stores of tpspred embed --shard,
  what a single run would have written. Refuses a shard that is missing, comes twice, is cut short
  or is of another model.

hints:
  SoftwareRequirement:
    packages:
      tpspred:
        version: ["0.1.0"]
        specs:
          - https://bio.tools/tpspred
          - https://anaconda.org/bioconda/tpspred
  ResourceRequirement:
    coresMin: 1
    ramMin: 1024

baseCommand: [tpspred, merge]

inputs:
  shards:
    type: File[]
    doc: Tables or stores of all shards, in any order.
    inputBinding: {position: 1}
  output:
    type: string
    default: terpene_synthases.tsv
    doc: Name of the result.
    inputBinding: {prefix: --output}

outputs:
  merged:
    type: File
    outputBinding: {glob: $(inputs.output)}

$namespaces:
  s: https://schema.org/
s:license: https://spdx.org/licenses/MIT
s:codeRepository: https://github.com/tpspred/tpspred
s:author: The tpspred authors
