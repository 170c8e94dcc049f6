"""What survives `down --keep`: the emulator's state."""

import shutil

from local.home import Home


def keep(home: Home, *, emulator_port: int) -> None:
    """Mark the state an emulator wrote when it was stopped in order as worth loading.

    The port is kept too: queue URLs and other names the state holds have it in them.
    """
    home.emulator_state.mkdir(parents=True, exist_ok=True)
    home.kept_mark.write_text(str(emulator_port), encoding="ascii")


def take_kept_port(home: Home) -> int | None:
    """Take up a kept state, and give the port it was kept with; else clear what is left.

    The mark goes before the state is used: an emulator that is killed leaves its state half
    written, and the next start must not load that.
    """
    try:
        port = int(home.kept_mark.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        shutil.rmtree(home.emulator_state, ignore_errors=True)
        return None
    home.kept_mark.unlink()
    return port
