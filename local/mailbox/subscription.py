"""Having the emulator's SNS deliver to the mailbox."""

import time

from local.clients import Client, local_client
from local.errors import StackFailedError
from local.mailbox.app import SNS_PATH
from local.ports import LOOPBACK

_POLL_SECONDS = 0.05
_TIMEOUT_SECONDS = 20.0


def subscribe(topic_arn: str, *, mailbox_url: str, endpoint: str) -> None:
    """Subscribe the mailbox to a topic, in place of an earlier stack's; wait until it is.

    Raises:
        StackFailedError: It was not confirmed.
    """
    client = local_client("sns", endpoint)
    wanted = f"{mailbox_url}{SNS_PATH}"
    for arn, url in _subscriptions(client, topic_arn).items():
        if url.startswith(f"http://{LOOPBACK}:") and url.endswith(SNS_PATH):
            client.unsubscribe(SubscriptionArn=arn)
    client.subscribe(TopicArn=topic_arn, Protocol="http", Endpoint=wanted)
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not _is_confirmed(client, topic_arn, wanted):
        if time.monotonic() > deadline:
            msg = f"the mailbox at {wanted} was not asked to confirm its subscription"
            raise StackFailedError(msg)
        time.sleep(_POLL_SECONDS)


def confirm(topic_arn: str, token: str, *, endpoint: str) -> None:
    """Tell the emulator's SNS that a subscription is wanted."""
    local_client("sns", endpoint).confirm_subscription(TopicArn=topic_arn, Token=token)


def _subscriptions(client: Client, topic_arn: str) -> dict[str, str]:
    found = client.list_subscriptions_by_topic(TopicArn=topic_arn)["Subscriptions"]
    return {each["SubscriptionArn"]: each["Endpoint"] for each in found}


def _is_confirmed(client: Client, topic_arn: str, url: str) -> bool:
    arns = [arn for arn, each in _subscriptions(client, topic_arn).items() if each == url]
    states = [client.get_subscription_attributes(SubscriptionArn=arn) for arn in arns]
    return any(state["Attributes"]["PendingConfirmation"] == "false" for state in states)
