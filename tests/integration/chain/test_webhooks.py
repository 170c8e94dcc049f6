"""Webhooks on the emulator: from a run's end to a receiver, over the deployed rule and queue."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from infra.bundle import BUNDLES, assemble
from infra.settings import PROJECT, Settings
from local.assembly import read_assembly
from local.deploy import deploy
from tests.support.chain import END_SECONDS, Chain, new_session, request
from tests.support.receiver import Delivery, Receiver, running_receiver

_STACK = "webhooks"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def secrets(chain: Chain, receiver: Receiver, tmp_path: Path) -> Iterator[Path]:
    """The file of secrets of webhooks that are deployed beside the chain."""
    file = tmp_path / "webhook-secrets"
    deploy(
        read_assembly(_synthesised(receiver.url, chain.outputs["BusName"], tmp_path / "cdk.out")),
        endpoint=chain.emulator.endpoint,
        parameters={"WebhookKeysFile": str(file)},
    )
    yield file
    # Or the ends of other tests' runs would be posted to nobody, again and again.
    chain.emulator.client("cloudformation").delete_stack(StackName=_STACK)


def _synthesised(url: str, bus: str, folder: Path) -> Path:
    """Synthesise the construct by itself: the whole stack takes longer."""
    from aws_cdk import App, DefaultStackSynthesizer, Stack, aws_events  # noqa: PLC0415 - slow

    from infra.encryption import Encryption  # noqa: PLC0415
    from infra.webhooks import Webhooks  # noqa: PLC0415

    settings = Settings.from_context({"target": "local", "webhook": url})
    app = App(outdir=str(folder), analytics_reporting=False)
    stack = Stack(
        app,
        _STACK,
        synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
    Webhooks(
        stack,
        "Webhooks",
        settings=settings,
        code=assemble(PROJECT, BUNDLES, python=None),
        encryption=Encryption(stack, "Encryption", settings=settings),
        bus=aws_events.EventBus.from_event_bus_name(stack, "Bus", bus),
    )
    app.synth()
    return folder


def posts(receiver: Receiver, session_id: str, *, number: int) -> list[Delivery]:
    """Wait until a receiver has got so many posts about a run."""
    deadline = time.monotonic() + END_SECONDS
    while True:
        found = [each for each in receiver.got if session_id.encode() in each.body]
        if len(found) >= number:
            return found
        assert time.monotonic() < deadline, f"{len(found)} posts about {session_id}"
        time.sleep(0.1)


def test_the_end_of_a_run_is_posted_until_its_receiver_takes_it(
    chain: Chain, receiver: Receiver, secrets: Path
) -> None:
    session_id = new_session()
    receiver.answers = [(503, {})]

    chain.wait_for_end(chain.start(request(session_id)))
    first, second = posts(receiver, session_id, number=2)

    secret = secrets.read_text().strip()
    for each in (first, second):
        event = Webhook(secret).verify(each.body, each.headers)
        assert (event["type"], event["subject"]) == ("errand.run.completed", session_id)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    # The first was not taken, and came again; the second was, and does not.
    assert first.body == second.body
