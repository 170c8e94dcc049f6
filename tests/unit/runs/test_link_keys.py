import stat
import threading
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from runs.errors import LinkKeysError
from runs.link_keys import MIN_KEY, SecretsManager, keyring_at, parse_keys
from tests.support.links import NEW, OLD, KeyText

ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:links-AbCdEf"


class Secret:
    """Answers each read with the same, or raises it."""

    def __init__(self, answer: dict[str, str] | Exception) -> None:
        self._answer = answer

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's spelling
        assert SecretId == ARN
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def no_client() -> SecretsManager:
    raise AssertionError


def test_the_last_line_is_the_newest_key() -> None:
    text = f"# from January\n{OLD}\n\n  {NEW}  \n"

    assert parse_keys(text, where="a text") == (OLD, NEW)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing but a remark"])
def test_a_text_without_a_key_is_refused(text: str) -> None:
    with pytest.raises(LinkKeysError, match="in 'a text' can't be used: has no key"):
        parse_keys(text, where="a text")


def test_a_key_that_could_be_guessed_is_refused_and_not_told() -> None:
    with pytest.raises(LinkKeysError, match="key 2 has 6 characters, expected 32") as refused:
        parse_keys(f"{OLD}\nsecret", where="a text")

    assert "secret" not in str(refused.value)


def test_keys_are_read_once_and_again_after_some_minutes() -> None:
    kept = KeyText()
    first = [kept.ring.keys() for _ in range(3)]
    kept.text = f"{OLD}\n{NEW}"
    kept.seconds = 299
    before = (kept.ring.keys(), kept.reads)
    kept.seconds = 300

    assert first == [(OLD,)] * 3
    assert before == ((OLD,), 1)
    assert kept.ring.keys() == (OLD, NEW)


def test_fresh_keys_are_read_again_but_not_at_every_call() -> None:
    kept = KeyText()
    kept.ring.keys()
    kept.text = NEW
    kept.seconds = 9
    soon = kept.ring.fresh()
    kept.seconds = 10

    assert soon == (OLD,)
    assert [kept.ring.fresh() for _ in range(100)] == [(NEW,)] * 100
    assert kept.reads == 2


def test_a_file_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "home" / "link-keys"

    (key,) = keyring_at(str(path), client=no_client).keys()
    again = keyring_at(str(path), client=no_client).keys()

    assert again == (key,)
    assert len(key) >= MIN_KEY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_of_many_makers_at_once_one_makes_the_key(tmp_path: Path) -> None:
    path = tmp_path / "link-keys"
    gate = threading.Barrier(8)
    found: list[tuple[str, ...]] = []

    def make() -> None:
        gate.wait()
        found.append(keyring_at(str(path), client=no_client).keys())

    makers = [threading.Thread(target=make) for _ in range(8)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()

    assert len(found) == 8
    assert len(set(found)) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_can_not_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(LinkKeysError, match="Is a directory"):
        keyring_at(str(tmp_path), client=no_client).keys()


def test_a_secret_is_read_where_an_arn_is_given() -> None:
    secret = Secret({"SecretString": OLD})

    assert keyring_at(ARN, client=lambda: secret).keys() == (OLD,)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ClientError({"Error": {"Code": "AccessDenied"}}, "GetSecretValue"), "AccessDenied"),
        (EndpointConnectionError(endpoint_url="http://x"), "did not answer"),
        ({"SecretBinary": "x"}, "holds bytes, expected a text"),
    ],
)
def test_a_secret_that_can_not_be_had_is_told(
    answer: dict[str, str] | Exception, message: str
) -> None:
    secret = Secret(answer)

    with pytest.raises(LinkKeysError, match=message):
        keyring_at(ARN, client=lambda: secret).keys()
