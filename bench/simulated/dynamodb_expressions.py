"""DynamoDB's expressions, as far as the journal and the state machine use them.

What they do not use is refused: a wrong answer would be a wrong number somewhere else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from runs.journal.dynamodb_items import Item

_TOKEN = re.compile(r"\s*(<=|>=|<>|[=<>(),+.]|[#:]?\w+)")
_CLAUSES = frozenset({"SET", "ADD", "REMOVE"})


@dataclass(frozen=True, slots=True)
class Terms:
    """What names and values stand for in an expression."""

    names: Mapping[str, str]
    values: Mapping[str, Item]

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> "Terms":
        """Read them from a request."""
        return cls(
            request.get("ExpressionAttributeNames", {}),
            request.get("ExpressionAttributeValues", {}),
        )


def is_met(expression: str | None, item: Item, terms: Terms) -> bool:
    """Say whether a condition holds for an item; one that is absent has no attributes."""
    return expression is None or _Reader(expression, item, terms).condition()


def updated(expression: str, item: Item, terms: Terms) -> Item:
    """Give an item as an update leaves it. All that is read in it is read before."""
    return _Reader(expression, item, terms).update()


class _Reader:
    """Reads an expression from left to right, and knows what it is about."""

    def __init__(self, expression: str, item: Item, terms: Terms) -> None:
        self._expression = expression
        self._tokens = _TOKEN.findall(expression)
        if "".join(self._tokens) != "".join(expression.split()):
            raise self._unknown(what="its characters")
        self._item = item
        self._terms = terms

    def condition(self) -> bool:
        met = self._either()
        if self._tokens:
            raise self._unknown(what=self._tokens[0])
        return met

    def update(self) -> Item:
        after: Item = _copy(self._item)
        while self._tokens:
            clause = self._take()
            if clause not in _CLAUSES:
                raise self._unknown(what=clause)
            self._change(after, clause)
            while self._is_next(","):
                self._change(after, clause)
        return after

    def _either(self) -> bool:
        met = self._all()
        while self._is_next("OR"):
            # Read in any case: what stands behind it must be passed by.
            met = self._all() or met
        return met

    def _all(self) -> bool:
        met = self._one()
        while self._is_next("AND"):
            met = self._one() and met
        return met

    def _one(self) -> bool:
        if self._is_next("NOT"):
            return not self._one()
        if self._is_next("("):
            met = self._either()
            self._expect(")")
            return met
        if self._peek() in ("attribute_exists", "attribute_not_exists"):
            wanted = self._take() == "attribute_exists"
            self._expect("(")
            found = _found(self._item, self._path())
            self._expect(")")
            return (found is not None) == wanted
        return self._comparison(self._operand())

    def _comparison(self, left: Item | None) -> bool:
        match self._take():
            case "IN":
                self._expect("(")
                among = [self._operand()]
                while self._is_next(","):
                    among.append(self._operand())
                self._expect(")")
                return left in among
            case "BETWEEN":
                low = self._operand()
                self._expect("AND")
                high = self._operand()
                return _is_ordered(low, left) and _is_ordered(left, high)
            case "=":
                return left == self._operand()
            case "<>":
                return left != self._operand()
            case "<=":
                return _is_ordered(left, self._operand())
            case ">=":
                return _is_ordered(self._operand(), left)
            case "<":
                right = self._operand()
                return _is_ordered(left, right) and left != right
            case ">":
                right = self._operand()
                return _is_ordered(right, left) and left != right
            case other:
                raise self._unknown(what=other)

    def _operand(self) -> Item | None:
        if self._peek().startswith(":"):
            return self._terms.values[self._take()]
        return _found(self._item, self._path())

    def _change(self, after: Item, clause: str) -> None:
        path = self._path()
        if clause == "REMOVE":
            after.pop(path[0], None)
        elif clause == "ADD":
            added = self._operand()
            before = _found(self._item, path) or {"N": "0"}
            _put(after, path, {"N": str(Decimal(before["N"]) + Decimal((added or {})["N"]))})
        else:
            self._expect("=")
            value = self._assigned()
            if value is None:
                raise self._unknown(what=f"the value of {path}")
            _put(after, path, value)

    def _assigned(self) -> Item | None:
        if not self._is_next("if_not_exists"):
            return self._operand()
        self._expect("(")
        found = _found(self._item, self._path())
        self._expect(",")
        otherwise = self._operand()
        self._expect(")")
        return found or otherwise

    def _path(self) -> list[str]:
        path = [self._name()]
        while self._is_next("."):
            path.append(self._name())
        return path

    def _name(self) -> str:
        word = self._take()
        return self._terms.names[word] if word.startswith("#") else word

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _take(self) -> str:
        if not self._tokens:
            raise self._unknown(what="its end")
        return str(self._tokens.pop(0))

    def _is_next(self, token: str) -> bool:
        if self._tokens[:1] != [token]:
            return False
        self._tokens.pop(0)
        return True

    def _expect(self, token: str) -> None:
        if not self._is_next(token):
            raise self._unknown(what=f"what stands where {token!r} is expected")

    def _unknown(self, *, what: str) -> ValueError:
        return ValueError(f"{what} is not understood in the expression {self._expression!r}")


def _found(item: Item, path: list[str]) -> Item | None:
    value = item.get(path[0])
    for name in path[1:]:
        value = None if value is None else value["M"].get(name)
    return value


def _put(item: Item, path: list[str], value: Item) -> None:
    for name in path[:-1]:
        item = item[name]["M"]
    item[path[-1]] = value


def _is_ordered(left: Item | None, right: Item | None) -> bool:
    """Say whether one value is at most the other; values of two types have no order."""
    if left is None or right is None or left.keys() != right.keys():
        return False
    if "N" in left:
        return Decimal(left["N"]) <= Decimal(right["N"])
    # DynamoDB orders texts by their UTF-8 bytes, which is the order of code points.
    return bool(left["S"] <= right["S"])


def _copy(value: Any) -> Any:  # noqa: ANN401 - of an item, whatever it holds
    return {name: _copy(part) for name, part in value.items()} if isinstance(value, dict) else value
