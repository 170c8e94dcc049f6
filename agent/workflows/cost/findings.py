"""What an analyst hands in: findings, each with an amount that a query gave."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Kind(StrEnum):
    """What a finding is about; it decides how its amount is called."""

    #: A cost that rose above what is usual and fell again.
    ANOMALY = "anomaly"
    #: Something that is paid for and not used.
    IDLE = "idle"
    #: A commitment that is paid for and not used up.
    UNUSED_COMMITMENT = "unused_commitment"
    #: Steady use at on-demand prices that a commitment could cover.
    UNCOVERED = "uncovered"
    #: Spend that no tag gives an owner.
    UNTAGGED = "untagged"
    #: What discounts saved already.
    SAVED = "saved"
    #: Anything else.
    OTHER = "other"


#: What a finding's amount means to the reader.
MEANING = {
    Kind.ANOMALY: "above the usual cost",
    Kind.IDLE: "avoidable",
    Kind.UNUSED_COMMITMENT: "paid for, not used",
    Kind.UNCOVERED: "estimated saving",
    Kind.UNTAGGED: "without an owner",
    Kind.SAVED: "saved already",
    Kind.OTHER: "at stake",
}


class Evidence(BaseModel):
    """The cell of a query's answer that a finding's amount is."""

    model_config = ConfigDict(frozen=True)

    query_id: str = Field(description="query_id of the tool result")
    row: int = Field(ge=1, description="number of the row in that result, counted from 1")
    column: str = Field(description="name of the column")


class Finding(BaseModel):
    """One thing a reader should know, and what it is about in money."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    title: str = Field(max_length=200, description="one line without the amount")
    amount: str = Field(description="decimal number, as the evidence has it")
    currency: str = Field(description="currency of the evidence")
    evidence: Evidence
    supporting: tuple[str, ...] = Field(
        default=(), description="query_ids of other results that the text takes numbers from"
    )
    explanation: str = Field(max_length=2_000, description="what is so, in plain words")
    action: str = Field(default="", max_length=1_000, description="what to do about it")


class Analysis(BaseModel):
    """What an analyst hands in. Every number in it is one that a query gave."""

    model_config = ConfigDict(frozen=True)

    summary: str = Field(max_length=2_000, description="three sentences for a finance reader")
    findings: tuple[Finding, ...]
    not_covered: tuple[str, ...] = Field(
        default=(), description="what could not be looked at, and why"
    )
