"""UniTok's page: the posts as people read them, whatever is in them."""

from collections.abc import Sequence
from html import escape

from local.unitok.store import Published

_STYLE = """
:root { color-scheme: light dark; --quiet: #5f5f68 }
@media (prefers-color-scheme: dark) { :root { --quiet: #b0b0ba } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.4rem }
article { border: 1px solid #8886; border-left: .5rem solid #888; border-radius: .5rem;
  padding: .75rem 1rem; margin: 0 0 1rem; contain: content }
article p { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext;
  margin: .25rem 0 .5rem; max-height: 60vh; overflow: auto }
article img { max-width: 100%; height: auto }
header, footer { color: var(--quiet); font-size: .875rem; overflow-wrap: anywhere }
header strong { color: CanvasText; font-size: 1rem; unicode-bidi: isolate }
.pink { border-left-color: #f78fb3 } .blue { border-left-color: #3c8ce7 }
.purple { border-left-color: #8e5bd0 } .green { border-left-color: #3aa655 }
.yellow { border-left-color: #e6b800 }
.rainbow { border-image: linear-gradient(#e63946, #f4a261, #e9c46a, #2a9d8f, #3c8ce7, #8e5bd0) 1;
  border-width: 1px 1px 1px .5rem }
a { display: inline-block; padding: .75rem 0 }
"""


def page(posts: Sequence[Published], *, has_older: bool) -> str:
    """Give the page of some posts, latest first; their words are shown and never run."""
    articles = "\n".join(map(_article, posts)) or "<p>No posts yet.</p>"
    older = f'<a href="/?before={posts[-1].id}">Older posts</a>' if has_older and posts else ""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>UniTok</title>
<style>{_STYLE}</style>
<h1>UniTok</h1>
<main>
{articles}
</main>
{older}
</html>
"""


def _article(published: Published) -> str:
    post = published.post
    at = published.published_at
    # The colour is one of six words; all else is anybody's.
    image = f'<img src="{escape(post.image_url)}" alt="" loading="lazy">' if post.image_url else ""
    return f"""<article id="post-{published.id}" class="{escape(post.unicorn_color)}">
<header><strong dir="auto">{escape(post.author)}</strong> · {escape(post.unicorn_color)}</header>
<p dir="auto">{escape(post.content)}</p>
{image}
<footer><time datetime="{at.isoformat()}">{at:%d %B %Y, %H:%M} UTC</time> · \
<a href="/posts/{published.id}">post {published.id}</a></footer>
</article>"""
