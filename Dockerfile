# syntax=docker/dockerfile:1
# One image, three commands: web (default), worker, migrate.
#   docker build -t zoark .                       without the built-in model
#   docker build -t zoark --build-arg LOCAL=1 .   with llama.cpp for it (100 MB more)
FROM python:3.11-slim-bookworm AS build
ARG LOCAL=0
WORKDIR /app
COPY requirements.txt requirements/ ./requirements/
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/bootstrap.txt \
 && lock=requirements/requirements.txt \
 && if [ "$LOCAL" = 1 ]; then lock=requirements/local.txt; fi \
 && /venv/bin/uv pip install --no-cache --python /venv/bin/python --compile-bytecode --require-hashes -r "$lock" \
 && /venv/bin/pip uninstall -y uv
COPY . .
RUN /venv/bin/python -m compileall -q app core pages

FROM python:3.11-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 ZOARK_DATA_DIR=/data ZOARK_LOG_FORMAT=json
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin zoark \
 && mkdir /data && chown zoark /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER 10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8501/healthz', timeout=4)"]
ENTRYPOINT ["/app/deploy/entrypoint"]
CMD ["web"]
