"""The documentation as a site of plain files: `make docs` writes it, and it needs no server and no script.

The pages are the README and what is in docs/, in the order of what a reader wants: to learn, to do, to understand, to look
up, and to know why. Links between them become links between the pages made of them; one that leads nowhere is refused.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from interchange.adr import front_matter

ROOMS: Final = {
    "how-to": "How to", "explanations": "Explanations", "reference": "Reference", "decisions": "Our own decisions",
}  # fmt: skip
"""The folders of docs/ in their order, and what they are called. Pages in docs/ itself come before them."""
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


class BrokenLink(Exception):
    """A page links to what is not there; the message names both."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: the file it is made from, where it goes in the site, what it is called, and where it belongs."""

    source: Path
    target: str
    title: str
    room: str


def pages(root: Path) -> list[Page]:
    """Every page, in the order in which they are listed."""
    docs = root / "docs"
    found = [Page(root / "README.md", "index.html", _title(root / "README.md"), "")]
    found += [Page(path, f"{path.stem}.html", _title(path), "") for path in sorted(docs.glob("*.md"))]
    rooms = [*ROOMS, *sorted(path.name for path in docs.iterdir() if path.is_dir() and path.name not in ROOMS)]
    found += [
        Page(path, f"{room}/{path.stem}.html", _title(path), room)
        for room in rooms
        for path in sorted((docs / room).glob("*.md"))
    ]
    found += [Page(path, f"{path.stem.lower()}.html", _title(path), "") for path in root.glob("SECURITY.md")]
    return found


def _title(path: Path) -> str:
    match = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else path.stem


def site(root: Path) -> Iterator[tuple[str, str]]:
    """Every file of the site by its path, with its HTML; what programs read of the documentation goes in as it is.

    Raises:
        BrokenLink: a page links to what is not there.
    """
    listed = pages(root)
    for page in listed:
        yield page.target, _framed(page.target, page.title, _body(page, listed, root), listed)
    for path in sorted((root / "docs").rglob("*.json")):
        yield path.relative_to(root / "docs").as_posix(), path.read_text(encoding="utf-8")
    for room in dict.fromkeys(page.room for page in listed if page.room):
        name = ROOMS.get(room, room)
        body = f"<h1>{escape(name)}</h1>{_list([page for page in listed if page.room == room], f'{room}/index.html')}"
        yield f"{room}/index.html", _framed(f"{room}/index.html", name, body, listed)


def write(root: Path, folder: Path) -> int:
    """Writes the site to a folder; tells of how many files it is made."""
    made = list(site(root))
    for target, text in made:
        path = folder / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return len(made)


# One page ----------------------------------------------------------------------------------------------------------


def _body(page: Page, listed: Sequence[Page], root: Path) -> str:
    matter, text = front_matter.split(page.source.read_text(encoding="utf-8"))
    env: dict[str, Any] = {"page": page, "listed": listed, "root": root, "anchors": set()}
    tokens = _MARKDOWN.parse(re.sub(r"\A\s*<!--.*?-->", "", text, flags=re.DOTALL), env)
    for token in tokens:
        for inline in token.children or ():
            if inline.type == "link_open":
                _lead(inline, page, listed, root)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(inline.content))
    said = " · ".join(f"{key}: {value}" for key, value in matter.told.items())
    renderer = _Renderer()
    return (f"<p class=matter>{escape(said)}</p>" if said else "") + renderer.render(tokens, _MARKDOWN.options, env)


def anchor(heading: str) -> str:
    """The name by which a heading is linked to, as code hosts make it."""
    return re.sub(r"[^\w -]", "", heading.casefold()).replace(" ", "-")


def _lead(link: Token, page: Page, listed: Sequence[Page], root: Path) -> None:
    """Has a link lead to the page made of what it names."""
    address = str(link.attrGet("href") or "")
    parts = urlsplit(address)
    if parts.scheme or not parts.path:
        return
    path = (page.source.parent / parts.path).resolve()
    target = next((other.target for other in listed if other.source.resolve() == path), None)
    if target is None and path.parent == (root / "docs").resolve() and any(other.room == path.name for other in listed):
        target = f"{path.name}/index.html"
    if target is None and path.suffix == ".json" and path.is_file() and path.is_relative_to((root / "docs").resolve()):
        target = path.relative_to((root / "docs").resolve()).as_posix()
    if target is None:
        msg = f"{page.source}: {address} leads to no page. Link to a page of the documentation, or to a whole address."
        raise BrokenLink(msg)
    link.attrSet("href", _from(page.target, target) + (f"#{parts.fragment}" if parts.fragment else ""))


def _from(here: str, there: str) -> str:
    return os.path.relpath(there, os.path.dirname(here) or ".").replace(os.sep, "/")  # noqa: PTH120  (of addresses)


class _Renderer(RendererHTML):
    """Writes HTML; a block of code that is a file shows its name."""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:  # noqa: ARG002
        """A block of code."""
        language, _, name = tokens[idx].info.strip().partition(" ")
        caption = f"<figcaption>{escape(name)}</figcaption>" if name else ""
        return f'<figure>{caption}<pre class="{escape(language)}"><code>{escape(tokens[idx].content)}</code></pre></figure>'


# Around it ---------------------------------------------------------------------------------------------------------

_STYLE: Final = """
:root { color-scheme: light dark; --line: light-dark(#d8d8d8, #444); --soft: light-dark(#f5f5f3, #222);
  --link: light-dark(#0b57d0, #8ab4f8); }
body { font: 16px/1.55 system-ui, sans-serif; margin: 0; display: flex; flex-wrap: wrap; }
nav { flex: 1 0 15rem; max-width: 22rem; padding: 1.5rem; font-size: 0.9rem; border-right: 1px solid var(--line); }
nav ul { list-style: none; padding: 0; margin: 0 0 1rem; }
nav [aria-current] { font-weight: 600; }
main { flex: 4 1 30rem; max-width: 50rem; min-width: 0; padding: 1.5rem 2rem 4rem; overflow-wrap: break-word; }
a { color: var(--link); }
h1, h2, h3 { line-height: 1.25; margin-top: 2rem; }
main > :first-child { margin-top: 0; }
figure { margin: 1rem 0; }
figcaption { font: 0.85rem ui-monospace, monospace; padding: 0.2rem 0.8rem; border: 1px solid var(--line); border-bottom: 0; width: fit-content; }
pre { background: var(--soft); border: 1px solid var(--line); padding: 0.8rem; margin: 0; overflow-x: auto; }
code { font: 0.875em ui-monospace, monospace; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { border: 1px solid var(--line); padding: 0.3rem 0.6rem; text-align: left; vertical-align: top; }
.matter { color: light-dark(#555, #aaa); }
@media print { nav { display: none; } }
"""


def _framed(target: str, title: str, body: str, listed: Sequence[Page]) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><nav>{_navigation(target, listed)}</nav>\n<main>{body}</main></body></html>\n"
    )


def _navigation(target: str, listed: Sequence[Page]) -> str:
    """The pages by their rooms. The reference and our decisions are long, and open where one is in them."""
    parts = [_list([page for page in listed if not page.room], target)]
    for room in dict.fromkeys(page.room for page in listed if page.room):
        opened = room not in ("reference", "decisions") or target.startswith(f"{room}/")
        heading = f'<a href="{escape(_from(target, f"{room}/index.html"))}">{escape(ROOMS.get(room, room))}</a>'
        parts.append(
            f"<p>{heading}</p>" + (_list([page for page in listed if page.room == room], target) if opened else "")
        )
    return "".join(parts)


def _list(some: Sequence[Page], target: str) -> str:
    items = (
        f'<li><a href="{escape(_from(target, page.target))}"{" aria-current=page" if page.target == target else ""}>'
        f"{escape(page.title)}</a></li>"
        for page in some
    )
    return f"<ul>{''.join(items)}</ul>"


if __name__ == "__main__":
    _root, _folder = Path(sys.argv[1]), Path(sys.argv[2])
    sys.stdout.write(f"{write(_root, _folder)} pages in {_folder}: open {_folder / 'index.html'}\n")
