import json
from pathlib import Path
from typing import Any

import pytest

from infra.release import RELEASED, accept, report
from infra.template_diff import KEPT_IN, Difference, Kind, differences, plain

TABLE = "AWS::DynamoDB::GlobalTable"
ALARM = "AWS::CloudWatch::Alarm"


def before() -> dict[str, Any]:
    """Give a table, a queue and an alarm."""
    return {
        "Journal": {
            "Type": TABLE,
            "DeletionPolicy": "Retain",
            "Properties": {
                "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
            },
        },
        "Tasks": {
            "Type": "AWS::SQS::Queue",
            "DeletionPolicy": "Retain",
            "Properties": {"QueueName": "tasks", "VisibilityTimeout": 60},
        },
        "Alarm": {"Type": ALARM, "Properties": {"Threshold": 1}},
    }


def only(found: list[Difference]) -> Difference:
    (difference,) = found
    return difference


def test_equal_templates_have_no_differences() -> None:
    assert differences(before(), before()) == []
    assert report([]) == "the template is that of the last release\n"


def test_a_resource_that_keeps_something_and_is_removed_is_a_loss() -> None:
    after = before()
    del after["Journal"]

    found = only(differences(before(), after))

    assert (found.kind, found.loss) == (Kind.REMOVED, "the journal")
    assert str(found) == f"removed {TABLE} Journal: the journal would be lost"


def test_a_resource_that_gets_another_logical_id_is_one_removed_and_one_added() -> None:
    after = before()
    after["Renamed"] = after.pop("Journal")

    found = differences(before(), after)

    assert [each.kind for each in found] == [Kind.REMOVED, Kind.ADDED]
    assert [each.loss for each in found] == ["the journal", None]


@pytest.mark.parametrize(
    ("resource", "name", "value"),
    [
        ("Journal", "KeySchema", [{"AttributeName": "id", "KeyType": "HASH"}]),
        ("Tasks", "QueueName", "others"),
    ],
)
def test_a_property_that_only_a_new_resource_can_have_is_a_loss(
    resource: str, name: str, value: object
) -> None:
    after = before()
    after[resource]["Properties"][name] = value

    found = only(differences(before(), after))

    assert (found.kind, found.properties) == (Kind.REPLACED, (name,))
    assert found.loss == KEPT_IN[after[resource]["Type"]]


def test_a_property_that_can_be_updated_is_none() -> None:
    after = before()
    after["Tasks"]["Properties"]["VisibilityTimeout"] = 90

    found = only(differences(before(), after))

    assert str(found) == "changed AWS::SQS::Queue Tasks (VisibilityTimeout)"
    assert found.loss is None


def test_what_would_go_with_the_stack_from_now_on_is_a_loss() -> None:
    after = before()
    after["Journal"]["DeletionPolicy"] = "Delete"

    found = only(differences(before(), after))

    assert (found.kind, found.loss) == (Kind.EXPOSED, "the journal")


def test_an_alarm_may_come_and_go() -> None:
    after = before()
    del after["Alarm"]

    found = only(differences(before(), after))

    assert (found.kind, found.loss) == (Kind.REMOVED, None)


def test_new_code_is_no_difference() -> None:
    def deployed(digest: str) -> dict[str, Any]:
        code = {"S3Bucket": "assets", "S3Key": f"{digest * 8}.zip"}
        return {
            "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Code": code}},
            f"Version{digest * 4}": {"Type": "AWS::Lambda::Version", "Properties": {}},
        }

    assert plain(deployed("0123456789abcdef")) == plain(deployed("fedcba9876543210"))


def test_the_report_says_what_to_do_about_a_loss() -> None:
    after = before()
    del after["Journal"]

    text = report(differences(before(), after))

    assert text.startswith("since the last release, 1 difference:\n  removed")
    assert "docs/upgrading.md" in text
    assert "python -m infra.release --accept" in text


def test_a_template_that_was_accepted_is_read_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "released.json"

    accept(before(), file)

    assert differences(read(file), before()) == []


def read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_every_kind_of_kept_resource_is_in_the_last_release() -> None:
    released = read(RELEASED)

    types = {resource["Type"] for resource in released.values()}

    # A key of our own comes with a setting that production does not have by default.
    assert KEPT_IN.keys() - types == {"AWS::KMS::Key"}
