# tpspred on a CPU. The default wheel of torch brings gigabytes of CUDA; PIP_OPTIONS can name an index
# of its CPU wheels.
#   docker build -t tpspred .
#   docker run --rm -v "$PWD:/data" -w /data tpspred predict genome_proteins.faa > hits.tsv
FROM python:3.11-slim
ARG PIP_OPTIONS=""
RUN apt-get update && apt-get install -y --no-install-recommends procps && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN pip install --no-cache-dir $PIP_OPTIONS -c /src/constraints.txt /src && rm -rf /src && tpspred --version
USER 1000
ENTRYPOINT ["tpspred"]
