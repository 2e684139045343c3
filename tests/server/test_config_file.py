"""Export, plan and apply over HTTP (M2, M3)."""

from __future__ import annotations

import tomllib
from datetime import timedelta

import pytest

from tests.server.api_server import Api, problem
from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import forwards, messages, recipients, rules, tickets

FILE = """\
[configuration]
max_message_length = 500

[[rules]]
name = "Priority 1"
board = "Service Desk"
recipient = "Help Desk"
events = ["status", "new"]
condition = 'priority_sort <= 3 and company in ["Contoso"]'

[[rules]]
all_boards = true
assigned = true
dry_run = true
enabled = false

[[forwards]]
source = "ana.alvarez@msp.example"
destination = "Ben Bauer"
start = 2026-03-03
end = "2026-03-05T18:00"

[[quiet_hours]]
all_people = true
days = ["fri", "mon"]
from = "18:00"
to = "08:00"
urgent = 'priority_sort == 1'
"""


@pytest.fixture(autouse=True)
def _furnished(api: Api) -> None:
    api.board()
    api.recipient("Help Desk", room=True)
    api.recipient("Ana Alvarez")
    api.recipient("Ben Bauer")


def _apply(ana: client.Client, file: str, *, prune: bool = False) -> list[str]:
    version = ana.plan(file, prune=prune).version
    return [f"{each.action} {each.name}" for each in ana.apply(file, version, prune=prune).changes]


def test_a_file_is_applied_in_one_transaction_with_audit(api: Api, ana: client.Client) -> None:
    assert _apply(ana, FILE) == [
        "update configuration",
        "create Priority 1 (new, status)",
        "create all boards > the assigned people (new)",
        "create ana.alvarez@msp.example > ben.bauer@msp.example from 2026-03-03 until 2026-03-05T18:00:00+01:00",
        "create all people 18:00-08:00",
    ]
    first, second = ana.rules()
    assert (first.name, first.board_name, first.recipient_name) == ("Priority 1", "Service Desk", "Help Desk")
    assert (first.events, first.condition) == (["new", "status"], 'priority_sort <= 3 and company in ["Contoso"]')
    assert (second.board_id, second.target, second.dry_run, second.enabled) == (None, "assigned", True, False)
    assert [(each.start, each.end) for each in ana.forwards()] == [("2026-03-03", "2026-03-05T18:00:00+01:00")]
    assert ana.config().max_message_length == 500
    assert [f"{each.action} {each.object}" for each in ana.audit()] == [
        "update config",
        "create rule",
        "create rule",
        "create forward",
        "create quiet_hours",
    ]
    with db.session():
        assert messages.Message.select().count() == 1  # F8: Ana is told of her forward
    assert (ana.plan(FILE).changes, _apply(ana, FILE)) == ([], [])


def test_an_export_is_toml_by_name_with_ids_as_comments(api: Api, ana: client.Client, key: str) -> None:
    _apply(ana, FILE)
    response = api.request("GET", "/export", key=key)
    assert response.headers["Content-Type"] == "application/toml"
    board, room = ana.boards()[0].id, ana.recipients()[0].id
    assert (
        f"""
[[rules]]  # 1
name = "Priority 1"
board = "Service Desk"  # {board}
recipient = "Help Desk"  # {room}
events = ["new", "status"]
condition = 'priority_sort <= 3 and company in ["Contoso"]'

[[rules]]  # 2
all_boards = true
assigned = true
events = ["new"]
dry_run = true
enabled = false
"""
        in response.text
    )
    assert tomllib.loads(response.text)["configuration"]["attempt_notify"] is True


def test_an_export_applied_without_rules_exports_the_same(ana: client.Client) -> None:
    """M3."""
    _apply(ana, FILE)
    exported = ana.export()
    empty = "[configuration]\nmax_message_length = 300\n"
    assert len(_apply(ana, empty, prune=True)) == 5
    assert (ana.rules(), ana.forwards()) == ([], [])
    _apply(ana, exported)
    assert tomllib.loads(ana.export()) == tomllib.loads(exported)
    assert [line.partition("  #")[0] for line in ana.export().splitlines()] == [
        line.partition("  #")[0] for line in exported.splitlines()
    ]


def test_what_has_ended_is_not_exported_and_not_pruned(api: Api, ana: client.Client) -> None:
    """M3."""
    _apply(ana, FILE)
    exported = ana.export()
    api.clock.advance(30 * 86400)
    assert "forwards" not in tomllib.loads(ana.export())
    assert ana.plan(exported).changes == []
    assert ana.plan(ana.export(), prune=True).changes == []


def test_without_prune_nothing_is_deleted(ana: client.Client) -> None:
    _apply(ana, FILE)
    assert ana.plan("").changes == []
    plan = ana.plan("", prune=True)
    assert [(each.action, each.object, each.after) for each in plan.changes] == [
        ("delete", "rule", None),
        ("delete", "rule", None),
        ("delete", "forward", None),
        ("delete", "quiet hours", None),
    ]
    assert [each.trial is not None for each in plan.changes] == [True, True, False, False]


def test_a_rule_is_known_by_its_name_or_else_by_what_it_covers(ana: client.Client) -> None:
    """M3."""
    _apply(ana, FILE)
    changed = FILE.replace("priority_sort <= 3", "priority_sort <= 2").replace("dry_run = true\nenabled = false\n", "")
    plan = ana.plan(changed)
    assert [(each.action, each.name) for each in plan.changes] == [
        ("update", "Priority 1 (new, status)"),
        ("update", "all boards > the assigned people (new)"),
    ]
    assert all(each.trial for each in plan.changes)
    _apply(ana, changed)
    assert [(row.id, row.enabled) for row in ana.rules()] == [(1, True), (2, True)]
    renamed = changed.replace("Priority 1", "Urgent")
    assert _apply(ana, renamed) == ["update Urgent (new, status)"]


def test_rules_that_swap_their_conditions_are_no_twins(ana: client.Client) -> None:
    file = "".join(
        f"[[rules]]\nname = '{name}'\nall_boards = true\nassigned = true\ncondition = 'priority_sort == {number}'\n"
        for name, number in (("A", 1), ("B", 2))
    )
    _apply(ana, file)
    swapped = file.replace("== 1", "== 3").replace("== 2", "== 1").replace("== 3", "== 2")
    assert len(_apply(ana, swapped)) == 2
    assert [(row.name, row.condition) for row in ana.rules()] == [
        ("A", "priority_sort == 2"),
        ("B", "priority_sort == 1"),
    ]


def test_quiet_hours_are_changed_and_never_endless(ana: client.Client) -> None:
    """N4."""
    _apply(ana, FILE)
    first = ana.quiet_hours()
    assert [(row.days, row.timezone, row.urgent) for row in first] == [
        (["mon", "fri"], "Europe/Berlin", "priority_sort == 1")
    ]
    assert _apply(ana, FILE.replace("== 1", "<= 2")) == ["update all people 18:00-08:00"]
    week = '["mon", "tue", "wed", "thu", "fri", "sat", "sun"]'
    endless = FILE.replace('["fri", "mon"]', week).replace('"18:00"\nto = "08:00"', '"08:00"\nto = "08:00"')
    version = ana.plan(endless).version
    with pytest.raises(errors.InvalidInput, match="not valid"):
        ana.apply(endless, version)


SILENCES = """
[[silences]]
company = "Contoso"
until = 2026-03-09
comment = "Migration"

[[silences]]
rule = "Priority 1"
board = "Service Desk"
start = "2026-03-05T08:00"
until = "2026-03-05T18:00"
comment = "Patch day"

[[silences]]
rule = { all_boards = true, assigned = true, events = ["new"] }
until = 2026-03-09
comment = "Nobody"
"""


def test_silences_name_rules_that_the_same_file_creates(api: Api, ana: client.Client) -> None:
    """N3, M3."""
    file = FILE + SILENCES
    assert _apply(ana, file)[-3:] == [
        "create until 2026-03-09T23:00:00+00:00: Migration",
        "create until 2026-03-05T17:00:00+00:00: Patch day",
        "create until 2026-03-09T23:00:00+00:00: Nobody",
    ]
    assert [(row.rule_id, row.company, row.created_by) for row in ana.silences()] == [
        (None, "Contoso", "ana@example.com"),
        (1, None, "ana@example.com"),
        (2, None, "ana@example.com"),
    ]
    assert ana.plan(file).changes == []
    exported = ana.export()
    assert 'rule = { all_boards = true, assigned = true, events = ["new"] }  # 2\n' in exported
    for rule in ana.rules():
        ana.delete_rule(rule.id)
    for silence in ana.silences():
        ana.delete_silence(silence.id)
    assert "silences" not in tomllib.loads(ana.export())
    _apply(ana, exported)
    assert [line.partition("  #")[0] for line in ana.export().splitlines()] == [
        line.partition("  #")[0] for line in exported.splitlines()
    ]
    longer = exported.replace("2026-03-09T23:00", "2026-03-10T23:00")
    assert [change.action for change in ana.plan(longer).changes] == ["update", "update"]
    assert len([change for change in ana.plan(FILE, prune=True).changes if change.action == "delete"]) == 3
    api.clock.advance(30 * 86400)
    assert ana.plan(exported).changes == []


def test_a_silence_that_is_over_is_not_created_and_an_unknown_rule_is_named(ana: client.Client) -> None:
    over = FILE + SILENCES.replace("2026-03", "2020-03")
    assert [change.object for change in ana.plan(over).changes].count("silence") == 0
    for wrong in ('rule = "Priority 2"', "rule = 7", 'start = "2026-04-01"\nticket_id = 7', ""):
        with pytest.raises(errors.InvalidInput):
            ana.plan(FILE + f'[[silences]]\n{wrong}\nuntil = 2026-03-09\ncomment = "x"\n')


def test_a_silence_that_is_over_in_the_file_is_left_as_it_is_on_the_server(api: Api, ana: client.Client) -> None:
    """M2: whoever ended or extended it meanwhile knew better."""
    until = (api.clock.now() + timedelta(hours=1)).isoformat()
    ended, extended = (ana.create_silence(recipient_id=api.recipient(name), until=until, comment="x") for name in "AB")
    exported = ana.export()
    ana.delete_silence(ended.id)
    later = (api.clock.now() + timedelta(days=1)).isoformat()
    ana.update_silence(extended.id, until=later)
    api.clock.advance(2 * 3600)
    assert ana.plan(exported).changes == []
    _apply(ana, exported, prune=True)
    assert [row.state for row in ana.silences()] == ["ended", "active"]


def test_a_silence_that_is_over_leaves_the_stored_one_to_an_entry_that_is_not(api: Api, ana: client.Client) -> None:
    """M2: both silence the same, with the same comment."""
    ben = next(row.id for row in ana.recipients() if row.name == "Ben Bauer")
    ana.create_silence(recipient_id=ben, until="2026-03-02T12:00", comment="Move")
    over = ana.export()
    entry = over[over.index("[[silences]]") :]
    ana.update_silence(ana.silences()[0].id, until="2026-03-02T20:00")
    api.clock.advance(6 * 3600)
    longer = entry.replace('until = "2026-03-02T', 'until = "2026-03-03T')
    assert _apply(ana, f"{over}\n{longer}") == ["update until 2026-03-03T11:00:00+00:00: Move"]


def test_twins_and_cycles_are_refused_and_change_nothing(ana: client.Client) -> None:
    twin = FILE + "[[rules]]\nname = 'again'\nall_boards = true\nassigned = true\n"
    cycle = FILE + '[[forwards]]\nsource = "Ben Bauer"\ndestination = "Ana Alvarez"\n'
    for file, what in ((twin, "There is a rule"), (cycle, "would create a cycle")):
        version = ana.plan(file).version
        with pytest.raises(errors.Conflict, match=what):
            ana.apply(file, version)
    assert (ana.rules(), ana.forwards(), ana.audit()) == ([], [], [])


def test_a_stale_plan_is_refused(ana: client.Client) -> None:
    version = ana.plan(FILE).version
    ana.update_config({"retention_days": 30})
    with pytest.raises(errors.Conflict, match="changed since this plan"):
        ana.apply(FILE, version)
    assert ana.rules() == []


def test_a_renamed_room_makes_a_plan_stale(ana: client.Client) -> None:
    _apply(ana, FILE)
    version = ana.plan(FILE).version
    with db.transaction("test"):
        recipients.Recipient.update(name="Other").where(recipients.Recipient.name == "Help Desk").execute()
    with pytest.raises(errors.Conflict):
        ana.apply(FILE, version)


def test_what_shares_a_name_is_named_by_name_and_id(api: Api, ana: client.Client) -> None:
    """M3."""
    first = ana.boards()[0].id
    second = api.board("service desk")
    rule = "[[rules]]\nassigned = true\nboard = {}\n"
    with pytest.raises(errors.InvalidInput) as wrong:
        ana.plan(rule.format('"Service Desk"'))
    assert f"{first}, {second}" in wrong.value.errors[0].message
    _apply(ana, rule.format(f'{{ name = "service desk", id = {second} }}'))
    assert ana.rules()[0].board_id == second
    assert f'board = {{ name = "service desk", id = {second} }}' in ana.export()


@pytest.mark.parametrize(
    ("file", "field"),
    [
        ("[[rules]]\n", "rule 1: board"),
        ('[[rules]]\nboard = "Service Desk"\nall_boards = true\nassigned = true\n', "rule 1: board"),
        ("[[rules]]\nall_boards = true\nassigned = false\n", "rule 1: recipient"),
        ("[[rules]]\nboard_id = 7\nassigned = true\n", "rule 1: board"),
        ('[[rules]]\nboard = "Service Dsk"\nassigned = true\n', "rule 1: board"),
        ('[[rules]]\nboard = {name = "x", id = 1}\nassigned = true\n', "rule 1: board"),
        ("[[rules]]\nboard = 7\nassigned = true\n", "rule 1: board"),
        ("[[rules]]\nall_boards = true\nassigned = true\ncondition = 'prio == 3'\n", "rule 1: condition"),
        ("[[rules]]\nall_boards = true\nassigned = true\nevent = ['new']\n", "rule 1: event"),
        ('[[forwards]]\nsource = "Ana Alvarez"\n', "forward 1: destination"),
        ('[[forwards]]\nsource = "Ana Alvarez"\ndestination = "Ana Alvarez"\n', "forward 1: destination"),
        ("[configuration]\nmax_message_length = 1\n", "configuration: max_message_length"),
        ("[configuration]\ncatch_up_interval = 5\n", "configuration: catch_up_interval"),
        ("[configuration]\nattempt_notify = 'none'\n", "configuration: attempt_notify"),
        ("[configuration]\nalert_url = 'https://example.com'\n", "configuration: alert_url"),
        ("configuration = 3\n", "configuration: "),
        ("rules = 3\n", "rules"),
        ("[[rule]]\n", "rule"),
    ],
)
def test_everything_wrong_with_a_file_is_named(ana: client.Client, file: str, field: str) -> None:
    with pytest.raises(errors.InvalidInput) as wrong:
        ana.plan(file)
    assert field in [each.field for each in wrong.value.errors]


@pytest.mark.parametrize("body", [b"[[rules", b"\xff", b"a = " + b"[" * 5000])
def test_what_is_not_toml_is_unreadable(api: Api, key: str, body: bytes) -> None:
    response = api.request("POST", "/plan", key=key, data=body)
    assert response.status_code == 400
    assert "TOML" in problem(response)["detail"] or "UTF-8" in problem(response)["detail"]


def test_turning_notifications_off_skips_what_waits(api: Api, ana: client.Client) -> None:
    """D1."""
    notification = api.notification(1, "pending")
    _apply(ana, "[configuration]\nattempt_notify = false\n")
    assert ana.notification(notification).state == "skipped"


def test_a_rule_on_a_deleted_board_stays_and_can_be_changed(api: Api, ana: client.Client) -> None:
    _apply(ana, FILE)
    with db.transaction("test"):
        tickets.Board.update(deleted_at=api.clock.now()).execute()
        assert (rules.Rule.select().count(), forwards.Forward.select().count()) == (2, 1)
    assert _apply(ana, FILE.replace("<= 3", "<= 4")) == ["update Priority 1 (new, status)"]
