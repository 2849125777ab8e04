"""Read a CSV of records: what each record is now, with the times of its milestones. Headers are known in six languages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from interchange.tracker.entries import NOW
from interchange.tracker.presets.lines import EMPTY, Line, Row, build_creation, build_line, problem, state_lines

Headers = Mapping[str, tuple[str, ...]]
"""The headers that mean each part of a record, the best first."""
_LOCAL_HEADERS: Final[Headers] = {
    "record": (
        "Vorgangsschlüssel",
        "Clé de ticket",
        "Clé",
        "Clave de incidencia",
        "Clave",
        "Chave da item",
        "Chave",
        "課題キー",
        "キー",
        "问题关键字",
        "关键字",
    ),
    "identity": ("Vorgangs-ID", "ID de ticket", "ID de la incidencia", "ID da item", "課題 ID", "问题 ID"),
    "title": (
        "Zusammenfassung",
        "Thema",
        "Titel",
        "Résumé",
        "Sujet",
        "Titre",
        "Resumen",
        "Asunto",
        "Título",
        "Resumo",
        "要約",
        "件名",
        "タイトル",
        "题目",
        "概要",
        "主题",
        "标题",
    ),
    "status": ("Statut", "État", "Estado", "Situação", "ステータス", "状态", "状態"),
    "assignee": (
        "Zugewiesene Person",
        "Bearbeiter",
        "Zugewiesen an",
        "Zugewiesener",
        "Personne assignée",
        "Assigné à",
        "Attribution",
        "Responsable",
        "Persona asignada",
        "Asignado a",
        "Responsável",
        "Atribuído para",
        "担当者",
        "经办人",
        "指派给",
        "指派人",
    ),
    "creator": (
        "Ersteller",
        "Autor",
        "Créateur",
        "Rapporteur",
        "Auteur",
        "Creador",
        "Informador",
        "Criador",
        "Relator",
        "作成者",
        "報告者",
        "创建者",
        "报告人",
        "作者",
    ),
    "created": (
        "Erstellt",
        "Angelegt",
        "Angelegt am",
        "Création",
        "Créé",
        "Créé le",
        "Creada",
        "Creado",
        "Creado en",
        "Criado",
        "Criado em",
        "作成日",
        "作成日時",
        "创建日期",
        "创建于",
        "创建时间",
    ),
    "updated": (
        "Aktualisiert",
        "Aktualisiert am",
        "Mise à jour",
        "Mis à jour",
        "Actualizada",
        "Actualizado",
        "Atualizado",
        "Alterado em",
        "更新日",
        "更新日時",
        "已更新",
        "更新于",
        "更新时间",
    ),
    "resolved": ("Erledigt", "Résolu", "Résolue", "Resuelta", "Resuelto", "Resolvido", "解決日", "已解决"),
    "closed": ("Geschlossen", "Fermé", "Cerrada", "Fechado", "終了日", "结束日期"),
    "release": (
        "Lösungsversionen",
        "Lösungsversion",
        "Fehlerbehebungsversion",
        "Zielversion",
        "Versions corrigées",
        "Version corrigée",
        "Version cible",
        "Versiones correctoras",
        "Versión correctora",
        "Versión prevista",
        "Versões corrigidas",
        "Versão",
        "修正バージョン",
        "対象バージョン",
        "修复的版本",
        "目标版本",
    ),
    "labels": ("Stichwörter", "Étiquettes", "Etiquetas", "ラベル", "标签"),
    "due": (
        "Fälligkeitsdatum",
        "Fällig am",
        "Abgabedatum",
        "Date d'échéance",
        "Échéance",
        "Fecha de vencimiento",
        "Fecha fin",
        "Data limite",
        "期限",
        "期日",
        "到期日",
        "计划完成日期",
    ),
    "type": (
        "Vorgangstyp",
        "Type de ticket",
        "Tipo de Incidencia",
        "Tipo de item",
        "課題タイプ",
        "トラッカー",
        "问题类型",
        "跟踪",
    ),
    "priority": ("Priorität", "Priorité", "Prioridad", "Prioridade", "優先度", "优先级"),
    "description": ("Beschreibung", "Description du ticket", "Descripción", "Descrição", "説明", "描述"),
}
_MILESTONES: Final = (
    ("started", "In Progress"),
    ("completed", "Done"),
    ("canceled", "Canceled"),
    ("closed", "Closed"),
    ("resolved", None),
)
"""The times that a row names, and the status from then on; None is the status that the row has now."""
_TIMES: Final = ("created", "updated", *(name for name, _ in _MILESTONES))
_LISTS: Final = ("release", "labels")
_VOLATILE: Final = re.compile(
    r"last viewed|zuletzt angezeigt|time in status.*|work ratio|.*\[chart\].*|.*\(rank\)", re.IGNORECASE
)
"""Columns that change without any change of the record."""


def expand_csv(row: Row, headers: Headers, *, prefix: str = "", several: tuple[str, ...] = ()) -> Iterator[Line]:
    """Yield the lines for a row: the record's creation, its milestones in time, and its state.

    Columns that mean nothing here become fields of the same name. `prefix` is put before the number of a record.
    `several` are the parts, besides releases and labels, of which a cell has several with commas.
    """
    if any(isinstance(value, dict) for value in row.values()):
        yield problem(row, "a JSON object that is not a response of this system that can be read")
        return
    cells = cells_of(row)
    found = {part: column_of(part, options, cells) for part, options in headers.items()}
    got = {part: _cell(part, row[name], (*_LISTS, *several)) for part, name in found.items() if name is not None}
    if "record" not in got:
        yield problem(row, "no column of this row names a record, as the exports of this system do")
        return
    record = {"record": f"{prefix}{got['record']}", "identity": str(got.get("identity") or got["record"])}
    if "created" in got:
        first = {"title": got.get("title"), "type": got.get("type")}
        yield build_creation(record, got["created"], got.get("creator"), first)
    for name, status in _MILESTONES:
        if name in got and (status or "status" in got):
            yield build_line(record, kind="", when=got[name], field="status", to=status or got["status"])
    known = {name for name in found.values() if name is not None}
    rest = {name: _single(value) for name, value in row.items() if name not in known and not _VOLATILE.fullmatch(name)}
    values = {part: value for part, value in got.items() if part not in ("record", "identity", "creator", *_TIMES)}
    times = [got[name] for name in ("updated", "canceled", "completed", "resolved", "closed", "created") if name in got]
    yield from state_lines(record, times[0] if times else NOW, {**rest, **values})


def cells_of(row: Row) -> dict[str, str]:
    """Return the columns of a row that have a value, by their plain names."""
    return {_plain(name): name for name in reversed(row) if row[name] not in EMPTY}


def column_of(part: str, options: tuple[str, ...], cells: Mapping[str, str]) -> str | None:
    """Return the column that means a part of a record."""
    names = (*options, *_LOCAL_HEADERS.get(part, ()))
    return next((cells[plain] for name in names if (plain := _plain(name)) in cells), None)


def _plain(header: str) -> str:
    """Return a header without its case, a colon at its end, or the ending of a plural in parentheses."""
    return re.sub(r"\s*(?:\([a-z]{1,3}\))?\s*:?$", "", header.strip().casefold())


def _cell(part: str, value: Any, lists: tuple[str, ...]) -> Any:
    """Return what a cell says; a list, where several values are usual."""
    if part in lists:
        members = value if isinstance(value, list) else re.split(r"[,;]", value)
        names = [name for one in members if (name := _without_address(str(one).strip()))]
        return names if part == "labels" else _single(names)
    value = _single(value)
    return value if part not in ("record", "identity", "creator", "assignee") else _without_address(str(value))


def _without_address(name: str) -> str:
    """Return a name without the email address behind it, as in `Ann Arbor <ann@example.org>`."""
    return re.sub(r"(?<=\S)\s*<[^<>]*>$", "", name)


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
