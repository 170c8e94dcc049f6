"""`ERRAND_MODEL` and what becomes of it."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import ConfigError
from agent.models.offline import OfflineModel
from agent.models.select import ModelChoice, Provider, choose_model, load_model, preload
from tests.support.agents import OFFLINE


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("offline", ModelChoice(provider=Provider.OFFLINE)),
        ("offline:2.5", ModelChoice(provider=Provider.OFFLINE, think_seconds=2.5)),
        ("bedrock", ModelChoice(provider=Provider.BEDROCK)),
        (
            "bedrock:global.anthropic.claude-haiku-4-5-20251001-v1:0",
            ModelChoice(
                provider=Provider.BEDROCK,
                model_id="global.anthropic.claude-haiku-4-5-20251001-v1:0",
            ),
        ),
        ("ollama:qwen3:8b", ModelChoice(provider=Provider.OLLAMA, model_id="qwen3:8b")),
        (
            "openai:http://127.0.0.1:8000/v1#gpt-oss:20b",
            ModelChoice(
                provider=Provider.OPENAI,
                model_id="gpt-oss:20b",
                base_url="http://127.0.0.1:8000/v1",
            ),
        ),
        (
            "recorded:recordings/run.json",
            ModelChoice(provider=Provider.RECORDED, model_id="recordings/run.json"),
        ),
        (
            " llamacpp:http://localhost:8081 ",
            ModelChoice(provider=Provider.LLAMACPP, base_url="http://localhost:8081"),
        ),
    ],
)
def test_a_value_is_read_into_a_choice(text: str, choice: ModelChoice) -> None:
    assert ModelChoice.parse(text) == choice


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "one of offline[:<seconds per answer>], bedrock:"),
        ("gpt-4", "one of offline[:<seconds per answer>], bedrock:"),
        ("offline:fast", "0 to 600 seconds per answer after 'offline:'"),
        ("offline:-1", "0 to 600 seconds per answer after 'offline:'"),
        ("offline:nan", "0 to 600 seconds per answer after 'offline:'"),
        ("offline:601", "0 to 600 seconds per answer after 'offline:'"),
        ("ollama:", "one of offline"),
        ("ollama", "one of offline"),
        ("recorded:", "one of offline"),
        ("openai:gpt-4", "a model name after '#'"),
        ("openai:https://api.example.com/v1", "a model name after '#'"),
        ("openai:api.example.com#gpt-4", "a base url such as"),
        ("llamacpp:localhost:8080", "a base url such as"),
        ("llamacpp:ftp://localhost", "a base url such as"),
    ],
)
def test_a_value_that_can_not_be_used_is_named_with_what_was_expected(
    text: str, expected: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        ModelChoice.parse(text)

    assert raised.value.variable == "ERRAND_MODEL"
    assert f"is {text!r}, expected {expected}" in str(raised.value)


def nowhere(folder: Path) -> dict[str, str]:
    return {
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
    }


def test_without_an_account_the_default_is_offline(tmp_path: Path) -> None:
    assert choose_model(nowhere(tmp_path)) == OFFLINE


KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y"}
REGION = {"AWS_REGION": "eu-central-1"}


@pytest.mark.parametrize(
    ("environ", "provider"),
    [
        (KEYS | REGION, Provider.BEDROCK),
        (KEYS, Provider.OFFLINE),
        (REGION, Provider.OFFLINE),
        (
            REGION | {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/creds"},
            Provider.BEDROCK,
        ),
        (KEYS | REGION | {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}, Provider.OFFLINE),
        (KEYS | REGION | {"ERRAND_MODEL": "offline"}, Provider.OFFLINE),
        (KEYS | REGION | {"ERRAND_MODEL": ""}, Provider.BEDROCK),
    ],
)
def test_the_environment_tells_whether_an_account_is_set_up(
    tmp_path: Path, environ: dict[str, str], provider: Provider
) -> None:
    assert choose_model(nowhere(tmp_path) | environ).provider is provider


@pytest.mark.parametrize(
    ("config", "profile", "provider"),
    [
        ("[default]\nregion = us-east-1\nsso_session = me\n", None, Provider.BEDROCK),
        ("[default]\nregion = us-east-1\n", None, Provider.OFFLINE),
        ("[profile work]\nregion = us-east-1\nrole_arn = r\n", "work", Provider.BEDROCK),
        ("[profile work]\nregion = us-east-1\nrole_arn = r\n", None, Provider.OFFLINE),
        (
            "[profile local]\nregion = us-east-1\naws_access_key_id = x\nservices = local\n",
            "local",
            Provider.OFFLINE,
        ),
        ("no section\n", None, Provider.OFFLINE),
        ("[default]\nregion = %(x)s\nsso_session = me\n", None, Provider.BEDROCK),
    ],
)
def test_the_configuration_file_tells_whether_an_account_is_set_up(
    tmp_path: Path, config: str, profile: str | None, provider: Provider
) -> None:
    environ = nowhere(tmp_path) | ({"AWS_PROFILE": profile} if profile else {})
    (tmp_path / "config").write_text(config)

    assert choose_model(environ).provider is provider


def test_credentials_and_region_may_come_from_different_files(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = us-east-1\n")
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = x\n")

    assert choose_model(nowhere(tmp_path)).provider is Provider.BEDROCK


def test_a_key_goes_to_openai_only_and_never_into_text() -> None:
    environ = {"OPENAI_API_KEY": "sk-secret", "ERRAND_MODEL": "openai:http://localhost/v1#m"}

    choice = choose_model(environ)

    assert choice.api_key == "sk-secret"
    assert "sk-secret" not in repr(choice)
    assert choose_model(environ | {"ERRAND_MODEL": "ollama:m"}).api_key is None


def test_ollama_is_reached_where_its_own_variable_says() -> None:
    choice = choose_model({"ERRAND_MODEL": "ollama:m", "OLLAMA_HOST": "http://10.0.0.7:11434"})

    assert choice.base_url == "http://10.0.0.7:11434"


def test_offline_needs_nothing_to_be_loaded() -> None:
    preload(OFFLINE)
    loaded = load_model(OFFLINE, agent="a", playbook=lambda _: pytest.fail("not called"))

    assert isinstance(loaded.model, OfflineModel)
    assert loaded.model_id == "offline"


def test_choosing_a_model_loads_no_providers_library() -> None:
    code = (
        "import sys; import agent.models.select;"
        "print([m for m in ('openai', 'ollama', 'boto3') if m in sys.modules])"
    )
    output = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "openai" not in output.stdout
    assert "ollama" not in output.stdout
