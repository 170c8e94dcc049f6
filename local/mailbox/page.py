"""The mailbox's pages: letters as people read them, whatever is in them."""

from collections.abc import Sequence
from datetime import datetime
from html import escape

from runs.post.mailbox import Mail

_STYLE = """
:root { color-scheme: light dark; --quiet: #5f5f68 }
@media (prefers-color-scheme: dark) { :root { --quiet: #b0b0ba } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.4rem; overflow-wrap: anywhere }
h2 { font-size: 1.1rem }
ul { list-style: none; padding: 0 }
li { border: 1px solid #8886; border-radius: .5rem; margin: 0 0 .5rem; padding: .5rem 1rem }
li a { display: block; padding: .65rem 0 .25rem; overflow-wrap: anywhere }
time, .about { overflow-wrap: anywhere; color: var(--quiet); font-size: .875rem }
iframe { box-sizing: border-box; width: 100%; height: 70vh; border: 1px solid #8886;
  border-radius: .5rem; background: #fff; color-scheme: light }
pre { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext;
  border: 1px solid #8886; border-radius: .5rem; padding: 1rem }
"""


def list_page(mails: Sequence[Mail]) -> str:
    """Give the page of all mails, newest first."""
    items = "\n".join(map(_item, mails))
    body = f"<ul>\n{items}\n</ul>" if mails else "<p>No mail yet: no run has asked anything.</p>"
    return _page("Mailbox", f"<h1>Mailbox</h1>\n{body}")


def mail_page(mail: Mail) -> str:
    """Give the page of one mail: its HTML in a frame in which nothing runs, and its text."""
    subject, source = escape(mail.subject), f"/mails/{mail.letter_id}/html"
    body = f"""<p><a href="/">All mail</a></p>
<h1><bdi>{subject}</bdi></h1>
<p class="about">{_time(mail.written_at)} · approval {escape(mail.approval_id)} · \
run {escape(mail.session_id)}</p>
<iframe title="The mail as HTML" src="{source}"
  sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>
<h2>As plain text</h2>
<pre dir="auto">{escape(mail.text)}</pre>"""
    return _page(mail.subject, body)


def missing_page() -> str:
    """Give the page that stands where there is no mail."""
    return _page("No such mail", '<h1>No such mail</h1>\n<p><a href="/">All mail</a></p>')


def _item(mail: Mail) -> str:
    return (
        f'<li><a href="/mails/{mail.letter_id}"><bdi>{escape(mail.subject)}</bdi></a>'
        f'<span class="about">{_time(mail.written_at)} · approval {escape(mail.approval_id)} · '
        f"run {escape(mail.session_id)}</span></li>"
    )


def _time(at: datetime) -> str:
    return f'<time datetime="{at.isoformat()}">{at:%d %B %Y, %H:%M:%S} UTC</time>'


def _page(title: str, body: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
<main>
{body}
</main>
</html>
"""
