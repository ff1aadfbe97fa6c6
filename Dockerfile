# The build stage makes the model's int8 export, which needs torch; the image that runs has neither torch nor a compiler.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock requirements-runtime.lock ./
RUN python -m venv /opt/export \
 && /opt/export/bin/pip install --no-cache-dir --requirement requirements.lock
RUN python -m venv /opt/quoth \
 && /opt/quoth/bin/pip install --no-cache-dir --requirement requirements-runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY corpus corpus
COPY index index
COPY service service
COPY eval eval
RUN /opt/export/bin/python -m index.encoding.export /opt/models \
 && /opt/export/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
 && /opt/quoth/bin/pip install --no-cache-dir --no-deps /tmp/wheel/*.whl

FROM python:3.11-slim
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
