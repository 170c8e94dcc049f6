# The agent as AgentCore Runtime runs it: port 8080, not root, and for linux/arm64:
#   docker build --platform linux/arm64 --tag errand-agent .

FROM ghcr.io/astral-sh/uv:python3.13-bookworm-slim AS build
# Without bytecode the first import takes three times as long, in every new session.
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
COPY requirements.txt .
RUN uv venv && uv pip install --no-cache --requirement requirements.txt
COPY agent agent
COPY runs runs
# What the workflows take when a request names no input.
COPY data data
RUN .venv/bin/python -m compileall -q agent runs

FROM python:3.13-slim-bookworm
# DOCKER_CONTAINER tells the SDK to listen on all interfaces.
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 DOCKER_CONTAINER=1
RUN useradd --uid 1000 --create-home errand
COPY --from=build /app /app
USER errand
# Without a table, the journal is a file in the working folder.
WORKDIR /home/errand
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/ping', timeout=2)"]
CMD ["python", "-m", "agent"]
