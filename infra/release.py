"""What an upgrade changes: `python -m infra.release [--accept]`.

Compares the template of production with that of the last release, `infra/released.json`, and fails
if the upgrade would lose what a deployment keeps. `--accept` writes the template down as the
release's: with each release, and when a loss is meant.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.app import synthesise
from infra.template_diff import Difference, Resources, differences, plain

RELEASED = Path(__file__).with_name("released.json")
#: All defaults, but nothing of it goes with the stack. The wheels of the agent's code make no
#: difference to the template, and are not unpacked for it.
_PRODUCTION = {"target": "aws", "stage": "prod", "aws:cdk:bundling-stacks": []}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, or accept; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.release", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="write the template down")
    options = parser.parse_args(arguments)
    template = plain(_synthesised())
    if options.accept:
        accept(template, RELEASED)
        return 0
    found = differences(json.loads(RELEASED.read_text(encoding="utf-8")), template)
    sys.stdout.write(report(found))
    return 1 if any(each.loss for each in found) else 0


def accept(template: Resources, path: Path) -> None:
    """Write a template down, a line for each resource: the version control shows what changed."""
    lines = (f"{json.dumps(name)}: {json.dumps(template[name])}" for name in sorted(template))
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def report(found: Sequence[Difference]) -> str:
    """Say what an upgrade from the last release changes."""
    if not found:
        return "the template is that of the last release\n"
    count = "1 difference" if len(found) == 1 else f"{len(found)} differences"
    lines = [f"since the last release, {count}:", *(f"  {each}" for each in found)]
    if any(each.loss for each in found):
        lines += [
            "an upgrade must not lose what is kept: leave the resource, or property, as it was;",
            "or say in docs/upgrading.md what to do before, and: python -m infra.release --accept",
        ]
    return "\n".join(lines) + "\n"


def _synthesised() -> dict[str, dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        synthesise(_PRODUCTION, output=Path(folder))
        (file,) = Path(folder).glob("*.template.json")
        resources: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))[
            "Resources"
        ]
        return resources


if __name__ == "__main__":
    sys.exit(main())
