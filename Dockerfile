# The image of the decision log. It runs without root.
# Every Python package comes from requirements.image.lock with its hash; `make lock` writes that file.
# To pin the base image, pass its digest: docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:... .
# `docker buildx imagetools inspect python:3.13-slim` prints it.
ARG PYTHON_IMAGE=python:3.13-slim
FROM ${PYTHON_IMAGE} AS built
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/decisionlog
WORKDIR /src
COPY requirements.image.lock ./
RUN /opt/decisionlog/bin/pip install --no-compile --require-hashes --requirement requirements.image.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain domain
COPY eventlog eventlog
COPY identity identity
COPY projections projections
COPY api api
COPY consumers consumers
COPY interchange interchange
COPY cli cli
COPY clients/python clients/python
# What builds the package does not go with it.
RUN /opt/decisionlog/bin/pip install --no-compile --no-deps --no-build-isolation ./clients/python . \
 && /opt/decisionlog/bin/pip uninstall --yes hatchling pathspec pluggy trove-classifiers pip

FROM ${PYTHON_IMAGE}
# Imports of decision records read the history of a git repository.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git \
 && rm -rf /var/lib/apt/lists/*
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
