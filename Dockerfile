# One file for CPU and GPU images: TORCH_INDEX_URL names the package index that torch comes from
# (pytorch.org lists one for each CUDA version and one for CPUs); empty is pip's own.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ARG TORCH_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/venv
COPY constraints.txt ./
# Torch alone from there: an index of torch's has not all that torch needs, at the versions pinned here.
RUN /opt/venv/bin/python -m pip install --no-deps --constraint constraints.txt \
    ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} torch
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY models models
COPY trainer trainer
RUN /opt/venv/bin/python -m pip install --constraint constraints.txt . \
    && /opt/venv/bin/python -m pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Carousel" \
      org.opencontainers.image.description="A web service for text, built on LSTMs" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    CAROUSEL_HOST=0.0.0.0 \
    CAROUSEL_PORT=8000 \
    CAROUSEL_CHECKPOINTS=/opt/carousel/checkpoints
COPY --from=build /opt/venv /opt/venv
COPY checkpoints /opt/carousel/checkpoints
WORKDIR /opt/carousel
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"CAROUSEL_PORT\"]}/readyz', timeout=2)"]
ENTRYPOINT ["carousel"]
CMD ["serve"]
