# The image holds Python, the locked packages and Farebox, and runs as nobody in particular.
# Build: docker build -t farebox .    Run: see README.md, "In a container".

FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/farebox
COPY requirements.lock ./
RUN /opt/farebox/bin/python -m pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY pricing pricing
COPY proxy proxy
RUN /opt/farebox/bin/python -m pip install --no-deps --no-build-isolation .

FROM python:3.13-slim
COPY --from=build /opt/farebox /opt/farebox
RUN install -d -o 10001 -g 10001 -m 0700 /data
ENV PATH=/opt/farebox/bin:$PATH PYTHONUNBUFFERED=1 \
    FAREBOX_HOST=0.0.0.0 FAREBOX_PORT=4000 FAREBOX_DATABASE_URL=sqlite:////data/farebox.db
WORKDIR /data
VOLUME /data
USER 10001
EXPOSE 4000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"FAREBOX_PORT\"]}/healthz', timeout=2)"]
CMD ["farebox", "serve"]
