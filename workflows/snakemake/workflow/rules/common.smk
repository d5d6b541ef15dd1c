# What the configuration says, for the rules.

import re
import shlex

GENOMES = config["genomes"]
OPTIONS = shlex.split(config["options"])
KINDS = ["tsv", "gff3", "html"] if config["shards"] == 1 else ["tsv", "gff3"]


wildcard_constraints:
    genome="|".join(map(re.escape, GENOMES)),
    shard=r"\d+",


def proteins_of(wildcards):
    """Return the proteins of a genome."""
    return GENOMES[wildcards.genome]
