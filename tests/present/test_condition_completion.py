"""What a condition can go on with."""

from __future__ import annotations

import pytest

from ticketbot.present import condition_completion

VALUES = {"company": ["Contoso", "Fabrikam", 'The "Best"'], "status": ["New"], "owner": ["ana"]}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("comp", ["company", "company_id"]),
        ("closed and old.stat", ["closed and old.status"]),
        ("not (pri", ["not (priority", "not (priority_sort"]),
        ('company == "con', ['company == "Contoso"']),
        ('company != "', ['company != "Contoso"', 'company != "Fabrikam"']),
        ('company in ["Contoso", "fa', ['company in ["Contoso", "Fabrikam"']),
        ('company not in ["', ['company not in ["Contoso"', 'company not in ["Fabrikam"']),
        ('old.status == "', ['old.status == "New"']),
        ('note.author == "a', ['note.author == "ana"']),
        ('weekday in ["s', ['weekday in ["sat"', 'weekday in ["sun"']),
        ('company == "Contoso"', []),
        ('"printer in summ', []),
        ('summary == "x', []),
        ("priority_sort <= 3", []),
    ],
)
def test_a_begun_field_or_value_is_completed(condition: str, expected: list[str]) -> None:
    """R4"""
    assert condition_completion.continued(condition, lambda: VALUES) == expected


def test_values_are_asked_for_only_when_one_was_begun() -> None:
    def values() -> condition_completion.Values:
        raise AssertionError

    assert condition_completion.continued("stat", values) == ["status"]
