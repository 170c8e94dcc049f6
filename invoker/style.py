"""How the pages look: readable on a phone, in light and in dark, without images or scripts."""

import base64
import hashlib

#: Every text colour has a contrast of at least 4.5 to its ground, in both schemes.
LIGHT = {
    "ground": "#ffffff",
    "text": "#1b1b1f",
    "quiet": "#55555e",
    "panel": "#f3f3f6",
    "line": "#83838c",
    "link": "#0b57a4",
    "yes": "#17663a",
    "no": "#a11a1a",
    "button": "#ffffff",
    "added": "#dcf5e3",
    "removed": "#fde4e1",
    "warning": "#fff1cc",
}
DARK = {
    "ground": "#17171b",
    "text": "#ececf1",
    "quiet": "#b3b3bd",
    "panel": "#232329",
    "line": "#8b8b96",
    "link": "#8ec5ff",
    "yes": "#7fdca4",
    "no": "#ff9d94",
    "button": "#17171b",
    "added": "#143d25",
    "removed": "#4c1c1a",
    "warning": "#4a3a08",
}


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())


STYLE = f"""
:root{{color-scheme:light dark;{_variables(LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--ground);color:var(--text);
font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}}
main{{max-width:46rem;margin:0 auto;padding:1rem 1rem 4rem}}
h1{{font-size:1.5rem;line-height:1.25;margin:.5rem 0 1rem;overflow-wrap:anywhere}}
h2{{font-size:1.1rem;margin:2rem 0 .5rem}}
a{{color:var(--link)}}
.quiet{{color:var(--quiet)}}
.note{{background:var(--warning);padding:.75rem 1rem;border-radius:.5rem;margin:1rem 0}}
.note h2{{margin:0 0 .25rem}}
.note p{{margin:0}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:1rem 0;
font-size:.9rem}}
dt{{color:var(--quiet)}}
dd{{margin:0;min-width:0;overflow-wrap:anywhere}}
dd ul{{margin:0;padding-left:1.1rem}}
pre{{background:var(--panel);border-radius:.5rem;padding:1rem;margin:0;overflow-wrap:anywhere;
white-space:pre-wrap;unicode-bidi:plaintext;text-align:start;
font:.95rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}}
pre.prose{{font:inherit}}
.lines{{list-style:none;margin:0;padding:.5rem 0;background:var(--panel);border-radius:.5rem}}
.lines li{{padding:0 1rem 0 2rem;position:relative;white-space:pre-wrap;overflow-wrap:anywhere;
unicode-bidi:plaintext;min-height:1.5em}}
.lines .sign{{position:absolute;left:.75rem;user-select:none}}
.lines .added{{background:var(--added)}}
.lines .removed{{background:var(--removed)}}
.lines ins,.lines del{{text-decoration:none}}
label{{display:block;font-weight:600;margin-top:1rem}}
label+.quiet,.error{{display:block;font-size:.9rem}}
.error{{color:var(--no);font-weight:600}}
input,textarea{{width:100%;font:inherit;color:inherit;background:var(--ground);
border:1px solid var(--line);border-radius:.4rem;padding:.6rem .75rem}}
textarea{{resize:vertical}}
:focus-visible{{outline:3px solid var(--link);outline-offset:2px}}
details{{margin-top:1.5rem;border-top:1px solid var(--line);padding-top:.35rem}}
summary{{font-weight:600;cursor:pointer;padding:.65rem 0}}
.buttons{{display:flex;flex-wrap:wrap;gap:.75rem;margin-top:1rem}}
button{{font:inherit;font-weight:600;padding:.75rem 1.5rem;min-height:2.75rem;border:0;
border-radius:.4rem;color:var(--button);background:var(--yes);flex:1 1 8rem;cursor:pointer}}
button.no{{background:var(--no)}}
"""

#: What the content security policy lets be styled: this style, and no other.
STYLE_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
