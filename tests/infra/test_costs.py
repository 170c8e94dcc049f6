"""What estimates say of a stack is what the template has."""

from cli.estimating import Assumptions
from tests.support.template import Synthesise


def test_an_estimate_counts_the_alarms_and_secrets_that_a_stack_is_billed_for(
    synthesise: Synthesise,
) -> None:
    stack = synthesise({"target": "aws"})
    assumed = Assumptions()

    assert assumed.alarms == len(stack.of_type("AWS::CloudWatch::Alarm"))
    assert assumed.secrets == len(stack.of_type("AWS::SecretsManager::Secret"))
    assert len(stack.of_type("AWS::CloudWatch::Dashboard")) == 1
