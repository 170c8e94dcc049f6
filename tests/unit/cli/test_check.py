"""What `errand doctor` says."""

from cli.check import Check, Verdict, all_fine, checks_to_json, checks_view
from tests.support.cli import a_look, drawn

FINE = Check(name="python", verdict=Verdict.FINE, found="3.11.7")
ABSENT = Check(name="stack", verdict=Verdict.ABSENT, found="down; `errand up` starts it")
WRONG = Check(name="port", verdict=Verdict.WRONG, found="8080 is in use", advice="stop that")


def test_each_check_is_a_line_with_its_mark_and_what_to_do_below_it() -> None:
    view = drawn(checks_view([FINE, ABSENT, WRONG], a_look()))

    assert [line.rstrip() for line in view.splitlines()] == [
        "✓ python 3.11.7",
        "- stack  down; `errand up` starts it",
        "✗ port   8080 is in use",
        "         stop that",
    ]


def test_what_is_absent_is_not_wrong() -> None:
    assert all_fine([FINE, ABSENT])
    assert not all_fine([FINE, ABSENT, WRONG])


def test_the_json_has_the_same() -> None:
    assert checks_to_json([FINE, WRONG]) == {
        "is_fine": False,
        "checks": [
            {"name": "python", "verdict": "fine", "found": "3.11.7", "advice": None},
            {"name": "port", "verdict": "wrong", "found": "8080 is in use", "advice": "stop that"},
        ],
    }
