"""Who takes decisions, and may tell Lambda executions of them, in the template."""

import pytest

from infra.settings import Target
from tests.support.template import Synthesised

FUNCTION = "AWS::Lambda::Function"
ACTIONS = {
    "lambda:SendDurableExecutionCallbackFailure",
    "lambda:SendDurableExecutionCallbackSuccess",
}


@pytest.mark.parametrize("construct", ["Approvals", "Tasks"])
def test_page_and_queue_tell_the_executions_of_the_durable_function_and_of_no_other(
    synthesised: Synthesised, construct: str
) -> None:
    allowed = synthesised.allowed(synthesised.role_of(FUNCTION, "Role", construct))

    found = {name: allowed[name] for name in allowed if name.startswith("lambda:")}
    if synthesised.target is Target.LOCAL:
        assert found == {}
    else:
        function = {"Fn::GetAtt": [synthesised.id_of(FUNCTION, "Durable"), "Arn"]}
        # Without a qualifier it would be the function's ARN, which no execution has.
        executions = {"Fn::Join": ["", [function, ":*"]]}
        assert found == {name: [executions] for name in ACTIONS}
