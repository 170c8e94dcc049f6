import json

from aws_durable_execution_sdk_python import DurableContext, durable_execution

from agent.registry import Handler
from bench.idle_store import IdleStore


class LambdaContext:
    aws_request_id = "request"

    def __getattr__(self, name: str) -> None:
        return None


@durable_execution
def workflow(_event: object, context: DurableContext) -> list[str]:
    return [context.step(lambda _: "done", name=name) for name in ("a", "b", "c")]


def test_a_workflow_of_steps_comes_to_its_end_on_the_idle_store() -> None:
    handler: Handler = workflow

    answer = handler(IdleStore().open(), LambdaContext())

    assert answer["Status"] == "SUCCEEDED"
    assert json.loads(answer["Result"]) == ["done", "done", "done"]
