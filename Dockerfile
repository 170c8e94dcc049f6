# The agent as AgentCore Runtime runs it: port 8080, not root, and for linux/arm64:
#   docker build --platform linux/arm64 --tag errand-agent .
# Reproducible to the byte of the base only by digest; this file can't know it, its builder can:
#   --build-arg PYTHON=docker.io/library/python:3.13-slim-bookworm@sha256:…
ARG PYTHON=docker.io/library/python:3.13-slim-bookworm
ARG UV=ghcr.io/astral-sh/uv:python3.13-bookworm-slim

FROM ${UV} AS build
# Without bytecode the first import takes three times as long, in every new session.
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
COPY requirements.txt .
# uv leaves a lock that anybody may write to.
RUN uv venv && uv pip install --no-cache --requirement requirements.txt && rm .venv/.lock
COPY agent agent
COPY runs runs
# What the workflows take when a request names no input.
COPY data data
# Never compared with the sources: they don't change in an image, and times may.
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash agent runs

FROM ${PYTHON}
RUN useradd --uid 1000 --create-home errand
# Root's, and nobody else's to write: what runs can't change what will run.
COPY --from=build /app /app
USER errand
# DOCKER_CONTAINER tells the SDK to listen on all interfaces.
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 DOCKER_CONTAINER=1 \
    # On AgentCore the instrumentation would record what is said to models, and what they answer.
    OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=false
# Without a table, the journal is a file in the working folder.
WORKDIR /home/errand
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/ping', timeout=2)"]
# AgentCore tells the instrumentation where traces go. Elsewhere that is a collector on localhost,
# unless OTEL_SDK_DISABLED=true says that there is none.
CMD ["opentelemetry-instrument", "python", "-m", "agent"]
