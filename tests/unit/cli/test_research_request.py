"""What `errand run research-report` asks for."""

from pathlib import Path

import pytest

from cli.errors import UsageError
from cli.request import Wish, request_of


def detail(*, input: str | None = None, prompt: str | None = None) -> dict[str, object]:  # noqa: A002 - the option's name
    wish = Wish(workflow="research-report", input=input, prompt=prompt)
    return dict(request_of(wish, is_remote=False))


def test_the_sample_has_a_question_of_its_own() -> None:
    assert detail()["prompt"] == (
        "How do long-running agents survive crashes, and what does it cost?"
    )


def test_other_documents_must_be_asked_something() -> None:
    with pytest.raises(UsageError, match="--prompt: is missing"):
        detail(input="notes")


def test_an_object_is_sent_as_it_is() -> None:
    given = '{"corpus": "notes", "review": true}'

    assert detail(input=given, prompt="What?")["input"] == given


def test_a_folder_is_sent_with_its_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes").mkdir()
    monkeypatch.chdir(tmp_path)

    assert detail(input="notes", prompt="What?")["input"] == str(tmp_path / "notes")
