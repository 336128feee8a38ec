# The image of api, worker, ticker and migrations: one for all, the command decides. It holds no database.
# Validated by tools, never built where it was written: there was no container engine.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/equb
COPY requirements/image.txt /tmp/image.txt
# Every package is named, pinned and hashed in the lock; nothing else can come in.
RUN /opt/equb/bin/python -m pip install --no-deps --require-hashes --only-binary=:all: -r /tmp/image.txt \
    && /opt/equb/bin/python -m pip uninstall --yes pip setuptools

FROM python:3.11-slim
ENV PATH=/opt/equb/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 EQUB_MODE=production EQUB_HOME=/tmp/equb
COPY --from=build /opt/equb /opt/equb
WORKDIR /srv/equb
COPY LICENSE pyproject.toml ./
COPY locales ./locales
COPY migrations ./migrations
COPY core ./core
COPY bot ./bot
COPY sms ./sms
COPY api ./api
COPY workers ./workers
COPY ops ./ops
# Nobody's own: the code belongs to root and cannot be changed from inside.
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["uvicorn", "api.app:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-server-header", "--timeout-graceful-shutdown", "20"]
