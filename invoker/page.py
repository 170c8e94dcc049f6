"""The frame of every page, and those pages that only say something."""

from collections.abc import Mapping
from http import HTTPStatus

from invoker.problems import Problem
from invoker.shown import escaped
from invoker.style import STYLE, STYLE_SOURCE
from invoker.web import HTML_TYPE, Response

_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"style-src {STYLE_SOURCE}",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)


def page(
    title: str,
    body: str,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make a page.

    Args:
        title: What it is called, as text.
        body: What is on it, as HTML.
        status: The answer's.
        headers: The answer's own.
    """
    text = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex, nofollow">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escaped(title)} · Errand</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )
    return Response(
        status=status,
        media_type=HTML_TYPE,
        body=text,
        headers={"content-security-policy": _POLICY, **(headers or {})},
    )


def problem_page(problem: Problem) -> Response:
    """Make the page of a problem that leaves nothing to do on it."""
    body = f"<h1>{escaped(problem.title)}</h1>\n<p>{escaped(problem.detail)}</p>"
    return page(problem.title, body, status=problem.status, headers=problem.headers)


def notice(problem: Problem) -> str:
    """Give a problem as the first thing of a page, on which it can be mended."""
    return (
        f'<div class="note" role="alert"><h2>{escaped(problem.title)}</h2>'
        f"<p>{escaped(problem.detail)}</p></div>"
    )
