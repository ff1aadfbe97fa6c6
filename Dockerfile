# Both stages are pinned to the digest of python:3.11-slim (index of all platforms).
# The build stage makes the model's int8 export, which needs torch; the image that runs has neither torch nor a compiler.
FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7 AS build
WORKDIR /src
COPY requirements*.lock ./
ENV PIP_NO_CACHE_DIR=1 \
    PIP_NO_DEPS=1
# The CPU build of torch where pip finds one; PyPI's build for Linux is made for CUDA.
RUN python -m venv /opt/export \
 && { /opt/export/bin/pip install --require-hashes --requirement requirements-cpu.lock \
      || /opt/export/bin/pip install --require-hashes --requirement requirements-cuda.lock; } \
 && /opt/export/bin/pip install --require-hashes --requirement requirements.lock
RUN python -m venv /opt/quoth \
 && /opt/quoth/bin/pip install --require-hashes --requirement requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY corpus corpus
COPY index index
COPY service service
COPY eval eval
RUN /opt/export/bin/python -m index.encoding.export /opt/models \
 && /opt/export/bin/pip wheel --no-build-isolation --wheel-dir /tmp/wheel . \
 && /opt/quoth/bin/pip install /tmp/wheel/*.whl

FROM python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7
# To read pictures and old Office files, install tesseract-ocr, and libreoffice-writer-nogui,
# libreoffice-calc-nogui and libreoffice-impress-nogui here (docs/formats.md).
RUN useradd --create-home --uid 10001 --user-group quoth \
 && install --directory --owner=quoth --group=quoth /data
COPY --from=build /opt/quoth /opt/quoth
COPY --from=build /opt/models /opt/models
ENV PATH=/opt/quoth/bin:$PATH \
    QUOTH_DATA_DIR=/data \
    QUOTH_HOST=0.0.0.0 \
    QUOTH_MODELS_DIR=/opt/models
USER 10001:10001
WORKDIR /home/quoth
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
CMD ["quoth", "serve"]
