"""The cost analysis as a Lambda durable function: the same workflow, and the same files."""

from pathlib import Path

from runs.run import Status
from tests.support.cost import Plant, digests
from tests.support.homes import LambdaHome, files_of, lambda_home

_PROMPT = "What did we spend, and where can we save?"


def test_a_durable_function_gives_the_same_files_as_a_worker(tmp_path: Path) -> None:
    (tmp_path / "worker").mkdir()
    (tmp_path / "lambda").mkdir()
    worker = Plant(tmp_path / "worker", prompt=_PROMPT)
    expected = worker.attempt("sample")

    function: LambdaHome
    with lambda_home(tmp_path / "lambda", workflow="cost-analysis", prompt=_PROMPT) as function:
        run = function.run("sample")

    assert run.status is Status.COMPLETED, run.error
    assert run.result == expected.result
    assert run.usage == expected.usage
    assert digests(files_of(function)) == digests(worker.files())
