"""Make rules of the Go implementation's workflows, and say which parts cannot be expressed (M1).

A workflow is a list of rules, or a graph from triggers through conditions to actions. Of either, each way that ends
in a notification becomes a rule; everything else is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ticketbot.importer import conditions
from ticketbot.importer.conditions import Untranslatable

NEW = ("new",)
UPDATED = (*conditions.NOTES, "changed")
MAX_WAYS = 200

WRITES = {
    "add_note": "adds a note",
    "set_status": "sets the status",
    "set_priority": "sets the priority",
    "set_owner": "sets the owner",
    "add_resource": "adds a resource",
    "patch": "changes the ticket",
}

Report = Callable[[str], None]


class Made(NamedTuple):
    """A rule to make; without a recipient it is for the assigned people. `recipient_id` is that of the source."""

    recipient_id: int | None
    events: tuple[str, ...]
    condition: str | None
    enabled: bool


class _Way(NamedTuple):
    """How far a walk has come: what had to hold, whether it is switched on, whether it wrote to the ticket."""

    condition: str | None = None
    enabled: bool = True
    has_written: bool = False


def rules(definition: Any, context: conditions.Context, *, enabled: bool, report: Report) -> list[Made]:
    """Return the rules of a workflow; `report` is told what cannot be expressed, and why."""
    found: list[Made] = []
    for event, events in (("created", NEW), ("updated", UPDATED)):
        if isinstance(definition, list):
            made = _of_list(definition, event, context, report)
        elif isinstance(definition, Mapping) and definition.get("version") == 2:
            made = _of_graph(definition, event, context, report)
        else:
            report("its definition is of an unknown shape")
            return []
        found += [_with_events(each, events, is_enabled=enabled) for each in made]
    return _merged(found)


def _with_events(made: Made, events: tuple[str, ...], *, is_enabled: bool) -> Made:
    """Return a rule with the events it is about; one that needs a new note is about notes only."""
    parts = [] if made.condition is None else [part.strip("()") for part in made.condition.split(" and ")]
    needs_note = events is UPDATED and conditions.NEW_NOTE in parts
    return made._replace(events=conditions.NOTES if needs_note else events, enabled=made.enabled and is_enabled)


def _merged(found: Iterable[Made]) -> list[Made]:
    """Fold rules that differ in their events only, then those that differ in their conditions only."""
    by_condition: dict[tuple[Any, ...], Made] = {}
    for each in found:
        key = (each.recipient_id, each.condition, each.enabled)
        before = by_condition.get(key, each._replace(events=()))
        by_condition[key] = each._replace(events=tuple(dict.fromkeys((*before.events, *each.events))))
    by_events: dict[tuple[Any, ...], Made] = {}
    for each in by_condition.values():
        place = (each.recipient_id, each.events, each.enabled)
        before_it = by_events.get(place)
        by_events[place] = each if before_it is None else each._replace(condition=_either(before_it, each))
    rules: dict[tuple[Any, ...], Made] = {}
    for each in sorted(by_events.values(), key=lambda made: not made.enabled):  # R5: no twins, and the live one wins
        rules.setdefault((each.recipient_id, each.events, each.condition), each)
    return list(rules.values())


def _either(first: Made, second: Made) -> str | None:
    if first.condition is None or second.condition is None:
        return None
    return f"({first.condition}) or ({second.condition})"


def _of_list(entries: Sequence[Any], event: str, context: conditions.Context, report: Report) -> list[Made]:
    """Return the rules of the older shape: entries that run in their order, until one stops the run."""
    trigger = {"created": "create", "updated": "update"}[event]
    found: list[Made] = []
    before: str | None = None  # what must hold for the run to come this far
    for entry in entries:
        if not isinstance(entry, Mapping) or entry.get("trigger") not in (trigger, "both"):
            continue
        name = str(entry.get("name") or entry.get("id"))
        try:
            own = conditions.translate(str(entry.get("condition") or ""), context)
        except Untranslatable as error:
            report(f"{name}: the condition {entry.get('condition')!a} cannot be expressed: {error}")
            if entry.get("enabled") and entry.get("stop_processing"):
                report(f"{name}: it may stop the run, so what follows it is not imported")
                return found
            continue
        way = _Way(conditions.both(before, own), bool(entry.get("enabled")))
        for action in entry.get("actions") or []:
            way, made = _act(action, str(action.get("kind")), name, way, report)
            found += made
        if entry.get("enabled") and entry.get("stop_processing"):
            before = conditions.both(before, conditions.negated(own))
    return found


def _act(node: Mapping[str, Any], kind: str, name: str, way: _Way, report: Report) -> tuple[_Way | Any, list[Made]]:
    """Return the way behind an action, and the rules it makes."""
    is_on = bool(node.get("enabled", True))
    if kind in WRITES:
        report(f"{name}: it {WRITES[kind]}; tbot only notifies")
        return way._replace(has_written=way.has_written or is_on), []
    if kind == "skip_notify":
        if is_on:
            report(f"{name}: it silences what follows, which is therefore not imported")
        return (None if is_on else way), []
    if kind != "notify" or way is None:
        return way, []
    block = node.get("notify") or {}
    if block.get("message"):
        report(f"{name}: it has a message text of its own; tbot's messages are all alike")
    channel = block.get("channel") or block.get("target")
    recipient_id = None if channel == "resources_owner" else block.get("recipient_id")
    if recipient_id is None and channel != "resources_owner":
        report(f"{name}: it names no recipient")
        return way, []
    return way, [Made(recipient_id, (), way.condition, way.enabled and is_on)]


def _of_graph(graph: Mapping[str, Any], event: str, context: conditions.Context, report: Report) -> list[Made]:
    """Return the rules of the newer shape: nodes, and edges from their ports."""
    nodes = {node.get("id"): node for node in graph.get("nodes") or [] if isinstance(node, Mapping)}
    edges = {(edge.get("from"), edge.get("port")): edge.get("to") for edge in graph.get("edges") or []}
    triggers = [
        node for node in nodes.values() if node.get("kind") == "trigger" and event in (node.get("events") or [])
    ]
    found: list[Made] = []
    todo: list[tuple[Any, _Way | None]] = []
    for trigger in sorted(triggers, key=lambda node: (node.get("order", 0), node.get("x", 0), node.get("y", 0))):
        way = _Way(enabled=bool(trigger.get("enabled", True)))
        todo += [(edges.get((trigger.get("id"), "out")), _narrowed(trigger, way, context, report))]
    steps = 0
    while todo:
        node_id, here = todo.pop()
        node = nodes.get(node_id)
        steps += 1
        if node is None or here is None:
            continue
        if steps > MAX_WAYS:
            report(f"it has more than {MAX_WAYS} ways; the rest is not imported")
            break
        if node.get("kind") == "if":
            todo += [(edges.get((node_id, port)), way) for port, way in _branches(node, here, context, report)]
            continue
        after, made = _act(node, str(node.get("kind")), _title(node), here, report)
        found += made
        todo.append((edges.get((node_id, "out")), after))
    return found


def _branches(
    node: Mapping[str, Any], way: _Way, context: conditions.Context, report: Report
) -> list[tuple[str, _Way | None]]:
    """Return the ways on from an `if`; a disabled one takes `no`."""
    if not node.get("enabled", True):
        return [("no", way)]
    if way.has_written:
        report(f"{_title(node)}: it looks at what an action before it has changed, so what follows is not imported")
        return []
    yes = _narrowed(node, way, context, report)
    if yes is None:
        return []
    own = conditions.translate(str(node.get("condition") or ""), context)
    return [("no", way._replace(condition=conditions.both(way.condition, conditions.negated(own)))), ("yes", yes)]


def _narrowed(node: Mapping[str, Any], way: _Way, context: conditions.Context, report: Report) -> _Way | None:
    """Return a way on which the condition of a node holds, None if it cannot be expressed."""
    text = str(node.get("condition") or "")
    try:
        return way._replace(condition=conditions.both(way.condition, conditions.translate(text, context)))
    except Untranslatable as error:
        report(f"{_title(node)}: the condition {text!a} cannot be expressed: {error}")
        return None


def _title(node: Mapping[str, Any]) -> str:
    return str(node.get("title") or f"{node.get('kind')} {node.get('id')}")
