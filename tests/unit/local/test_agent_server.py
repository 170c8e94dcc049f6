"""What the agent is told, and what it can't be told."""

import pytest

from local.agent_server import check_model
from local.errors import ModelNotLocalError


@pytest.mark.parametrize("model", ["offline", "ollama:llama3", None])
def test_a_model_that_needs_no_account_is_taken(model: str | None) -> None:
    assert check_model({"ERRAND_MODEL": model} if model else {}) == model


@pytest.mark.parametrize("model", ["bedrock", "bedrock:amazon.nova-pro-v1:0"])
def test_bedrock_is_refused_with_what_to_do_instead(model: str) -> None:
    with pytest.raises(ModelNotLocalError, match="never uses an AWS account; choose offline"):
        check_model({"ERRAND_MODEL": model})
