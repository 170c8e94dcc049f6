"""Whether an emulator's state is loaded or cleared at the next start."""

from pathlib import Path

from local.home import Home
from local.kept import keep, take_kept_port


def write_table(home: Home) -> Path:
    table = home.emulator_state / "services" / "dynamodb.json"
    table.parent.mkdir(parents=True)
    table.write_text("{}")
    return table


def test_a_kept_state_is_used_once(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    table = write_table(home)
    keep(home, emulator_port=4566)

    port = take_kept_port(home)

    assert port == 4566
    assert table.exists()
    # Should the emulator now be killed, what it left must not be loaded again.
    assert take_kept_port(home) is None
    assert not table.exists()


def test_a_state_that_nobody_kept_is_cleared(tmp_path: Path) -> None:
    home = Home.at(tmp_path)
    table = write_table(home)

    assert take_kept_port(home) is None
    assert not table.exists()


def test_no_state_is_no_port(tmp_path: Path) -> None:
    assert take_kept_port(Home.at(tmp_path)) is None
