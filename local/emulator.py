"""The AWS emulator as a child process on this machine's loopback address."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.environment import REGION, without_aws, without_proxies
from local.health import wait_until_healthy
from local.ports import LOOPBACK
from local.processes import Child, spawn

HEALTH_PATH = "/_ministack/health"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSettings:
    """How an emulator is to run."""

    port: int
    #: Tables, buckets and queues are written here when it is stopped, and read when it starts.
    state: Path
    log_file: Path
    #: Where its Lambda functions find AgentCore's data plane; None when they need none.
    agentcore_url: str | None = None

    @property
    def endpoint(self) -> str:
        """The URL an AWS SDK takes as its endpoint."""
        return f"http://{LOOPBACK}:{self.port}"


def start_emulator(
    python: Path, settings: EmulatorSettings, *, environ: Mapping[str, str]
) -> Child:
    """Start an emulator; `wait_for_emulator` tells when it can be used.

    Args:
        python: The interpreter of the emulator's own environment.
        settings: How it is to run.
        environ: The user's environment; credentials and proxies in it are left out.
    """
    scratch = settings.state / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return spawn(
        "the AWS emulator",
        [python, "-m", "ministack"],
        environ=_environment(settings, environ, scratch=scratch),
        log_file=settings.log_file,
        # Its Lambda workers inherit the folder: nothing of the user's may be importable there.
        cwd=scratch,
    )


def wait_for_emulator(child: Child, settings: EmulatorSettings) -> None:
    """Return when the emulator answers.

    Raises:
        ProcessStartError: It ended, or did not answer in time.
    """
    wait_until_healthy(child, port=settings.port, path=HEALTH_PATH)


def _environment(
    settings: EmulatorSettings, environ: Mapping[str, str], *, scratch: Path
) -> dict[str, str]:
    inherited = without_proxies(without_aws(environ))
    # These would reach into the emulator's own interpreter and its Lambda functions.
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        inherited.pop(name, None)
    agentcore = {"AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": settings.agentcore_url}
    return {
        **inherited,
        **{name: value for name, value in agentcore.items() if value},
        "BIND_HOST": LOOPBACK,
        "GATEWAY_PORT": str(settings.port),
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(settings.state / "services"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(settings.state / "s3"),
        "TMPDIR": str(scratch),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
