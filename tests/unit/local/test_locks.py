"""The lock between processes."""

from pathlib import Path
from threading import Event, Thread

from local.locks import file_lock


def test_a_second_holder_is_told_and_waits(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"
    happened: list[str] = []
    is_waiting = Event()

    def tell() -> None:
        happened.append("second waits")
        is_waiting.set()

    def hold_second() -> None:
        with file_lock(path, on_wait=tell):
            happened.append("second has it")

    second = Thread(target=hold_second)
    with file_lock(path):
        second.start()
        assert is_waiting.wait(20)
        happened.append("first lets go")
    second.join()

    assert happened == ["second waits", "first lets go", "second has it"]
