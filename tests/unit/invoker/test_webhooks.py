"""Webhooks: signed as the standard says, posted until taken, and to nobody's own network."""

import base64
import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook, WebhookVerificationError

from invoker.errors import NotDeliveredError, WebhookSecretError
from invoker.hooks import PAUSES, Webhooks
from invoker.posting import Poster, Reply, is_public
from invoker.signing import Signer, new_secret, parse_secrets, secrets_at
from runs.link_keys import KeptKeys
from runs.telemetry.metrics import Metric
from tests.support.receiver import Receiver, make_certificate, running_receiver
from tests.support.schemas import schema_of
from tests.support.telemetry import KeptMeter

EVENT: dict[str, Any] = schema_of("errand.run.completed")["examples"][0]
SECRET = new_secret()
NEWER = new_secret()


class Visibility:
    """A queue, as far as pauses go."""

    def __init__(self, *, is_broken: bool = False) -> None:
        self.pauses: list[int] = []
        self._is_broken = is_broken

    def change_message_visibility(self, **arguments: Any) -> None:  # noqa: ANN401 - boto3's
        if self._is_broken:
            msg = "not now"
            raise ConnectionError(msg)
        self.pauses.append(arguments["VisibilityTimeout"])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def queue() -> Visibility:
    return Visibility()


@pytest.fixture
def meter() -> KeptMeter:
    return KeptMeter()


Make = Callable[..., Webhooks]


@pytest.fixture
def webhooks(receiver: Receiver, queue: Visibility, meter: KeptMeter) -> Make:
    def make(secrets: str = SECRET, **more: Any) -> Webhooks:  # noqa: ANN401 - any field
        fields: dict[str, Any] = {
            "urls": {receiver.url},
            "signer": Signer(KeptKeys(lambda: secrets, where="a text")),
            "post": Poster(allow_private=True, answer_seconds=0.5),
            "queues": queue,
            "queue_url": "http://127.0.0.1/queue",
            "clock": lambda: datetime.now(UTC),
            "meter": meter,
        }
        return Webhooks(**fields | more)

    return make


def a_batch(url: str, *, tries: int = 1, event: object = EVENT) -> dict[str, Any]:
    record = {
        "messageId": "m-1",
        "receiptHandle": "r-1",
        "body": json.dumps({"url": url, "event": event}),
        "attributes": {"ApproximateReceiveCount": str(tries)},
    }
    return {"Records": [record]}


TAKEN: dict[str, Any] = {"batchItemFailures": []}
AGAIN: dict[str, Any] = {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


def test_a_receiver_gets_the_event_and_can_verify_it(receiver: Receiver, webhooks: Make) -> None:
    answer = webhooks().take(a_batch(receiver.url))

    (got,) = receiver.got
    assert answer == TAKEN
    assert got.path == "/hook?team=a"
    assert got.headers["webhook-id"] == EVENT["id"]
    assert Webhook(SECRET).verify(got.body, got.headers) == EVENT


def test_what_is_posted_is_a_cloud_event_to_its_own_sdk(receiver: Receiver, webhooks: Make) -> None:
    webhooks().take(a_batch(receiver.url))

    (got,) = receiver.got
    read = from_http_event(HTTPMessage(got.headers, got.body))
    assert (read.get_id(), read.get_type()) == (EVENT["id"], "errand.run.completed")
    assert read.get_subject() == EVENT["subject"]
    assert read.get_data() == EVENT["data"]


def test_the_signature_is_the_one_that_the_standard_describes() -> None:
    # The example of the standard's own libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    at = datetime.fromtimestamp(1614265330, UTC)

    headers = Signer(KeptKeys(lambda: secret, where="a text")).headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', now=at
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_text_in_any_script_is_posted_as_it_was_signed(receiver: Receiver, webhooks: Make) -> None:
    event = EVENT | {"data": {"message": "\u4e16\u754c \U0001f984 \ud800"}}

    webhooks().take(a_batch(receiver.url, event=event))

    (got,) = receiver.got
    assert Webhook(SECRET).verify(got.body, got.headers) == event


def test_while_a_secret_is_replaced_both_verify(receiver: Receiver, webhooks: Make) -> None:
    webhooks(f"# from March\n{SECRET}\n{NEWER}").take(a_batch(receiver.url))

    (got,) = receiver.got
    for secret in (SECRET, NEWER):
        assert Webhook(secret).verify(got.body, got.headers) == EVENT
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(got.body, got.headers)


def test_a_changed_body_does_not_verify(receiver: Receiver, webhooks: Make) -> None:
    webhooks().take(a_batch(receiver.url))

    (got,) = receiver.got
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(got.body.replace(b"COMPLETED", b"FAILED"), got.headers)


def test_an_event_that_comes_again_has_its_id_and_the_time_of_its_try(
    receiver: Receiver, webhooks: Make
) -> None:
    at = datetime.now(UTC)
    ticks = iter([at, at + timedelta(seconds=5)])
    hooks = webhooks(clock=lambda: next(ticks))

    for tries in (1, 2):
        hooks.take(a_batch(receiver.url, tries=tries))

    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert int(second.headers["webhook-timestamp"]) - int(at.timestamp()) == 5
    assert first.body == second.body


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_one(receiver: Receiver, webhooks: Make, status: int) -> None:
    receiver.answers = [(status, {})]

    assert webhooks().take(a_batch(receiver.url)) == TAKEN


@pytest.mark.parametrize("status", [302, 307, 400, 401, 404, 429, 500, 503])
def test_what_is_no_success_comes_again_after_a_pause(
    receiver: Receiver, webhooks: Make, queue: Visibility, status: int
) -> None:
    receiver.answers = [(status, {"Location": receiver.url})]

    answer = webhooks().take(a_batch(receiver.url, tries=3))

    assert answer == AGAIN
    assert queue.pauses == [PAUSES[2]]
    # A redirect is no address that anybody configured: nothing is sent there.
    assert len(receiver.got) == 1


def test_pauses_grow_until_somebody_can_have_mended_the_receiver() -> None:
    assert list(PAUSES) == sorted(PAUSES)

    assert timedelta(days=1) < timedelta(seconds=sum(PAUSES)) < timedelta(days=2)
    # SQS hides a message for twelve hours at most.
    assert max(PAUSES) < timedelta(hours=12).total_seconds()


@pytest.mark.parametrize(
    ("said", "pause"),
    [("900", 900), ("1", PAUSES[0]), ("99999999", 6 * 3600), ("soon", PAUSES[0]), ("-5", 5)],
)
def test_a_receiver_may_ask_for_a_longer_pause(
    receiver: Receiver, webhooks: Make, queue: Visibility, said: str, pause: int
) -> None:
    receiver.answers = [(503, {"Retry-After": said})]

    webhooks().take(a_batch(receiver.url))

    assert queue.pauses == [pause]


def test_a_receiver_that_is_gone_gets_the_event_never_again(
    receiver: Receiver, webhooks: Make, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.answers = [(410, {})]

    answer = webhooks().take(a_batch(receiver.url))

    assert answer == TAKEN
    (record,) = (each for each in caplog.records if each.levelno == logging.ERROR)
    assert record.message == "webhook dropped: its receiver is gone"


def test_a_receiver_that_was_removed_gets_nothing_any_more(
    receiver: Receiver, webhooks: Make
) -> None:
    answer = webhooks(urls={"https://other.example/"}).take(a_batch(receiver.url))

    assert (answer, receiver.got) == (TAKEN, [])


def test_what_became_of_each_post_is_counted(
    receiver: Receiver, webhooks: Make, meter: KeptMeter
) -> None:
    receiver.answers = [(500, {}), (204, {}), (410, {})]

    for _ in range(3):
        webhooks().take(a_batch(receiver.url))
    webhooks(urls=()).take(a_batch(receiver.url))

    assert meter.counts() == {
        Metric.WEBHOOKS_REFUSED: 1,
        Metric.WEBHOOKS_DELIVERED: 1,
        Metric.WEBHOOKS_DROPPED: 2,
    }


def test_one_that_does_not_answer_comes_again(
    receiver: Receiver, webhooks: Make, queue: Visibility
) -> None:
    receiver.is_silent.set()

    answer = webhooks().take(a_batch(receiver.url))

    assert (answer, queue.pauses) == (AGAIN, [PAUSES[0]])


def test_one_that_is_down_comes_again(webhooks: Make, queue: Visibility) -> None:
    with running_receiver() as gone:
        url = gone.url

    answer = webhooks(urls={url}).take(a_batch(url))

    assert (answer, queue.pauses) == (AGAIN, [PAUSES[0]])


def test_without_a_pause_it_comes_again_after_the_queue_s_own_time(
    receiver: Receiver, webhooks: Make
) -> None:
    receiver.answers = [(500, {})]

    assert webhooks(queues=Visibility(is_broken=True)).take(a_batch(receiver.url)) == AGAIN


def test_a_message_that_is_none_of_ours_does_not_keep_the_others(
    receiver: Receiver, webhooks: Make
) -> None:
    batch = a_batch(receiver.url)
    batch["Records"].insert(0, batch["Records"][0] | {"messageId": "m-0", "body": "hello"})

    assert webhooks().take(batch) == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}
    assert len(receiver.got) == 1


def test_no_log_holds_a_receiver_s_path_or_what_was_posted(
    receiver: Receiver, webhooks: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.answers = [(500, {})]

    for _ in range(2):
        webhooks().take(a_batch(receiver.url))

    said = " ".join(str(record.__dict__) for record in caplog.records)
    assert "127.0.0.1" in said
    assert "team=a" not in said
    assert "cost-analysis" not in said


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("whsec_" + "!" * 40, "secret 2 is no base64, expected whsec_ and base64"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "has 23 bytes, expected 24 to 64"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "has 65 bytes, expected 24 to 64"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_told(secret: str, why: str) -> None:
    with pytest.raises(WebhookSecretError, match=why) as refused:
        parse_secrets([SECRET, secret])

    assert secret not in str(refused.value)


def test_without_secrets_nothing_is_posted_and_it_comes_again(
    receiver: Receiver, webhooks: Make, queue: Visibility
) -> None:
    answer = webhooks("").take(a_batch(receiver.url))

    assert (answer, receiver.got) == (AGAIN, [])
    assert queue.pauses == [PAUSES[0]]


def test_what_secrets_manager_makes_is_a_secret() -> None:
    # 44 of these, and no sign among them: base64 of 33 bytes, as it happens.
    made = "Ab0" * 14 + "Zz"

    (secret,) = parse_secrets([made])

    assert len(secret) == 33
    assert Webhook(f"whsec_{made}").sign("id", datetime.now(UTC), "") == Webhook(secret).sign(
        "id", datetime.now(UTC), ""
    )


def test_a_laptop_s_file_of_secrets_is_made_when_it_is_missing(tmp_path: Path) -> None:
    ring = secrets_at(str(tmp_path / "webhook-secrets"), client=_no_client)

    (line,) = ring.keys()

    assert line.startswith("whsec_")
    assert len(parse_secrets([line])[0]) == 32


def _no_client() -> Any:  # noqa: ANN401 - never made
    raise AssertionError


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("169.254.170.2", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - to be told from others
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("::ffff:169.254.169.254", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(address: str, *, expected: bool) -> None:
    assert is_public(address) is expected


def test_a_name_that_leads_to_our_own_network_is_not_followed(receiver: Receiver) -> None:
    url = receiver.url.replace("127.0.0.1", "localhost")

    with pytest.raises(NotDeliveredError, match="expected a public one"):
        Poster(allow_private=False).post(url, b"{}", headers={})

    assert receiver.got == []


def test_the_name_stays_in_the_request_though_its_address_is_what_is_connected_to(
    receiver: Receiver,
) -> None:
    url = receiver.url.replace("127.0.0.1", "localhost")

    reply = Poster(allow_private=True).post(url, b"{}", headers={})

    assert reply == Reply(204)
    assert receiver.got[0].headers["host"].startswith("localhost:")


def test_a_receiver_is_known_by_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path / "receiver.pem", host="localhost")
    with running_receiver(certificate) as receiver:
        known = receiver.url.replace("127.0.0.1", "localhost")
        poster = Poster(allow_private=True)

        with pytest.raises(NotDeliveredError, match="self-signed certificate"):
            poster.post(known, b"{}", headers={})
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with pytest.raises(NotDeliveredError, match="IP address mismatch"):
            poster.post(receiver.url, b"{}", headers={})
        reply = poster.post(known, b"{}", headers={})

    assert reply == Reply(204)
    assert [got.body for got in receiver.got] == [b"{}"]
