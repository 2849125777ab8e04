"""Find Markdown links, and the relations to other records in a status, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from urllib.parse import unquote

from interchange.adr.keyword_tables import IN_FAVOR, RELATIONS, STATUSES
from interchange.adr.record_dates import DATE, PREPOSITION, without_dates

MAX_STATUS_CHARACTERS: Final = 4000
MAX_CLAUSE_CHARACTERS: Final = 200
SERIES: Final = r"(?:[A-Z]{0,3}DR|AD|DEC(?:ISION)?|RF[CD]|[CDGJKNOPT]EP|[ABCEFH]IP)"
"""What a series of records may be called before the number of one: `ADR-7`, `RFC 7`, `DEC-7`."""

_RELATION: Final = re.compile(
    rf"(?<!\w)({'|'.join(map(re.escape, sorted(RELATIONS, key=len, reverse=True)))})(?:\s*+[:：]\s*+|\s++)"
    r"(?:(?:the|die|das|der|den|dem|la|le|les|el|los)\s++|l['’])?"
    r"(?:(?:decision|décision|decisión|entscheidung|record)\s++(?:in\s++)?(?=[#\[\dA-Z]))?"
    rf"(?:(?:{SERIES}\s++)?(?:no\.?|nr\.?|number|№)\s*+(?=\d))?",
    re.IGNORECASE,
)
_CJK_RELATION: Final = re.compile(
    r"(?:(?<![将將会會未不待拟擬])(?:已?被|由)\s{0,9}(?P<zh>[^\n]{1,200}?)\s{0,9}(?:所)?(?:取代|替代|替换|替換|代替))|"
    r"(?:(?P<ja>[^\n。、]{1,200}?)\s{0,9}(?:によって|により|に|で)\s{0,9}(?:置換|置き換え|差し替え|更新)"
    r"(?!る?予定|待ち|可能|し?ない|さ?れ?(?:ない|なかった)))|"
    r"(?:(?P<ko>[^\n.,]{1,200}?)\s{0,9}(?:에\s?의해|으로|로)\s{0,9}대체(?!\s?(?:예정|가능|하지|되지)))"
)
_NUMBER: Final = re.compile(rf"(?:{SERIES}[-_\u2010\u2011 #]?|#)?[0-9]{{1,8}}(?![0-9A-Za-z])", re.IGNORECASE)
_NUMBERED: Final = re.compile(rf"(?:({SERIES})[-_\u2010\u2011 #]?|#)?([0-9]+)", re.IGNORECASE)
_VERB: Final = (
    r"\b(superseded|superceded|replaced|obsoleted|deprecated|amended|ersetzt|abgelöst|überholt|ergänzt|geändert"
    r"|remplacée?|modifiée?|reemplazad[oa]|sustituid[oa]|superad[oa]|modificad[oa]|substitu[ií]d[oa]|sostituit[oa]|superat[oa]|vervangen|gewijzigd)"
)
_BY: Final = r"(?:by|durch|von|par|por|pel[oa]|da|dal|dalla|door)\b"
_DATED_VERB: Final = re.compile(rf"{_VERB}\s{{0,3}}\(?(?:{PREPOSITION})?{DATE}\)?\s{{1,3}}(?={_BY})", re.IGNORECASE)
"""A relation with the date in its middle, such as `Superseded on 2024-03-01 by ADR-2`."""
_BREAK: Final = re.compile(r"<br\s{0,3}/?>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-z][^<>]{0,200}>", re.IGNORECASE)
_SHORTCODE: Final = re.compile(r":[a-z0-9_+-]{1,40}:", re.IGNORECASE)
_EMPHASIS: Final = re.compile(r"\*+(?![* \t])|(?<=[^\s*])\*+|(?<!\w)_{1,3}(?=[^\W_])|(?<=[^\W_])_{1,3}(?!\w)")
"""Marks of emphasis; no asterisk that is the mark of a list."""
_ITEM: Final = re.compile(r"[ \t]*(?:[*+-]|\d{1,3}[.)])[ \t]+")
_FLOW_LIST: Final = re.compile(r"\A\s*\[([^\[\]]*,[^\[\]]*)\]\s*\Z")
"""A list in the brackets of YAML."""
_NAMED: Final = re.compile(rf"\b{SERIES}[-_ #]{{0,2}}[0-9]{{1,8}}\b", re.IGNORECASE)
_STEM: Final = re.compile(rf"(?:{SERIES}[-_]?)?[0-9]{{1,8}}[-_](?=[^\W_])[\w-]{{1,200}}", re.IGNORECASE)
"""The name of a file without its extension, such as `0002-use-b`."""
_FILE: Final = re.compile(
    r"<?(?:https?://)?(?:\.{0,2}/)?[\w./~%-]{1,200}\.(?:md|markdown|mdx|html)\b(?:#[\w-]{1,100})?>?", re.IGNORECASE
)
_EXTENSION: Final = re.compile(r"(?i)\.(?:md|markdown|mdx|html)$")
_WITHOUT_BY: Final = re.compile(
    r"\b(superseded|superceded|replaced|obsoleted)"
    r"(?:\s{0,3}\([^()\n]{1,40}\)"
    rf"|\s{{1,3}}(?:{PREPOSITION})?{DATE}"
    r"|\s(?:in full|fully|entirely|completely))?"
    r"(?:\s{0,3}(?:[(:→➔–—,.;]|[-=]>|\s-\s)\s{0,3}(?:by\s+|see\s+(?:also\s+)?)?|[\s-]{1,3}(?:by:?[ \t]|(?:with|via|see):?\s)\s{0,2})"
    rf"(?=\[|<a\s|[#\d]|_?{SERIES}[-_ #]?\d|(?:the|decision|record|adr)\s|no\.|[\w./~-]{{1,200}}\.md)",
    re.IGNORECASE,
)
"""Ways to say by what a record is superseded without the words next to each other: `Superseded (ADR-2)`,
`Superseded on 2024-03-01 by ADR-2`, `Superseded, see ADR-2`."""
_LINK_TITLE: Final = re.compile(r"[ \t]{1,9}(?:\"[^\"\n]{0,200}\"|'[^'\n]{0,200}')[ \t]{0,9}(?=\))")
_IMAGE: Final = re.compile(r"!\[([^\[\]\n]{0,80})\]\([^()\s]{1,500}\)")
_DAY: Final = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}")
_WIKI: Final = re.compile(r"\[\[([^\[\]|\n]{1,200})(?:\|[^\[\]\n]{0,200})?\]\]")
_REFERENCE: Final = re.compile(r"\[([^\[\]\n]{1,200})\](?:\[([^\[\]\n]{0,200})\])?")
_ANCHOR: Final = re.compile(
    r"<a\s[^<>]{0,300}?href=[\"']([^\"'<>]{1,300})[\"'][^<>]{0,300}>[^<>]{0,300}</a>", re.IGNORECASE
)
_NEXT: Final = re.compile(
    r"\s*(?:,|;|&|\band\b|\bund\b|\bet\b|\by\b|\be\b|\ben\b|\bi\b|\bи\b|\+|、|と|和|/)\s*(?:(?:and|und|et|y)\s+)?(?:by\s+|durch\s+|par\s+|por\s+)?",
    re.IGNORECASE,
)
PARTLY: Final = (
    r"(?:in part|partly|partially|partial|teilweise|partiellement|en partie|parcialmente|en parte|em parte|in parte"
    r"|parzialmente|gedeeltelijk|deels|częściowo|частично)"
)
_IN_PART: Final = re.compile(rf"\b{PARTLY}\b|部分|一部|일부", re.IGNORECASE)
_IN_PART_FIELDS: Final = {"superseded_by": "amended_by", "supersedes": "amends"}
_VERB_PARTLY: Final = re.compile(rf"{_VERB}\s{{0,3}}\(?({PARTLY})\)?(?=\s{{1,3}}{_BY})", re.IGNORECASE)
_PARTLY_LAST: Final = re.compile(
    rf"{_VERB}( {_BY} [^\n;]{{1,150}}?)[ ,]{{1,3}}\(?({PARTLY})\)?(?=[ \t]*(?:[.,;]|$))", re.IGNORECASE | re.MULTILINE
)
_MODAL: Final = re.compile(
    r"\b(?:may|might|could|can|will|would|should|shall|must|to|not|never|later|possibly|maybe|if|unless|until|eventually|soon"
    r"|wird|werden|soll|kann|könnte|nicht|noch|falls|sera|peut|pourra|pas|non|será|puede|podrá|no)\b"
    r"(?:\s+\w+){0,3}\s*$",
    re.IGNORECASE,
)
_OF_PART: Final = re.compile(
    rf"[*_`~]*(?:(?-i:[ \t][A-Z][\w.]{{0,7}})?['’]s\b|[ \t]{{0,3}}§|[ \t,;:—–-]{{1,4}}\(?{PARTLY}\b"
    r"|[ \t]{0,3}\((?:extends|amends|refines)\)"
    r"|[^\n,;()\d]{0,30}\((?:[^()\n]{0,200}[ \t])?"
    rf"(?:{PARTLY}\b|(?:only|portions?|clauses?|nur|seulement|uniquement|solo|sólo|solamente|apenas|alleen)[ \t]{{0,3}}(?=[).,;:—–])))",
    re.IGNORECASE,
)
"""What says, behind a record, that a part of it is meant: `ADR-2, in part`, `ADR-2 (the clock only)`, `ADR-2's rule`."""
_REMARK: Final = re.compile(r"[*_`~ \t]*(?:\([^()\n]{1,300}\)[*_`~ \t]*)?")
_BRACKET_OR_COMMA: Final = re.compile(rf"[()\[\]]|[,;，；](?!\s{{0,3}}\(?{PARTLY}\b)", re.IGNORECASE)
_BARE_NUMBER: Final = re.compile(r"\s*\d+\s*(?:\([^()\n]*\)\s*)?(?![\w.-])")
_DATE: Final = re.compile(DATE, re.IGNORECASE)
_MARKUP: Final = re.compile(r"[*_`~ \t]*")
_LABEL_END: Final = re.compile(r"\]")
_TARGET_END: Final = re.compile(r"[)\s]")


class Link(NamedTuple):
    """A link such as `[One](0001-one.md)`: its start and end in the text, and its target."""

    start: int
    end: int
    target: str


class _Finder:
    """Finds the next match of a pattern from ever later positions, and scans the text only once."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._at = -1

    def find(self, start: int) -> int:
        """Return the position of the first match from `start` on, or the length of the text."""
        if self._at < start:
            found = self._pattern.search(self._text, start)
            self._at = found.start() if found else len(self._text)
        return self._at


class _LinkReader:
    """Reads links at ever later positions of a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._label_end = _Finder(_LABEL_END, text)
        self._target_end = _Finder(_TARGET_END, text)

    def at(self, start: int) -> Link | None:
        """Return the link whose opening bracket is at `start`, or None."""
        target_start = self._label_end.find(start + 1) + 2
        if not self._text.startswith("(", target_start - 1):
            return None
        end = self._target_end.find(target_start)
        return Link(start, end + 1, self._text[target_start:end]) if self._text.startswith(")", end) else None

    def skip(self, start: int) -> int:
        """Return where to continue after a bracket that starts no link: no other bracket up to there starts one either."""
        return self._label_end.find(start + 1) + 1


def find_links(text: str) -> Iterator[Link]:
    """Yield the links of a text, from left to right."""
    links, at = _LinkReader(text), text.find("[")
    while at >= 0:
        link = links.at(at)
        if link is not None:
            yield link
        at = text.find("[", link.end if link else links.skip(at))


def without_links(text: str) -> str:
    """Return a text with each link replaced by a space."""
    parts, at = [], 0
    for link in find_links(text):
        parts.append(text[at : link.start])
        at = link.end
    return " ".join([*parts, text[at:]])


class _Target(NamedTuple):
    """A record that a relation names, and whether it means the whole record."""

    name: str
    is_whole: bool = True


class Relation(NamedTuple):
    """A relation in a status: its field, the other record, and whether it is about the whole record."""

    field: str
    target: str
    is_whole: bool = True


_RELATION_LINE: Final = re.compile(
    r"(?m)^[ \t]*(?:[*+-][ \t]+|#{1,6}[ \t]+(?:\d{1,3}[.)][ \t]+)?)?[*_\[]{0,3}"
    rf"(?P<before>{PARTLY}[ \t]+)?"
    rf"(?P<words>{'|'.join(one.replace(' ', '[ _-]') for one in sorted(RELATIONS, key=len, reverse=True))})"
    rf"(?P<after>[ \t]{{1,3}}\(?{PARTLY}\)?)?[*_\]]{{0,3}}(?:[ \t]*[:：][*_]{{0,3}}|(?=\s)|$)",
    re.IGNORECASE,
)
_COMPACT_RELATIONS: Final = {words.replace(" ", ""): relation for words, relation in RELATIONS.items()}
_LINE_END: Final = re.compile(r"\n(?!(?: {2,8}|\t)[^\s*+\-#|>])")
"""The end of a line that no indented line continues."""


def relations_in_header(name: str, text: str) -> Iterator[Relation]:
    """Yield the relations that a line of the header gives, such as `supersedes: ADR-0003`."""
    words = re.sub(r"[-_ ]+", " ", name.casefold())
    relation = _COMPACT_RELATIONS.get((_IN_PART.sub("", words)).replace(" ", ""))
    if relation is not None:
        text = _FLOW_LIST.sub(r"\1", _LINK_TITLE.sub("", text))
        is_whole = not _IN_PART.search(words)
        for target in list(_targets_in_line(text)) or _targets_within(text):
            yield _relation_to(relation, target, is_whole=is_whole)


def relations_in_lines(text: str) -> Iterator[Relation]:
    """Yield the relations in lines such as `* Supersedes: [ADR-0003](0003-x.md)`, with or without the colon.

    The records may be in a list below the line, also if the line is a heading.
    """
    text = _VERB_PARTLY.sub(r"\2 \1", _LINK_TITLE.sub("", text[:MAX_STATUS_CHARACTERS]))
    for match in _RELATION_LINE.finditer(text):
        relation = RELATIONS.get(_fold_words(re.sub(r"[-_]", " ", match["words"])), "")
        rest = text[match.end() :]
        line = _FLOW_LIST.sub(r"\1", _LINE_END.split(rest, maxsplit=1)[0]) if rest.partition("\n")[0].strip() else ""
        targets = _targets_in_line(line) if line else _targets_below(text, match.end())
        for target in targets if relation else ():
            yield _relation_to(relation, target, is_whole=not (match["before"] or match["after"]))


def _relation_to(relation: str, target: _Target, *, is_whole: bool) -> Relation:
    """Return a relation to a target. One to a part of a record, or of a part, is an amendment."""
    is_whole = is_whole and target.is_whole
    return Relation(relation if is_whole else _IN_PART_FIELDS.get(relation, relation), target.name, is_whole)


def is_relation(heading: str) -> bool:
    """Whether a heading is a relation, such as `## Superseded by`, and does not name the other record itself."""
    found = _RELATION_LINE.match(heading)
    return found is not None and not heading[found.end() :].strip()


def find_relations(text: str) -> Iterator[Relation]:
    """Yield each relation in a status by its field, with the link or number of the other record.

    What may happen later is no relation. What is superseded in part is amended.
    """
    text = _WITHOUT_BY.sub(r"\1 by ", _IMAGE.sub(r"\1", _LINK_TITLE.sub("", plain_status(text))))
    links, at = _LinkReader(text), 0
    yield from find_cjk_relations(text)
    while relation := _RELATION.search(text, at):
        at = relation.end()
        clause = _clause_before(text, relation.start())
        name = RELATIONS.get(_fold_words(relation[1]), "")
        if not name or _MODAL.search(clause):
            continue
        is_whole = not (_has_subject(clause) if name == "superseded_by" else _IN_PART.search(clause))
        below = _targets_below(text, relation.end(1)) if "\n" in text[relation.end(1) : at] else ()
        for target in list(below) or _targets(links, text, at):
            yield _relation_to(name, target if name == "supersedes" else _Target(target.name), is_whole=is_whole)


def find_cjk_relations(text: str) -> Iterator[Relation]:
    """Yield the relations in a status in Japanese, Chinese or Korean, where the verb follows the other record."""
    text = "" if text.isascii() else without_dates(text[:MAX_STATUS_CHARACTERS])
    for match in _CJK_RELATION.finditer(text):
        is_whole = not _IN_PART.search(text[: match.end()].rpartition("\n")[2])
        for target in _targets(_LinkReader(match[0]), match[0], 0, anywhere=True):
            yield _relation_to("superseded_by", _Target(target.name), is_whole=is_whole)


def plain_status(text: str) -> str:
    """Return a status without emphasis, its line breaks as lines, and the words of each relation next to each other.

    So `**Superseded** in part by ADR-2` and `superseded by ADR-2 in part` are `in part superseded by ADR-2`.
    """
    text = _EMPHASIS.sub("", _BREAK.sub("\n", text))
    return _DATED_VERB.sub(r"\1 ", _PARTLY_LAST.sub(r"\3 \1\2", _VERB_PARTLY.sub(r"\2 \1", text)))


def hides_successor(text: str) -> bool:
    """Whether a status without a relation that could be read names another record all the same: a link or a number."""
    bare = _DAY.sub(" ", _IMAGE.sub(" ", text[:MAX_STATUS_CHARACTERS]))
    return "](" in bare or re.search(rf"(?:by|{SERIES}|#)[-_ ]{{0,2}}[0-9]", bare, re.IGNORECASE) is not None


def clauses_of_supersession(text: str, *, is_in_force: bool = True) -> Iterator[Relation]:
    """Yield each mention that a record is superseded, whether or not it names by what.

    A record that was never in force is not superseded by what was chosen in favor of it.
    """
    text = text[:MAX_STATUS_CHARACTERS] + " "
    for relation in _RELATION.finditer(text):
        clause = _clause_before(text, relation.start())
        words = _fold_words(relation[1])
        if words in RELATIONS and not _MODAL.search(clause) and (is_in_force or words not in IN_FAVOR):
            yield Relation(RELATIONS[words], "", not _has_subject(clause))


def _fold_words(words: str) -> str:
    """Return the words of a relation as `RELATIONS` has them. A pattern also matches letters that do not fold to these."""
    return " ".join(words.casefold().split())


def _clause_before(text: str, end: int) -> str:
    """Return what a clause says before a position, without dates and markup."""
    before = text[max(0, end - MAX_CLAUSE_CHARACTERS) : end]
    return re.split(r"[.,;\n|()—–]", _TAG.sub(" ", _SHORTCODE.sub(" ", without_dates(before))))[-1]


def _has_subject(clause: str) -> bool:
    """Whether a clause says what is superseded, so that it is not the whole record.

    What was done with the record before is no subject, as in "Accepted by Ann and superseded by".
    """
    words = re.findall(r"\w+", clause.casefold())
    if words and words[0] in STATUSES and words[-1] in _CONJUNCTIONS:
        return False
    return any(word not in _WHOLE for word in words)


_CONJUNCTIONS: Final = frozenset(("and", "but", "then", "und", "dann", "et", "puis", "y", "luego"))
_WHOLE: Final = frozenset(
    [
        "is",
        "was",
        "has",
        "been",
        "now",
        "fully",
        "entirely",
        "completely",
        "later",
        "it",
        "this",
        "record",
        "decision",
        "adr",
        "status",
        "since",
        "today",
        "already",
        "meanwhile",
        "subsequently",
        "the",
        "document",
        "note",
        "update",
        "updated",
        "edit",
        "die",
        "diese",
        "entscheidung",
        "bereits",
        "inzwischen",
        "cette",
        "la",
        "décision",
        "déjà",
        "esta",
        "decisión",
        "ya",
        "wurde",
        "ist",  # codespell:ignore ist
        "jetzt",
        "vollständig",
        "a",
        "été",
        "est",
        "ha",
        "sido",
        "es",
        "este",
        "foi",
        "è",
        "stato",
        "stata",
        "questo",
        "questa",
        "deze",
        "dit",
        "werd",
        "został",
        "została",
        "zostało",
        "annulé",
        "annulée",
        *_CONJUNCTIONS,
        *(status for status in STATUSES if status.isalpha()),
    ]
)


def _targets(links: _LinkReader, text: str, at: int, *, anywhere: bool = False) -> Iterator[_Target]:
    """Yield the records named from a position on, in any usual way to write a link, one after the other.

    Each may have a remark in parentheses behind it.
    """
    while True:
        at = _MARKUP.match(text, at).end()  # type: ignore[union-attr]
        found = _target_at(links, text, at)
        if found is None and anywhere and at < len(text):
            at += 1
            continue
        if found is None:
            return
        target, at = found
        yield _Target(target, _OF_PART.match(text, at) is None)
        at = _REMARK.match(text, at).end()  # type: ignore[union-attr]
        more = _NEXT.match(text, at)
        if more is None or more.end() == at:
            return
        at = more.end()


def _targets_in_line(line: str) -> Iterator[_Target]:
    """Yield the records that a line names which has nothing but records and remarks on them, `A, which is new; B`.

    What follows a comma or a semicolon is another record if it begins with one, but a number alone has to be all of it.
    """
    for n, part in enumerate(map(str.strip, _split_members(line))):
        targets = list(_targets(_LinkReader(part), part, 0))
        if not targets and n == 0:
            return
        if n == 0 or not _BARE_NUMBER.match(part) or _BARE_NUMBER.fullmatch(part):
            yield from targets


def _split_members(line: str) -> Iterator[str]:
    """Yield the parts of a line between its commas and semicolons, except those in brackets."""
    start = depth = 0
    for mark in _BRACKET_OR_COMMA.finditer(line):
        if mark[0] in "([":
            depth += 1
        elif mark[0] in ")]":
            depth = max(0, depth - 1)
        elif depth == 0:
            yield line[start : mark.start()]
            start = mark.end()
    yield line[start:]


def _targets_below(text: str, at: int) -> Iterator[_Target]:
    """Yield the records that the lines below a position begin with, up to another line; in a list, also within a member."""
    found, is_list, is_after_blank = False, False, False
    at = text.find("\n", at)
    while at >= 0:
        start, at = at + 1, text.find("\n", at + 1)
        line = text[start : at if at >= 0 else len(text)]
        if not line.strip():
            is_after_blank = True
            continue
        item = _ITEM.match(line)
        if found and (is_list != bool(item) or (is_after_blank and not item)):
            return
        line = line[item.end() :] if item else line
        if _RELATION_LINE.match(line):
            return
        targets = list(_targets_in_line(line)) or (list(_targets_within(line)) if item else [])
        if not targets and not item:
            return
        yield from targets
        found, is_list, is_after_blank = True, bool(item), False


def _targets_within(line: str) -> Iterator[_Target]:
    """Yield the records that a line names, by a link or by a number with `ADR` before it."""
    links = [(line[link.start : link.end], link.end) for link in find_links(line)]
    named = links or [(match[0], match.end()) for match in _NAMED.finditer(line)]
    yield from (_Target(name, _OF_PART.match(line, end) is None) for name, end in named)


def _target_at(links: _LinkReader, text: str, at: int) -> tuple[str, int] | None:  # noqa: PLR0911  (one for each form)
    if (date := _DATE.match(text, at)) is not None and not date[0].isdigit():
        return None
    if (wiki := _WIKI.match(text, at)) is not None:
        return wiki[1], wiki.end()
    link = links.at(at) if text.startswith("[", at) else None
    if link is not None:
        return text[at : link.end], link.end
    if (anchor := _ANCHOR.match(text, at)) is not None:
        return f"[]({anchor[1]})", anchor.end()
    if (file := _FILE.match(text, at)) is not None:
        return f"[]({file[0].strip('<>')})", file.end()
    if (stem := _STEM.match(text, at)) is not None:
        return f"[]({stem[0]})", stem.end()
    if (number := _NUMBER.match(text, at)) is not None:
        return number[0], number.end()
    reference = _REFERENCE.match(text, at)
    if reference is not None:
        number = None if _STEM.match(reference[1]) else _NUMBER.match(reference[1])
        return (number[0] if number else reference[2] or reference[1]), reference.end()
    return None


def path_of(link: str) -> str:
    """Return what a link or number refers to: a path without extension, or a number."""
    found = next(find_links(link), None)
    if found is None or (found.start, found.end) != (0, len(link)):
        numbered = _NUMBERED.fullmatch(link.strip())
        return numbered[2] if numbered else _EXTENSION.sub("", link.strip())
    path = unquote(found.target.strip("<>")).partition("#")[0].partition("?")[0]
    return _EXTENSION.sub("", path.rstrip("/"))


def series_of(link: str) -> str:
    """Return the name of the series before a number, such as `rfc` of `RFC 7`; empty if there is none."""
    numbered = _NUMBERED.match(link.strip())
    return (numbered[1] or "").casefold() if numbered else ""
