"""The table of keys says everything once, and it is what the keys do."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.tui.pilot import Pilot
from ticketbot.tui import keymap, tabs


def duplicates() -> list[tuple[str, str]]:
    """Return the keys that have two meanings in one place; those of lists work in each tab, some everywhere."""
    counted = Counter((row.where, key) for row in keymap.TABLE for key in row.keys)
    shadowed = [at for at in counted if at[0] != "anywhere" and ("anywhere", at[1]) in counted]
    shadowed += [at for at in counted if at[0] in keymap.TABS and ("list", at[1]) in counted]
    return [at for at, count in counted.items() if count > 1] + shadowed


def test_no_key_means_two_things_in_one_place() -> None:
    assert duplicates() == []


def test_a_key_that_means_two_things_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = keymap.Key("list", "nonsense", ("n", "ctrl c"), "N", "", "Nonsense")
    hidden = keymap.Key("forwards", "nonsense", ("x",), "X", "", "Nonsense")
    monkeypatch.setattr(keymap, "TABLE", (*keymap.TABLE, twice, hidden))
    assert duplicates() == [("list", "n"), ("list", "ctrl c"), ("forwards", "x")]


@pytest.mark.parametrize("key", ["n", "N"])
def test_letters_work_in_either_case(pilot: Pilot, key: str) -> None:
    assert "New rule" in pilot.press(key).screen


def test_j_and_k_move_the_selection_in_either_case(pilot: Pilot) -> None:
    seen = [pilot.press(key).view.tab.table.selected.id for key in "jJkK"]
    assert seen == [2, 3, 2, 1]


def test_c_is_change_in_forwards_and_cancel_in_sync() -> None:
    assert [keymap.action(where, "c") for where in ("forwards", "sync", "list")] == ["change", "cancel sync", None]


def test_every_action_of_a_tab_has_a_key_where_the_tab_is() -> None:
    for tab in tabs.ALL:
        reachable = {row.action for row in keymap.TABLE if row.where in ("list", tab.where)}
        assert {*tab.actions, *tab.row_actions, *filter(None, [tab.key])} <= reachable


def test_the_footer_shows_what_works_now(pilot: Pilot) -> None:
    for shown in ("N new", "X delete", "E on/off", "T test", "Enter details", "? help", "Ctrl+C quit"):
        assert shown in pilot.footer
    assert pilot.footer.count("C change") == 1
    for hidden in ("P preview", "R retry", "Y yes, do it"):
        assert hidden not in pilot.footer
    assert "Enter details" not in pilot.press("/", *"zzz", "enter").footer


@pytest.mark.parametrize(
    ("keys", "shown", "hidden"),
    [
        (["x"], "Y yes, do it", "N new"),
        (["?"], "Esc close", "N new"),
        (["enter"], "E on/off", "N new"),
        (["/"], "Enter keep", "N new"),
        (["tab", "enter"], "P preview", "N new"),
    ],
)
def test_the_footer_of_a_dialog_shows_what_works_in_it(pilot: Pilot, keys: list[str], shown: str, hidden: str) -> None:
    pilot.press(*keys)
    assert shown in pilot.footer
    assert hidden not in pilot.footer
