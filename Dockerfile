# tpspred in two images. slim, the default, has no PyTorch and runs predict, annotate, explain, merge and info:
#   docker build -t tpspred .
# full also trains models and runs ESM-2. On x86-64 the default wheels of PyTorch bring gigabytes of CUDA, so
# it wants the package index of the CPU wheels, which pytorch.org shows (get started, pip, CPU):
#   docker build -t tpspred:full --target full --build-arg TORCH_INDEX=URL .
# docs/workflows/containers.md shows how to use them.
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS source
ARG PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
COPY . /source
# An environment without pip: the pip of the base image installs into it.
RUN python3 -m venv --without-pip /opt/tpspred

FROM source AS slim-build
RUN python3 /source/bin/core-requirements > /tmp/core.txt \
    && pip --python /opt/tpspred/bin/python install --no-cache-dir -c /source/constraints.txt -r /tmp/core.txt \
    && pip --python /opt/tpspred/bin/python install --no-cache-dir --no-deps /source

FROM source AS full-build
ARG TORCH_INDEX=""
RUN pip --python /opt/tpspred/bin/python install --no-cache-dir -c /source/constraints.txt \
        ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch \
    && /opt/tpspred/bin/python -c "import torch; assert not torch.version.cuda, 'give TORCH_INDEX'" \
    && pip --python /opt/tpspred/bin/python install --no-cache-dir -c /source/constraints.txt "/source[chem,evaluate]"

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="tpspred" \
      org.opencontainers.image.description="Find terpene synthases among protein sequences and predict their products" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.authors="The tpspred authors" \
      org.opencontainers.image.source="https://github.com/tpspred/tpspred" \
      org.opencontainers.image.documentation="https://tpspred.readthedocs.io"
# Nextflow asks ps for the memory of a task. Debian keeps one version of a package, so none is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends procps \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 tpspred
ENV PATH="/opt/tpspred/bin:$PATH"
WORKDIR /data
USER 1000
# No entry point: workflow engines start a shell.
CMD ["tpspred", "--help"]

FROM runtime AS full
COPY --from=full-build /opt/tpspred /opt/tpspred
RUN tpspred --version

FROM runtime AS slim
COPY --from=slim-build /opt/tpspred /opt/tpspred
RUN tpspred --version
