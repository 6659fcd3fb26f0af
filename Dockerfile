# Built by scripts/image, which hands in this machine's pip settings and certificates as secrets where there are any.
ARG BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /source
RUN python -m venv --without-pip /opt/dask-reconciler
COPY pyproject.toml README.md LICENSE ./
COPY crds crds
COPY models models
COPY reconciler reconciler
# The kubernetes client's asynchronous twin, a fifth of the image, is not used.
# Bytecode is compiled here, once, and never checked again: the final file system is read-only.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.crt,target=/run/secrets/ca.crt \
    pip --python /opt/dask-reconciler/bin/python install --no-cache-dir --no-compile . \
    && rm -r /opt/dask-reconciler/lib/python3.*/site-packages/kubernetes/aio \
    && /opt/dask-reconciler/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/dask-reconciler/lib

FROM ${BASE}
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="dask-reconciler" \
      org.opencontainers.image.description="Run Dask on Kubernetes: a polling, level-triggered reconciler in plain Python." \
      org.opencontainers.image.licenses="BSD-3-Clause" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/dask-reconciler /opt/dask-reconciler
ENV PATH=/opt/dask-reconciler/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=1
# A number, because `runAsNonRoot` cannot judge a name.
USER 65532:65532
WORKDIR /
EXPOSE 8080
ENTRYPOINT ["dask-reconciler"]
