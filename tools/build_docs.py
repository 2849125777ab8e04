"""Build the documentation as static HTML without scripts: `make docs`.

The pages are README.md, SECURITY.md and those in docs/. Links between Markdown files become links between pages; a
broken link is an error.
"""

from __future__ import annotations

import os
import re
import shutil
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

from interchange.adr.front_matter import split_front_matter

IMAGES: Final = "docs/images"
FOLDERS: Final = {
    "how-to": "How to",
    "explanations": "Explanations",
    "reference": "Reference",
    "decisions": "Architecture decisions",
}
"""The folders of docs/ in order, with their titles. Pages in docs/ itself come first."""
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).enable("table")


class BrokenLink(Exception):
    """A page has a link that leads nowhere; the message names both."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its Markdown file, its path in the site, its title, and its folder."""

    source: Path
    target: str
    title: str
    folder: str


def pages(root: Path) -> list[Page]:
    """Return every page, in the order of the navigation."""
    docs = root / "docs"
    found = [Page(root / "README.md", "index.html", _find_title(root / "README.md"), "")]
    found += [Page(path, f"{path.stem}.html", _find_title(path), "") for path in sorted(docs.glob("*.md"))]
    folders = [*FOLDERS, *sorted(path.name for path in docs.iterdir() if path.is_dir() and path.name not in FOLDERS)]
    found += [
        Page(path, f"{folder}/{path.stem}.html", _find_title(path), folder)
        for folder in folders
        for path in sorted((docs / folder).glob("*.md"))
    ]
    found += [
        Page(path, f"{path.stem.lower()}.html", _find_title(path), "")
        for path in sorted(path for path in root.glob("*.md") if path.name != "README.md")
    ]
    return found


def _find_title(path: Path) -> str:
    match = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else path.stem


def site(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the content of every file of the site; JSON files are copied.

    Raises:
        BrokenLink: a page has a link that leads nowhere.
    """
    listed = pages(root)
    for page in listed:
        yield page.target, _render_page(page.target, page.title, _render_body(page, listed, root), listed)
    for path in sorted((root / "docs").rglob("*.json")):
        yield path.relative_to(root / "docs").as_posix(), path.read_text(encoding="utf-8")
    for folder in dict.fromkeys(page.folder for page in listed if page.folder):
        name = FOLDERS.get(folder, folder)
        body = f"<h1>{escape(name)}</h1>{_render_list([page for page in listed if page.folder == folder], f'{folder}/index.html')}"
        yield f"{folder}/index.html", _render_page(f"{folder}/index.html", name, body, listed)


def write(root: Path, directory: Path) -> int:
    """Write the site to a directory; return the number of files."""
    files = list(site(root))
    for target, text in files:
        path = directory / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if (root / IMAGES).is_dir():
        shutil.copytree(root / IMAGES, directory / IMAGES, dirs_exist_ok=True)
    return len(files)


# One page ----------------------------------------------------------------------------------------------------------


def _render_body(page: Page, listed: Sequence[Page], root: Path) -> str:
    matter, text = split_front_matter(page.source.read_text(encoding="utf-8"))
    env: dict[str, Any] = {"page": page, "listed": listed, "root": root, "anchors": set()}
    tokens = _MARKDOWN.parse(re.sub(r"\A\s*<!--.*?-->", "", text, flags=re.DOTALL), env)
    for token in tokens:
        for inline in token.children or ():
            if inline.type == "link_open":
                _resolve_link(inline, page, listed, root)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(inline.content))
    metadata = " · ".join(f"{key}: {value}" for key, value in matter.values.items())
    renderer = _Renderer()
    return (f"<p class=matter>{escape(metadata)}</p>" if metadata else "") + renderer.render(
        tokens, _MARKDOWN.options, env
    )


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as code hosts generate it."""
    return re.sub(r"[^\w -]", "", heading.casefold()).replace(" ", "-")


def _resolve_link(link: Token, page: Page, listed: Sequence[Page], root: Path) -> None:
    """Make a link to a Markdown file a link to its page."""
    address = str(link.attrGet("href") or "")
    parts = urlsplit(address)
    if parts.scheme or not parts.path:
        return
    path = (page.source.parent / parts.path).resolve()
    target = next((other.target for other in listed if other.source.resolve() == path), None)
    if (
        target is None
        and path.parent == (root / "docs").resolve()
        and any(other.folder == path.name for other in listed)
    ):
        target = f"{path.name}/index.html"
    if target is None and path.suffix == ".json" and path.is_file() and path.is_relative_to((root / "docs").resolve()):
        target = path.relative_to((root / "docs").resolve()).as_posix()
    if target is None:
        raise BrokenLink(
            f"{page.source}: no page for the link {address}. Link to a page of the documentation, or to a URL."
        )
    link.attrSet("href", _relative_path(page.target, target) + (f"#{parts.fragment}" if parts.fragment else ""))


def _relative_path(here: str, there: str) -> str:
    return os.path.relpath(there, os.path.dirname(here) or ".").replace(os.sep, "/")  # noqa: PTH120  (of addresses)


class _Renderer(RendererHTML):
    """Renders HTML; a code block with a file name shows it as a caption."""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:  # noqa: ARG002
        """Render a code block."""
        language, _, name = tokens[idx].info.strip().partition(" ")
        caption = f"<figcaption>{escape(name)}</figcaption>" if name else ""
        return f'<figure>{caption}<pre class="{escape(language)}"><code>{escape(tokens[idx].content)}</code></pre></figure>'


# Layout ---------------------------------------------------------------------------------------------------------

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
figcaption { font: 0.85rem ui-monospace, monospace; padding: 0.2rem 0.8rem; border: 1px solid var(--line);
border-bottom: 0; width: fit-content; } pre { background: var(--soft); border: 1px solid var(--line); padding: 0.8rem;
margin: 0; overflow-x: auto; } code { font: 0.875em ui-monospace, monospace; } table { border-collapse: collapse;
display: block; overflow-x: auto; } td, th { border: 1px solid var(--line); padding: 0.3rem 0.6rem; text-align: left;
vertical-align: top; } .matter { color: light-dark(#555, #aaa); } @media print { nav { display: none; } }
"""


def _render_page(target: str, title: str, body: str, listed: Sequence[Page]) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><nav>{_render_navigation(target, listed)}</nav>\n<main>{body}</main></body></html>\n"
    )


def _render_navigation(target: str, listed: Sequence[Page]) -> str:
    """Render the pages by folder. The long lists of reference and decisions are shown only within their folder."""
    parts = [_render_list([page for page in listed if not page.folder], target)]
    for folder in dict.fromkeys(page.folder for page in listed if page.folder):
        is_open = folder not in ("reference", "decisions") or target.startswith(f"{folder}/")
        heading = f'<a href="{escape(_relative_path(target, f"{folder}/index.html"))}">{escape(FOLDERS.get(folder, folder))}</a>'
        parts.append(
            f"<p>{heading}</p>"
            + (_render_list([page for page in listed if page.folder == folder], target) if is_open else "")
        )
    return "".join(parts)


def _render_list(some: Sequence[Page], target: str) -> str:
    items = (
        f'<li><a href="{escape(_relative_path(target, page.target))}"{" aria-current=page" if page.target == target else ""}>'
        f"{escape(page.title)}</a></li>"
        for page in some
    )
    return f"<ul>{''.join(items)}</ul>"


if __name__ == "__main__":
    _root, _directory = Path(sys.argv[1]), Path(sys.argv[2])
    sys.stdout.write(f"{write(_root, _directory)} pages in {_directory}: open {_directory / 'index.html'}\n")
