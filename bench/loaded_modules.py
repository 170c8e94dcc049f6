"""Tell which libraries a server has loaded when it answers its first ping.

`python -m bench.loaded_modules MODULE` runs the server of a module in this process, prints the
names as a JSON array and ends.
"""

import json
import os
import runpy
import sys
import sysconfig
import threading
import time
from importlib.machinery import ModuleSpec
from pathlib import Path

from local.health import answers

_LIBRARIES = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
_POLL_SECONDS = 0.05


def _report(port: int) -> None:
    while not answers(port, "/ping"):
        time.sleep(_POLL_SECONDS)
    print(json.dumps(libraries()), flush=True)
    # The server does not end by itself.
    os._exit(0)


def libraries() -> list[str]:
    """Name the loaded modules that are installed packages', in the order they were asked for."""
    files = {name: _file(name) for name in list(sys.modules)}
    return [name for name, file in files.items() if file and _LIBRARIES & set(file.parents)]


def _file(name: str) -> Path | None:
    spec = getattr(sys.modules[name], "__spec__", None)
    # By its own name only: aliases such as `six.moves` can't be imported anew.
    if not isinstance(spec, ModuleSpec) or spec.name != name or not spec.has_location:
        return None
    return Path(spec.origin) if spec.origin else None


if __name__ == "__main__":
    threading.Thread(target=_report, args=(int(os.environ["PORT"]),), daemon=True).start()
    runpy.run_module(sys.argv[1], run_name="__main__", alter_sys=True)
