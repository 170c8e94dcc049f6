"""Options that several commands share."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from cli.places import Aim
from cli.request import Wish

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to stdout; see docs/cli.md.")]
IsPlain = Annotated[
    bool, typer.Option("--plain", help="Plain lines instead of a view that is drawn over itself.")
]
RunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run's id, its beginning (4 characters or more), or 'last'.",
        show_default=False,
    ),
]

Command = Callable[..., None]
_Annotations = Mapping[str, Any]

_WHERE = "Where"
_STACK: _Annotations = {
    "stack": Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A CloudFormation stack on AWS.", rich_help_panel=_WHERE),
    ],
    "profile": Annotated[
        str | None,
        typer.Option(metavar="NAME", help="AWS profile, for --stack.", rich_help_panel=_WHERE),
    ],
    "region": Annotated[
        str | None,
        typer.Option(metavar="NAME", help="AWS region, for --stack.", rich_help_panel=_WHERE),
    ],
}
_JOURNAL: _Annotations = {
    "journal": Annotated[
        str | None,
        typer.Option(
            metavar="sqlite:PATH",
            help="A journal that `agentcore launch -l` writes.",
            rich_help_panel=_WHERE,
        ),
    ]
}
MaxTokens = Annotated[
    int | None,
    typer.Option(metavar="N", help="Tokens it may use, over all attempts and child runs."),
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", metavar="USD", help="What it may cost, in US dollars."),
]
MaxSeconds = Annotated[
    float | None,
    typer.Option(metavar="N", help="Seconds it may work; what it waits parked costs none."),
]
_WISH: _Annotations = {
    "workflow": Annotated[
        str | None, typer.Argument(help="Which workflow.", show_default="cost-analysis")
    ],
    "prompt": Annotated[str | None, typer.Option(metavar="TEXT", help="What is asked.")],
    "input": Annotated[
        str | None,
        typer.Option(
            metavar="PATH|URL|WORD",
            help="What it works on, such as bill.csv, s3://… or aws; without it cost-analysis "
            "takes the sample bill.",
        ),
    ],
    "session_id": Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            help="The run's id, 33 characters or more: sending twice is once.",
        ),
    ],
    "idempotency_key": Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The same key is the same run."),
    ],
    "deadline_seconds": Annotated[
        float | None, typer.Option(metavar="N", help="When to give up; a day by default.")
    ],
    "max_attempts": Annotated[
        int | None,
        typer.Option(metavar="N", help="Attempts in a row that may finish nothing; 5 by default."),
    ],
    "max_tokens": MaxTokens,
    "max_cost_usd": MaxCost,
    "max_seconds": MaxSeconds,
}


def aimed(command: Command) -> Command:
    """Give a command's first parameter, an `Aim`, as options for any place.

    Typer makes one option of one parameter; without this, each command would list them all.
    """
    return _with_options(command, {Aim: {**_STACK, **_JOURNAL}})


def aimed_at_stack(command: Command) -> Command:
    """Give a command's first parameter, an `Aim` at a stack, as options."""
    return _with_options(command, {Aim: _STACK})


def aimed_wish(command: Command) -> Command:
    """Give a command's first parameters, an `Aim` at a stack and a `Wish`, as options."""
    return _with_options(command, {Aim: _STACK, Wish: _WISH})


def _with_options(
    command: Command, groups: Mapping[Callable[..., object], _Annotations]
) -> Command:
    def wrapper(**given: Any) -> None:  # noqa: ANN401 - whatever the options give
        made = [
            make(**{name: given.pop(name) for name in options}) for make, options in groups.items()
        ]
        command(*made, **given)

    own = list(inspect.signature(command).parameters.values())[len(groups) :]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for options in reversed(list(groups.values()))
        for name, annotation in options.items()
    ]
    named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]
    # A wish comes first in the help, then the command's own options, then where.
    where = [each for each in added if each.name in {**_STACK, **_JOURNAL}]
    parameters = [*(each for each in added if each not in where), *named, *where]
    functools.update_wrapper(wrapper, command)
    del wrapper.__wrapped__  # type: ignore[attr-defined] # else its signature would be read instead
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # for Typer
    wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapper
