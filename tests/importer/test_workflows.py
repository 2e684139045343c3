"""M1: workflows become rules as far as rules can say it; everything else is reported."""

from __future__ import annotations

from typing import Any

import pytest

from tests.importer.go_database import graph
from ticketbot.importer import conditions, workflows
from ticketbot.importer.workflows import Made

CONTEXT = conditions.Context({"status": {}, "board": {}, "priority": {}}, {}, {})
NOTES = ("customer_note", "team_note", "internal_note")
ALL = ("new", *NOTES, "changed")


def _rules(definition: Any, *, enabled: bool = True) -> tuple[list[Made], list[str]]:
    reported: list[str] = []
    found = workflows.rules(definition, CONTEXT, enabled=enabled, report=reported.append)
    return found, list(dict.fromkeys(reported))


def _entry(trigger: str, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "E", "enabled": True, "trigger": trigger, "condition": "", "actions": list(actions), **more}


def _notify(recipient_id: int | None, **more: Any) -> dict[str, Any]:
    target = "room" if recipient_id else "resources_owner"
    return {"kind": "notify", "enabled": True, "notify": {"target": target, "recipient_id": recipient_id}, **more}


def test_what_migration_9_made_of_rules_is_these_rules() -> None:
    people = _notify(None)
    made, reported = _rules([_entry("create", _notify(1), _notify(2, enabled=False), people), _entry("update", people)])
    assert set(made) == {
        Made(1, ("new",), None, True),
        Made(2, ("new",), None, False),
        Made(None, ALL, None, True),
    }
    assert reported == []


def test_an_entry_that_stops_the_run_excludes_those_behind_it() -> None:
    stop = _entry("create", _notify(1), condition="summary = 'x'", stop_processing=True)
    made, _ = _rules([stop, _entry("both", _notify(2))])
    assert set(made) == {
        Made(1, ("new",), 'summary.as_lower == "x"', True),
        Made(2, ("new",), 'not (summary.as_lower == "x")', True),
        Made(2, (*NOTES, "changed"), None, True),
    }


def test_behind_an_entry_that_cannot_be_expressed_and_may_stop_nothing_is_imported() -> None:
    made, reported = _rules(
        [_entry("create", _notify(1), condition="foo = 1", stop_processing=True), _entry("create", _notify(2))]
    )
    assert made == []
    assert len(reported) == 2
    made, reported = _rules([_entry("create", _notify(1), condition="foo = 1"), _entry("create", _notify(2)), "odd"])
    assert (made, len(reported)) == ([Made(2, ("new",), None, True)], 1)


def test_ways_that_meet_again_are_one_rule() -> None:
    made, _ = _rules(
        graph(
            {"id": "t", "kind": "trigger", "events": ["created"]},
            {"id": "a", "kind": "if", "condition": "summary = 'a'"},
            {"id": "b", "kind": "if", "condition": "summary = 'b'"},
            {"id": "n", "kind": "notify", "notify": {"channel": "webex_room", "recipient_id": 1}},
            edges=[("t", "out", "a"), ("a", "yes", "n"), ("a", "no", "b"), ("b", "yes", "n")],
        )
    )
    first, second = 'summary.as_lower == "a"', 'summary.as_lower == "b"'
    assert made == [Made(1, ("new",), f"({first}) or ((not ({first})) and ({second}))", True)]


def test_a_way_with_a_new_note_is_about_notes() -> None:
    made, _ = _rules(
        graph(
            {"id": "t", "kind": "trigger", "events": ["updated"], "condition": "newNote and summary = 'a'"},
            {"id": "n", "kind": "notify", "notify": {"channel": "resources_owner"}},
            edges=[("t", "out", "n")],
        )
    )
    assert [(each.events, each.recipient_id) for each in made] == [(NOTES, None)]


@pytest.mark.parametrize(
    ("node", "count", "why"),
    [
        ({"kind": "skip_notify"}, 0, "silences what follows"),
        ({"kind": "skip_notify", "enabled": False}, 1, ""),
        ({"kind": "set_owner"}, 1, "sets the owner"),
        ({"kind": "if", "condition": "foo = 1"}, 0, "cannot be expressed"),
        ({"kind": "if", "condition": "foo = 1", "enabled": False}, 0, ""),
        ({"kind": "notify", "notify": {"channel": "webex_room"}}, 1, "names no recipient"),
        ({"kind": "unknown"}, 1, ""),
    ],
)
def test_what_stands_between_decides_and_is_reported(node: dict[str, Any], count: int, why: str) -> None:
    made, reported = _rules(
        graph(
            {"id": "t", "kind": "trigger", "events": ["created"]},
            {"id": "x", **node},
            {"id": "n", "kind": "notify", "notify": {"channel": "webex_room", "recipient_id": 1}},
            edges=[("t", "out", "x"), ("x", "out", "n"), ("x", "yes", "n")],
        )
    )
    assert len(made) == count
    assert why in " ".join(reported)
    assert bool(reported) == bool(why)


def test_a_condition_behind_a_write_is_not_imported() -> None:
    made, reported = _rules(
        graph(
            {"id": "t", "kind": "trigger", "events": ["created"]},
            {"id": "w", "kind": "set_status"},
            {"id": "if", "kind": "if", "condition": "status/name = 'x'"},
            {"id": "n", "kind": "notify", "notify": {"channel": "webex_room", "recipient_id": 1}},
            edges=[("t", "out", "w"), ("w", "out", "if"), ("if", "yes", "n")],
        )
    )
    assert made == []
    assert reported[-1] == "if: it looks at what an action before it has changed, so what follows is not imported"


def test_a_disabled_trigger_or_workflow_makes_disabled_rules() -> None:
    nodes = [
        {"id": "t", "kind": "trigger", "events": ["created"]},
        {"id": "n", "kind": "notify", "notify": {"channel": "webex_room", "recipient_id": 1}},
    ]
    edges = [("t", "out", "n")]
    assert [each.enabled for each in _rules(graph(*nodes, edges=edges), enabled=False)[0]] == [False]
    nodes[0]["enabled"] = False
    assert [each.enabled for each in _rules(graph(*nodes, edges=edges))[0]] == [False]


def test_a_definition_of_an_unknown_shape_is_reported_and_a_maze_ends() -> None:
    assert _rules({"version": 3}) == ([], ["its definition is of an unknown shape"])
    ifs = [{"id": f"i{n}", "kind": "if", "condition": f"id = {n}"} for n in range(30)]
    edges = [(f"i{n}", port, f"i{n + 1}") for n in range(29) for port in ("yes", "no")]
    maze = graph({"id": "t", "kind": "trigger", "events": ["created"]}, *ifs, edges=[("t", "out", "i0"), *edges])
    assert "more than 200 ways" in _rules(maze)[1][-1]
