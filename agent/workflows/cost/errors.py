"""Errors of the cost analysis.

RunError (runs.errors)
├── BillError                  the bill can't be used; trying again would end the same way
│   ├── BillNotFoundError          there is nothing at that path or address
│   ├── BillUnreadableError        there is something, but not a file we may read
│   ├── UnsupportedBillError       the name's ending is none we read
│   ├── BillTooLargeError          over one of the stated limits
│   ├── EmptyBillError             no bytes, or a header and nothing else
│   ├── CorruptBillError           the bytes are not what the name says
│   ├── NotABillError              a table, but not a bill: columns are missing
│   ├── BadValueError              a cost or a time that can't be read
│   └── BillSourceError            S3 or Cost Explorer refused
├── BillSourceUnavailableError S3 or Cost Explorer did not answer; trying again may help
└── QueryError                 a question that was not answered; the agent is told why
    ├── QueryRefusedError          not one SELECT over the bill
    ├── QueryFailedError           DuckDB could not execute it
    └── QueryTimeoutError          it took longer than the limit
"""

from collections.abc import Sequence

from runs.errors import RunError


class BillError(RunError):
    """The bill can't be used as it is."""


class BillNotFoundError(BillError):
    """There is nothing where the bill should be."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"bill {where!r} does not exist, expected the path of a file, an s3:// address, "
            "'aws' or 'sample'"
        )


class BillUnreadableError(BillError):
    """There is something where the bill should be, but not a file this process may read."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"bill {where!r} {why}")


class UnsupportedBillError(BillError):
    """The name does not end as the files do that can be read."""

    def __init__(self, where: str, *, ending: str, supported: Sequence[str]) -> None:
        found = f"ends in {ending!r}" if ending else "has no ending"
        super().__init__(f"bill {where!r} {found}, expected one of: {', '.join(supported)}")


class BillTooLargeError(BillError):
    """The bill is over a limit."""

    def __init__(self, where: str, *, size: str, limit: str) -> None:
        super().__init__(
            f"bill {where!r} has {size}, expected at most {limit}; export a shorter period"
        )


class EmptyBillError(BillError):
    """The bill holds no charges."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"bill {where!r} {what}, expected charges")


class CorruptBillError(BillError):
    """The bytes of the bill can't be read as what its name says."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"bill {where!r} {why}")


class NotABillError(BillError):
    """A table without the columns that make it a bill."""

    def __init__(self, where: str, *, nearest: str, missing: Sequence[str]) -> None:
        super().__init__(
            f"{where!r} is not a bill: as {nearest} it lacks the columns {', '.join(missing)}; "
            "expected FOCUS 1.x or AWS CUR 2.0"
        )
        self.missing = tuple(missing)


class BadValueError(BillError):
    """A column holds a value that can't be read."""

    def __init__(self, where: str, *, column: str, value: str, expected: str) -> None:
        super().__init__(f"bill {where!r} has {value!r} in column {column}, expected {expected}")


class BillSourceError(BillError):
    """The service that holds the bill refused to give it."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"bill {where!r} can't be fetched: {why}")


class BillSourceUnavailableError(RunError):
    """The service that holds the bill did not answer, or throttled."""

    retryable = True

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"bill {where!r} can't be fetched now: {why}")


class QueryError(RunError):
    """A question to the bill was not answered."""


class QueryRefusedError(QueryError):
    """The SQL is not one SELECT over the bill."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}; expected one SELECT over the view bill")


class QueryFailedError(QueryError):
    """DuckDB could not execute the SQL."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the query failed: {why}")


class QueryTimeoutError(QueryError):
    """The query was stopped because it took too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the query was stopped after {seconds:g} s; ask for less")
