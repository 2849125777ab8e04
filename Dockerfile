# The decision log as an image: small, without root, and the same whenever it is built from the same commit.
# Every package comes from requirements.image.lock with its hash; `make lock` writes that file anew.
FROM python:3.13-slim AS built
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/decisionlog
WORKDIR /src
COPY requirements.image.lock ./
RUN /opt/decisionlog/bin/pip install --no-compile --require-hashes --requirement requirements.image.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain domain
COPY eventlog eventlog
COPY projections projections
COPY api api
COPY consumers consumers
COPY decisionlog_client decisionlog_client
COPY cli cli
# What builds the package does not go with it.
RUN /opt/decisionlog/bin/pip install --no-compile --no-deps --no-build-isolation . \
 && /opt/decisionlog/bin/pip uninstall --yes hatchling pathspec pluggy trove-classifiers pip

FROM python:3.13-slim
RUN useradd --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin decisionlog
COPY --from=built /opt/decisionlog /opt/decisionlog
ENV PATH=/opt/decisionlog/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    DECISIONLOG_DATA=/data DECISIONLOG_HOST=0.0.0.0
USER 10001
VOLUME /data
EXPOSE 8737
STOPSIGNAL SIGTERM
ENTRYPOINT ["decisionlog"]
CMD ["serve"]
