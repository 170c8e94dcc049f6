"""What the agents hand in. Everything in it is checked before it is reported."""

from pydantic import BaseModel, ConfigDict, Field

_FROZEN = ConfigDict(frozen=True)


class Plan(BaseModel):
    """What to research, one topic per researcher."""

    model_config = _FROZEN

    topics: tuple[str, ...] = Field(
        description="one to eight topics, each a few words that can be searched for"
    )


class Citation(BaseModel):
    """Where something stands."""

    model_config = _FROZEN

    passage_id: str = Field(description="passage_id of a passage that search or read gave you")
    quote: str = Field(
        min_length=1, max_length=600, description="the words that show it, copied from the passage"
    )


class Finding(BaseModel):
    """One thing that a researcher found, and where."""

    model_config = _FROZEN

    text: str = Field(min_length=1, max_length=1_000, description="what is so, in plain words")
    citations: tuple[Citation, ...] = Field(description="at least one")


class Notes(BaseModel):
    """What a researcher hands in about a topic."""

    model_config = _FROZEN

    findings: tuple[Finding, ...]
    gaps: tuple[str, ...] = Field(default=(), description="what the documents do not tell")


class Point(BaseModel):
    """Something that follows from findings."""

    model_config = _FROZEN

    title: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=2_000)
    findings: tuple[str, ...] = Field(description="ids of the findings it follows from")


class Analysis(BaseModel):
    """What the analyst hands in."""

    model_config = _FROZEN

    points: tuple[Point, ...]
    tensions: tuple[Point, ...] = Field(
        default=(), description="where documents contradict each other, or a finding another"
    )
    gaps: tuple[str, ...] = Field(default=(), description="what a reader would still have to know")


class Sentence(BaseModel):
    """A sentence of the summary."""

    model_config = _FROZEN

    text: str = Field(min_length=1, max_length=600)
    findings: tuple[str, ...] = Field(description="ids of the findings it rests on")


class Summary(BaseModel):
    """What the writer hands in: the answer to the question."""

    model_config = _FROZEN

    headline: str = Field(min_length=1, max_length=200, description="the answer in one line")
    sentences: tuple[Sentence, ...] = Field(description="three to eight sentences")
