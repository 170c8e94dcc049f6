"""What a run used and may use, in words."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.text import Text

from cli import text
from cli.look import Look
from runs.budget import Standing, standings
from runs.receipt import Receipt, Resumed
from runs.run import Run, Usage

if TYPE_CHECKING:
    from cli.infrastructure import Infrastructure

_AFTER = {
    Resumed.LOST: "after a lost worker",
    Resumed.RELEASED: "after a shutdown",
    Resumed.PARKED: "after a wait",
    Resumed.RETRIED: "after a retry",
}


def receipt_lines(run: Run, found: Receipt, look: Look) -> Iterator[tuple[str, Text]]:
    """Say what a run may use, and what of its use is more, or less, than the calls it needed."""
    dot = f" {look.glyphs.dot} "
    limits = list(standings(run.budget, run.used(look.now)))
    if limits:
        style = "red" if any(each.is_reached for each in limits) else ""
        yield "budget", Text(dot.join(map(_standing, limits)), style)
    if found.paid.unpriced_calls:
        calls = text.count(found.paid.unpriced_calls, "call")
        yield (
            "unpriced",
            Text(f"{calls} of a model without a known price, not in the sum", "yellow"),
        )
    if found.children.model_calls:
        yield "children", Text(_usage(found.children, dot))
    if found.repeated.model_calls:
        yield "repeated", Text(f"{_usage(found.repeated, dot)}{dot}calls made before, and cut")
    if words := saved_words(found, look):
        attempts = (f"attempt {each.attempt} {_AFTER[each.after]}" for each in found.resumptions)
        yield "saved", Text(f"{words}{dot}by replay, in {', '.join(attempts)}", "green")


def infrastructure_words(found: "Infrastructure", look: Look) -> str:
    """Say what a run's infrastructure costs, and that it is an estimate."""
    parts = (
        f"about {text.money(found.usd)} on AWS",
        f"{text.duration(found.session_seconds)} of session",
        text.count(found.transitions, "state transition"),
        f"an estimate, by list prices of {found.as_of}",
    )
    return f" {look.glyphs.dot} ".join(parts)


def saved_words(found: Receipt, look: Look) -> str:
    """Say what replay saved; nothing if there was nothing to save."""
    parts = []
    if found.saved.model_calls:
        parts.append(_usage(found.saved, f" {look.glyphs.dot} "))
    if found.saved_steps:
        took = text.duration(found.saved_seconds)
        parts.append(f"{text.count(found.saved_steps, 'finished step')} of {took}")
    return f" {look.glyphs.dot} ".join(parts)


def _usage(usage: Usage, dot: str) -> str:
    calls = text.count(usage.model_calls, "model call")
    return dot.join((calls, f"{text.tokens(usage.tokens)} tokens", text.money(usage.cost_usd)))


def _standing(standing: Standing) -> str:
    used, allowed = (_amount(standing.limit, each) for each in (standing.used, standing.allowed))
    return f"{used} of {allowed}"


def _amount(limit: str, amount: Decimal) -> str:
    match limit:
        case "max_tokens":
            return f"{text.tokens(int(amount))} tokens"
        case "max_cost_usd":
            return text.money(amount)
        case _:
            return text.duration(float(amount))
