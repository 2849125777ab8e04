"""The words of decision records in English, German, French, Spanish, Japanese and Chinese: statuses, headings, relations.

A table of one's own adds to these (`--words FILE`).
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from interchange.files import read_regular

MAX_WORDS_BYTES: Final = 256 * 1024

STATUSES: Final[Mapping[str, str]] = {
    # English
    "proposed": "proposed",
    "draft": "proposed",
    "drafted": "proposed",
    "pending": "proposed",
    "open": "proposed",
    "in progress": "proposed",
    "in review": "proposed",
    "under review": "proposed",
    "under discussion": "proposed",
    "in discussion": "proposed",
    "wip": "proposed",
    "work in progress": "proposed",
    "proposal": "proposed",
    "new": "proposed",
    "rfc": "proposed",
    "accepted": "accepted",
    "approved": "accepted",
    "decided": "accepted",
    "agreed": "accepted",
    "active": "accepted",
    "implemented": "accepted",
    "adopted": "accepted",
    "final": "accepted",
    "done": "accepted",
    "in force": "accepted",
    "current": "accepted",
    "confirmed": "accepted",
    "valid": "accepted",
    "amended": "accepted",
    "rejected": "rejected",
    "declined": "rejected",
    "not accepted": "rejected",
    "refused": "rejected",
    "deprecated": "reversed",
    "reversed": "reversed",
    "retired": "reversed",
    "obsolete": "reversed",
    "revoked": "reversed",
    "superseded": "superseded",
    "superceded": "superseded",
    "replaced": "superseded",
    "obsoleted": "superseded",
    "deferred": "deferred",
    "postponed": "deferred",
    "on hold": "deferred",
    "parked": "deferred",
    "withdrawn": "withdrawn",
    "abandoned": "withdrawn",
    "cancelled": "withdrawn",
    "canceled": "withdrawn",
    # German
    "vorgeschlagen": "proposed",
    "entwurf": "proposed",
    "vorschlag": "proposed",
    "offen": "proposed",
    "in diskussion": "proposed",
    "in arbeit": "proposed",
    "in prüfung": "proposed",
    "in bearbeitung": "proposed",
    "akzeptiert": "accepted",
    "angenommen": "accepted",
    "beschlossen": "accepted",
    "entschieden": "accepted",
    "genehmigt": "accepted",
    "gültig": "accepted",
    "aktiv": "accepted",
    "umgesetzt": "accepted",
    "freigegeben": "accepted",
    "abgelehnt": "rejected",
    "verworfen": "rejected",
    "veraltet": "reversed",
    "aufgehoben": "reversed",
    "überholt": "reversed",
    "außer kraft": "reversed",
    "ersetzt": "superseded",
    "abgelöst": "superseded",
    "zurückgestellt": "deferred",
    "verschoben": "deferred",
    "vertagt": "deferred",
    "zurückgezogen": "withdrawn",
    # French
    "proposé": "proposed",
    "proposée": "proposed",
    "brouillon": "proposed",
    "en discussion": "proposed",
    "en cours": "proposed",
    "en attente": "proposed",
    "ouvert": "proposed",
    "ouverte": "proposed",
    "accepté": "accepted",
    "acceptée": "accepted",
    "approuvé": "accepted",
    "approuvée": "accepted",
    "validé": "accepted",
    "validée": "accepted",
    "adopté": "accepted",
    "adoptée": "accepted",
    "actif": "accepted",
    "active ": "accepted",
    "décidé": "accepted",
    "décidée": "accepted",
    "rejeté": "rejected",
    "rejetée": "rejected",
    "refusé": "rejected",
    "refusée": "rejected",
    "déprécié": "reversed",
    "dépréciée": "reversed",
    "obsolète": "reversed",
    "abrogé": "reversed",
    "abrogée": "reversed",
    "remplacé": "superseded",
    "remplacée": "superseded",
    "reporté": "deferred",
    "reportée": "deferred",
    "différé": "deferred",
    "différée": "deferred",
    "retiré": "withdrawn",
    "retirée": "withdrawn",
    "abandonné": "withdrawn",
    "abandonnée": "withdrawn",
    # Spanish
    "propuesto": "proposed",
    "propuesta": "proposed",
    "borrador": "proposed",
    "pendiente": "proposed",
    "en discusión": "proposed",
    "en curso": "proposed",
    "en revisión": "proposed",
    "aceptado": "accepted",
    "aceptada": "accepted",
    "aprobado": "accepted",
    "aprobada": "accepted",
    "decidido": "accepted",
    "decidida": "accepted",
    "vigente": "accepted",
    "activo": "accepted",
    "activa": "accepted",
    "adoptado": "accepted",
    "adoptada": "accepted",
    "rechazado": "rejected",
    "rechazada": "rejected",
    "obsoleto": "reversed",
    "obsoleta": "reversed",
    "derogado": "reversed",
    "derogada": "reversed",
    "revocado": "reversed",
    "revocada": "reversed",
    "reemplazado": "superseded",
    "reemplazada": "superseded",
    "sustituido": "superseded",
    "sustituida": "superseded",
    "sustituído": "superseded",
    "sustituída": "superseded",
    "superado": "superseded",
    "superada": "superseded",
    "aplazado": "deferred",
    "aplazada": "deferred",
    "pospuesto": "deferred",
    "pospuesta": "deferred",
    "diferido": "deferred",
    "diferida": "deferred",
    "retirado": "withdrawn",
    "retirada": "withdrawn",
    # Japanese
    "提案": "proposed",
    "提案中": "proposed",
    "提案済み": "proposed",
    "草案": "proposed",
    "下書き": "proposed",
    "検討中": "proposed",
    "議論中": "proposed",
    "レビュー中": "proposed",
    "ドラフト": "proposed",
    "採用": "accepted",
    "採用済み": "accepted",
    "承認": "accepted",
    "承認済み": "accepted",
    "承認済": "accepted",
    "採択": "accepted",
    "決定": "accepted",
    "決定済み": "accepted",
    "有効": "accepted",
    "受理": "accepted",
    "受け入れ": "accepted",
    "受諾": "accepted",
    "却下": "rejected",
    "却下済み": "rejected",
    "不採用": "rejected",
    "否決": "rejected",
    "廃止": "reversed",
    "廃止済み": "reversed",
    "非推奨": "reversed",
    "失効": "reversed",
    "置換": "superseded",
    "置換済み": "superseded",
    "置き換え": "superseded",
    "置き換え済み": "superseded",
    "差し替え": "superseded",
    "更新済み": "superseded",
    "保留": "deferred",
    "延期": "deferred",
    "取り下げ": "withdrawn",
    "撤回": "withdrawn",
    # Chinese, simplified and traditional
    "提议": "proposed",
    "提議": "proposed",
    "已提议": "proposed",
    "已提議": "proposed",
    "建议": "proposed",
    "建議": "proposed",
    "草稿": "proposed",
    "讨论中": "proposed",
    "討論中": "proposed",
    "待定": "proposed",
    "待审": "proposed",
    "提案 ": "proposed",
    "已接受": "accepted",
    "接受": "accepted",
    "已采纳": "accepted",
    "采纳": "accepted",
    "已採納": "accepted",
    "採納": "accepted",
    "已批准": "accepted",
    "批准": "accepted",
    "通过": "accepted",
    "已通过": "accepted",
    "通過": "accepted",
    "已通過": "accepted",
    "生效": "accepted",
    "已决定": "accepted",
    "已決定": "accepted",
    "已拒绝": "rejected",
    "拒绝": "rejected",
    "已拒絕": "rejected",
    "拒絕": "rejected",
    "已否决": "rejected",
    "否决": "rejected",
    "已否決": "rejected",
    "已废弃": "reversed",
    "废弃": "reversed",
    "已廢棄": "reversed",
    "廢棄": "reversed",
    "已弃用": "reversed",
    "弃用": "reversed",
    "已棄用": "reversed",
    "已过时": "reversed",
    "过时": "reversed",
    "已過時": "reversed",
    "已作废": "reversed",
    "已取代": "superseded",
    "被取代": "superseded",
    "已被取代": "superseded",
    "取代": "superseded",
    "已替代": "superseded",
    "被替代": "superseded",
    "已被替代": "superseded",
    "已替换": "superseded",
    "被替换": "superseded",
    "已推迟": "deferred",
    "推迟": "deferred",
    "已推遲": "deferred",
    "推遲": "deferred",
    "搁置": "deferred",
    "已搁置": "deferred",
    "已撤回": "withdrawn",
    "撤回 ": "withdrawn",
}
"""The status of a decision by the first words of a record's status."""

HEADER: Final[Mapping[str, str]] = {
    "status": "status",
    "state": "status",
    "adr status": "status",
    "decision status": "status",
    "current status": "status",
    "record status": "status",
    "statut": "status",
    "état": "status",
    "estado": "status",
    "stand": "status",
    "zustand": "status",
    "ステータス": "status",
    "状態": "status",
    "状态": "status",
    "狀態": "status",
    "date": "date",
    "datum": "date",
    "fecha": "date",
    "日付": "date",
    "日期": "date",
    "decision date": "date",
    "decided on": "date",
    "entscheidungsdatum": "date",
    "date de décision": "date",
    "fecha de decisión": "date",
    "deciders": "deciders",
    "decision-makers": "deciders",
    "decision makers": "deciders",
    "decision maker": "deciders",
    "decider": "deciders",
    "approver": "deciders",
    "approvers": "deciders",
    "decided by": "deciders",
    "entscheider": "deciders",
    "entscheidende": "deciders",
    "entscheidungsträger": "deciders",
    "beteiligte": "deciders",
    "décideurs": "deciders",
    "décideur": "deciders",
    "decisores": "deciders",
    "decisor": "deciders",
    "responsables": "deciders",
    "決定者": "deciders",
    "意思決定者": "deciders",
    "决策者": "deciders",
    "決策者": "deciders",
    "决定者": "deciders",
    "consulted": "consulted",
    "konsultiert": "consulted",
    "consultés": "consulted",
    "consultados": "consulted",
    "相談先": "consulted",
    "咨询者": "consulted",
    "informed": "informed",
    "informiert": "informed",
    "informés": "informed",
    "informados": "informed",
    "報告先": "informed",
    "知情者": "informed",
    "accountable": "accountable",
}
"""Fields by their keys in front matter, or in lines above the sections such as `* Status: accepted`."""

HEADINGS: Final[Mapping[str, str]] = {
    "context": "context",
    "context and problem statement": "context",
    "kontext": "context",
    "hintergrund": "context",
    "kontext und problemstellung": "context",
    "kontext und problem": "context",
    "problemstellung": "context",
    "ausgangslage": "context",
    "contexte": "context",
    "contexte et problème": "context",
    "contexte et énoncé du problème": "context",
    "contexto": "context",
    "contexto y problema": "context",
    "contexto y planteamiento del problema": "context",
    "コンテキスト": "context",
    "背景": "context",
    "文脈": "context",
    "コンテキストと課題": "context",
    "背景と課題": "context",
    "背景和问题": "context",
    "背景和问题陈述": "context",
    "上下文": "context",
    "情境": "context",
    "decision": "decision",
    "decision outcome": "decision",
    "entscheidung": "decision",
    "entscheid": "decision",
    "entscheidungsergebnis": "decision",
    "ergebnis": "decision",
    "beschluss": "decision",
    "décision": "decision",
    "résultat de la décision": "decision",
    "decisión": "decision",
    "resultado de la decisión": "decision",
    "決定": "decision",
    "決定事項": "decision",
    "決定結果": "decision",
    "决定": "decision",
    "决策": "decision",
    "决策结果": "decision",
    "決策": "decision",
    "consequences": "expected",
    "konsequenzen": "expected",
    "auswirkungen": "expected",
    "folgen": "expected",
    "conséquences": "expected",
    "consecuencias": "expected",
    "結果": "expected",
    "影響": "expected",
    "后果": "expected",
    "影响": "expected",
    "後果": "expected",
    "结果": "expected",
    "decision drivers": "x.decision-drivers",
    "entscheidungstreiber": "x.decision-drivers",
    "einflussfaktoren": "x.decision-drivers",
    "facteurs de décision": "x.decision-drivers",
    "factores de decisión": "x.decision-drivers",
    "決定要因": "x.decision-drivers",
    "决策驱动因素": "x.decision-drivers",
    "considered options": "x.considered-options",
    "betrachtete optionen": "x.considered-options",
    "erwogene optionen": "x.considered-options",
    "optionen": "x.considered-options",
    "alternativen": "x.considered-options",
    "options envisagées": "x.considered-options",
    "options considérées": "x.considered-options",
    "opciones consideradas": "x.considered-options",
    "検討した選択肢": "x.considered-options",
    "選択肢": "x.considered-options",
    "考虑的选项": "x.considered-options",
    "备选方案": "x.considered-options",
    "confirmation": "x.confirmation",
    "validation": "x.confirmation",
    "pros and cons of the options": "x.pros-and-cons",
    "vor- und nachteile der optionen": "x.pros-and-cons",
    "avantages et inconvénients des options": "x.pros-and-cons",
    "pros y contras de las opciones": "x.pros-and-cons",
    "選択肢の長所と短所": "x.pros-and-cons",
    "选项的优缺点": "x.pros-and-cons",
    "more information": "x.more-information",
    "weitere informationen": "x.more-information",
    "plus d'informations": "x.more-information",
    "más información": "x.more-information",
    "詳細情報": "x.more-information",
    "更多信息": "x.more-information",
}
"""Sections with a field of their own, by their headings."""

LINK_HEADINGS: Final = frozenset(
    (
        *("links", "relations", "relationships", "related", "related decisions", "related adrs", "related records"),
        *("verweise", "verknüpfungen", "beziehungen", "liens", "décisions liées", "enlaces", "decisiones relacionadas"),
        *("関連", "関連する決定", "リンク", "相关", "相关决策", "链接", "相關", "連結"),
    )
)
"""Sections whose lines relate the record to others, by their headings."""

RELATIONS: Final[Mapping[str, str]] = {
    "superseded by": "superseded_by",
    "superceded by": "superseded_by",
    "replaced by": "superseded_by",
    "obsoleted by": "superseded_by",
    "in favor of": "superseded_by",
    "in favour of": "superseded_by",  # codespell:ignore favour
    "zugunsten von": "superseded_by",
    "au profit de": "superseded_by",
    "en favor de": "superseded_by",
    "置き換え済み": "superseded_by",
    "置換済み": "superseded_by",
    "已取代": "superseded_by",
    "被取代": "superseded_by",
    "ersetzt durch": "superseded_by",
    "abgelöst durch": "superseded_by",
    "remplacé par": "superseded_by",
    "remplacée par": "superseded_by",
    "reemplazado por": "superseded_by",
    "reemplazada por": "superseded_by",
    "sustituido por": "superseded_by",
    "sustituida por": "superseded_by",
    "superado por": "superseded_by",
    "amended by": "amended_by",
    "amends": "amends",
    "ergänzt durch": "amended_by",
    "geändert durch": "amended_by",
    "modifié par": "amended_by",
    "modificado por": "amended_by",
    "deprecated by": "superseded_by",
    "abgelöst von": "superseded_by",
    "überholt durch": "superseded_by",
    "supersedes": "supersedes",
    "superseding": "supersedes",
    "replacing": "supersedes",
    "obsoletes": "supersedes",
    "obsoleting": "supersedes",
    "supercedes": "supersedes",
    "replaces": "supersedes",
    "ersetzt": "supersedes",
    "remplace": "supersedes",
    "reemplaza a": "supersedes",
    "reemplaza": "supersedes",
    "sustituye a": "supersedes",
}
"""Relations to other records by the words before the link."""
IN_FAVOR: Final = frozenset(
    {
        "in favor of",
        "in favour of",  # codespell:ignore favour
        "zugunsten von",
        "au profit de",
        "en favor de",
    }
)
"""Those that say what was chosen instead, also of a record that was never in force."""

_MARKUP: Final = re.compile(r"[*_`~#>]+")
_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_NUMBERING: Final = re.compile(r"^(?:\d{1,3}(?:\.\d{1,3})*[.)]?|[ivxIVX]{1,4}[.)]|[a-zA-Z][.)])\s+")
_PLACEHOLDER: Final = re.compile(
    r"\{[^{}]*\}|<[^<>@/]*>|\[[^\[\]]*\](?!\()|\.\.\.|…|x{2,}|tbd|todo|n/a|(?:and |et )?(?:al\.?|others)", re.IGNORECASE
)


class WordsError(Exception):
    """A table of words is invalid; the message names the key and what is wrong with it."""


@dataclass(frozen=True)
class Words:
    """The words that are understood: statuses, keys of the header, headings of sections."""

    statuses: Mapping[str, str]
    header: Mapping[str, str]
    headings: Mapping[str, str]

    @cached_property
    def longest_status(self) -> int:
        """How many words the longest status has."""
        return max(len(status.split()) for status in self.statuses)

    def field_of_key(self, key: str) -> str | None:
        """Return the field of a key in a header."""
        return self.header.get(fold(key)) or self.header.get(fold(key.replace("_", " ").replace("-", " ")))

    def field_of_heading(self, heading: str) -> str | None:
        """Return the field of a section, by its heading without numbering and decoration."""
        return self.headings.get(fold(heading))


DEFAULT_WORDS: Final = Words({key.strip(): value for key, value in STATUSES.items()}, HEADER, HEADINGS)
_STATUS_VALUES: Final = frozenset(STATUSES.values())


def load_words(path: Path) -> Words:
    """Read a table of words in TOML: `[status]`, `[header]` and `[headings]`, each of words and what they mean.

    Raises:
        WordsError: the file is not TOML, or a word means something that does not exist.
        OSError: the file cannot be read.
    """
    try:
        data = tomllib.loads(read_regular(path, MAX_WORDS_BYTES, follow=True).decode())
    except (ValueError, RecursionError) as error:
        raise WordsError(f"{path}: this is not TOML: {error}") from None
    allowed = {"status": _STATUS_VALUES, "header": set(HEADER.values()), "headings": set(HEADINGS.values())}
    for table, words in data.items():
        if table not in allowed or not isinstance(words, dict):
            raise WordsError(f"{path}: {table}: use the tables `status`, `header` and `headings`")
        for word, meaning in words.items():
            _require_known(path, table, word, meaning, allowed[table])
    own = {table: {fold(word): meaning for word, meaning in data.get(table, {}).items()} for table in allowed}
    return Words(
        {**DEFAULT_WORDS.statuses, **own["status"]}, {**HEADER, **own["header"]}, {**HEADINGS, **own["headings"]}
    )


def _require_known(path: Path, table: str, word: str, meaning: Any, allowed: Any) -> None:
    if meaning not in allowed:
        raise WordsError(f"{path}: {table}.{word}: {meaning!r} is not one of {', '.join(sorted(allowed))}")


def fold(text: str) -> str:
    """Return a heading or a key without numbering, decoration and case."""
    bare = unicodedata.normalize("NFC", _MARKUP.sub("", text)).strip()
    bare = bare.lstrip(
        "".join(sorted({c for c in bare if unicodedata.category(c) in ("So", "Sk", "Cn", "Mn") or c in "\ufe0f\u200d"}))
        + " \t"
    )
    bare = _NUMBERING.sub("", bare).strip().rstrip(":：?").strip()
    return " ".join(bare.casefold().split())


def strip_comments(text: str) -> str:
    """Return a text without its HTML comments, as of a template that was filled in."""
    return _COMMENT.sub("", text).strip() if "<!--" in text else text


def is_placeholder(text: str) -> bool:
    """Whether a text is a placeholder of a template that is not filled in."""
    return _PLACEHOLDER.fullmatch(text.strip()) is not None
