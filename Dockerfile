# docker build -t gatecast . && docker run --rm -v "$PWD:/work" gatecast compare prices.csv
#
# A compiler is in the first stage alone; what runs is a wheel, and a user without rights. Where the folder of the
# prices belongs to another user than 1000, add --user "$(id -u):$(id -g)". Not built by any of our checks yet.
FROM python:3.11-slim AS wheel
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir build
WORKDIR /sources
COPY pyproject.toml hatch_build.py README.md LICENSE NOTICE ./
COPY licenses licenses
COPY src src
RUN GATECAST_REQUIRE_KERNEL=1 python -m build --wheel --outdir /dist

FROM python:3.11-slim
RUN --mount=type=bind,from=wheel,source=/dist,target=/dist pip install --no-cache-dir /dist/*.whl \
    && useradd --uid 1000 --create-home gatecast
USER gatecast
WORKDIR /work
# /tmp may be written by any user that docker is told of; programs compiled there last as long as the container
ENV GATECAST_CACHE=/tmp/gatecast
ENTRYPOINT ["gatecast"]
CMD ["--help"]
