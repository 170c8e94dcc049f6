"""The OpenAPI document of the approvals' API, as it is served."""

from invoker.decisions import MAX_CONTENT, MAX_NAME, Button
from runs.approvals import MAX_COMMENT, Verdict
from runs.asked import ApprovalState
from runs.json_types import Json


def _text(description: str, **more: Json) -> dict[str, Json]:
    return {"type": "string", "description": description, **more}


def _or_null(description: str, **more: Json) -> dict[str, Json]:
    return {"type": ["string", "null"], "description": description, **more}


def _instant(description: str) -> dict[str, Json]:
    return _text(description, format="date-time")


def _ref(name: str) -> dict[str, Json]:
    return {"$ref": f"#/components/schemas/{name}"}


def _list_of(name: str) -> dict[str, Json]:
    return {"type": "array", "items": _ref(name)}


def _object(properties: dict[str, Json], *, optional: tuple[str, ...] = ()) -> dict[str, Json]:
    required: list[Json] = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


_STATES: list[Json] = [state.value for state in ApprovalState]
_VERDICTS: list[Json] = [verdict.value for verdict in Verdict]

_DECISION = _object(
    {
        "decision": _text("What was said.", enum=_VERDICTS),
        "by": _text("Who said it."),
        "at": _instant("When."),
        "comment": _text("What they said with it."),
    }
)
_APPROVAL = _object(
    {
        "id": _text("The approval's short id."),
        "session_id": _text("The run that asks."),
        "workflow": _text("What the run runs."),
        "name": _text("The operation that asks."),
        "what": _text("What is asked, in a line."),
        "content": _text("What is asked about, as it is now; it may be edited."),
        "tool": _or_null("The tool that waits for the answer."),
        "arguments": {"description": "What the tool would be called with."},
        "tool_use_id": _or_null("The call of it, as the model named it."),
        "hash": _text(
            "The SHA-256 of what, content, tool and arguments.", pattern="^[0-9a-f]{64}$"
        ),
        "state": _text("How it stands.", enum=_STATES),
        "asked_at": _instant("When it was asked."),
        "expires_at": _instant("Until when an answer is taken. None in time is a no."),
        "may_decide": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Names, and roles as role:NAME; none is whoever has a link.",
        },
        "quorum": {"type": "integer", "minimum": 1, "description": "How many must approve."},
        "missing": {"type": "integer", "minimum": 0, "description": "How many are missing."},
        "decisions": {**_list_of("Decision"), "description": "What was said so far."},
        "decided_at": _or_null("When it was decided.", format="date-time"),
        "decided_by": _or_null("Who decided; null also if nobody did in time."),
        "comment": _text("What the last decider said."),
    }
)
_BEFORE = _object(
    {
        "id": _text("Its short id."),
        "content": _text("What was asked about."),
        "state": _text("What it came to.", enum=_STATES),
        "decisions": _list_of("Decision"),
    }
)
_VIEW: dict[str, Json] = {
    "allOf": [
        _ref("Approval"),
        _object(
            {
                "decides_as": _or_null("Whom the link was sent to; null lets you give a name."),
                "form": _text("What a decision must give back. It is taken once."),
                "before": {
                    "description": "What the run asked on the same thing before, if it did.",
                    "oneOf": [_ref("Before"), {"type": "null"}],
                },
            }
        ),
    ]
}
#: No control characters but white space; and something besides that.
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_WORDS = r"\S"
_FORM = _text("As GET gave it: you have seen what you decide on.", maxLength=4096)
_NAME = f"Who you are, in at most {MAX_NAME} printable characters; needed if the link does not say."
_COMMENT = "Needed to deny: whoever asked is told."
_SIZE = f"In at most {MAX_CONTENT} bytes of UTF-8."
_REASON: dict[str, Json] = {"pattern": _WORDS, "maxLength": MAX_COMMENT}


def _only(value: str) -> dict[str, Json]:
    return {"type": "string", "const": value}


_APPROVE = _object(
    {
        "decision": _only(Verdict.APPROVED),
        "form": _FORM,
        "name": _or_null(_NAME),
        "comment": _or_null(_COMMENT, maxLength=MAX_COMMENT, pattern=_LINES),
        "content": _or_null(
            f"Approve this content instead. {_SIZE}",
            allOf=[{"pattern": _LINES}, {"pattern": _WORDS}],
        ),
    },
    optional=("name", "comment", "content"),
)
_DENY = _object(
    {
        "decision": _only(Verdict.DENIED),
        "form": _FORM,
        "name": _or_null(_NAME),
        "comment": _text(_COMMENT, **_REASON, allOf=[{"pattern": _LINES}]),
        "content": {"type": "null"},
    },
    optional=("name", "content"),
)
_PRESS_APPROVE = _object(
    {
        "decision": _only(Button.APPROVE),
        "form": _FORM,
        "name": _text(_NAME),
        "comment": _text(_COMMENT, maxLength=MAX_COMMENT),
        # Pages send it, as it was shown; that it is the same no schema can say.
        "content": False,
    },
    optional=("name", "comment", "content"),
)
_PRESS_EDIT = _object(
    {
        "decision": _only(Button.EDIT),
        "form": _FORM,
        "name": _text(_NAME),
        "comment": _text(_COMMENT, maxLength=MAX_COMMENT),
        "content": _text(f"The content as edited. {_SIZE}", pattern=_WORDS),
    },
    optional=("name", "comment"),
)
_PRESS_DENY = _object(
    {
        "decision": _only(Button.DENY),
        "form": _FORM,
        "name": _text(_NAME),
        "comment": _text(_COMMENT, **_REASON),
    },
    optional=("name",),
)
_WISH: dict[str, Json] = {"oneOf": [_APPROVE, _DENY]}
_FIELDS: dict[str, Json] = {"oneOf": [_PRESS_APPROVE, _PRESS_EDIT, _PRESS_DENY]}
_PROBLEM = _object(
    {
        "type": _text("The kind of problem.", pattern="^urn:errand:problem:[a-z-]+$"),
        "title": _text("In a few words."),
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": _text("What is wrong."),
        "errors": {
            "type": "array",
            "items": _object({"field": _text("Which."), "message": _text("What is wrong.")}),
        },
        "state": _text("What it had come to.", enum=_STATES),
        "decided_by": _or_null("Who had decided."),
        "decided_at": _or_null("When.", format="date-time"),
    },
    optional=("errors", "state", "decided_by", "decided_at"),
)


def _answer(description: str, schema: str | None = None) -> dict[str, Json]:
    html: dict[str, Json] = {"text/html": {"schema": {"type": "string"}}}
    json: dict[str, Json] = {"application/json": {"schema": _ref(schema)}} if schema else {}
    return {"description": description, "content": {**json, **html}}


def _problem(description: str, headers: Json = None) -> dict[str, Json]:
    content: dict[str, Json] = {
        "application/problem+json": {"schema": _ref("Problem")},
        "text/html": {"schema": {"type": "string"}},
    }
    return {
        "description": description,
        "content": content,
        **({"headers": headers} if headers else {}),
    }


_UNUSABLE = _problem("The link opens nothing, whatever the cause: the same answer to all of them.")
_NOT_NOW = _problem(
    "It can't be done just now.",
    {"Retry-After": {"schema": {"type": "integer"}, "description": "In seconds."}},
)
_BROKEN = _problem("What was recorded can't be read, or is too large to be answered.")

DOCUMENT: dict[str, Json] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Errand approvals",
        "version": "1",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        "description": "What runs ask of people, and the decisions. A link that was sent is the "
        "address: looking at it shows, posting to it decides. Pages and JSON are the same; "
        "the Accept header chooses.",
    },
    "servers": [{"url": "."}],
    "paths": {
        "/a/{token}": {
            "parameters": [
                {
                    "name": "token",
                    "in": "path",
                    "required": True,
                    "description": "Signed; it names the approval, and whom the link was sent to.",
                    "schema": {"type": "string"},
                }
            ],
            "get": {
                "operationId": "lookAtApproval",
                "summary": "Read what is asked.",
                "description": "Decides nothing. That somebody looked is in the run's timeline.",
                "responses": {
                    "200": _answer("What is asked, and the form to decide with.", "View"),
                    "404": _UNUSABLE,
                    "500": _BROKEN,
                    "503": _NOT_NOW,
                },
            },
            "head": {
                "operationId": "tryLink",
                "summary": "Find out whether a link opens something.",
                "responses": {
                    "200": {"description": "It does."},
                    "404": {"description": "It does not."},
                    "500": {"description": "What was recorded can't be read."},
                    "503": {"description": "It can't be done just now."},
                },
            },
            "post": {
                "operationId": "decideApproval",
                "summary": "Approve, deny, or approve with other content.",
                "description": "Taken once, if the approval is still open, is about what the form "
                "showed, and is yours to decide.",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": _ref("Wish")},
                        "application/x-www-form-urlencoded": {"schema": _ref("Fields")},
                    },
                },
                "responses": {
                    "200": _answer("Recorded; the state says whether more is needed.", "Approval"),
                    "400": _problem("The body can't be read."),
                    "403": _problem("The form is missing or too old, or you may not decide."),
                    "404": _UNUSABLE,
                    "409": _problem("Decided before, by whom and when; or the text changed."),
                    "413": _problem("The body is too large."),
                    "415": _problem("The body is of a type that is not taken."),
                    "422": _problem("A field is wrong."),
                    "500": _BROKEN,
                    "502": _problem("Recorded, but the run could not be told."),
                    "503": _NOT_NOW,
                },
            },
        },
        "/openapi.json": {
            "get": {
                "operationId": "describe",
                "summary": "Read this document.",
                "responses": {
                    "200": {
                        "description": "This document.",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    }
                },
            }
        },
    },
    "components": {
        "schemas": {
            "Approval": _APPROVAL,
            "Before": _BEFORE,
            "Decision": _DECISION,
            "Fields": _FIELDS,
            "Problem": _PROBLEM,
            "View": _VIEW,
            "Wish": _WISH,
        }
    },
}
