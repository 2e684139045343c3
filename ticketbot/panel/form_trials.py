"""What a rule or a silence would do, before it is saved (R6, N3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ticketbot import errors
from ticketbot.api import requests
from ticketbot.panel import form_values, tables
from ticketbot.panel.visit import Visit
from ticketbot.present import entities, forms, trials, words

BACKTEST_DAYS = 7


class Found(NamedTuple):
    """The outcome of a trial: sentences, and tables with their titles."""

    title: str
    sentences: list[str]
    tables: list[tuple[str, tables.Table]]


def fields(here: Visit, form: forms.Form) -> list[form_values.Shown]:
    """Return the fields that a trial on a ticket needs, with what stood in them."""
    if "try" not in form.trials:
        return []
    texts = form_values.posted(forms.TRY_RULE)
    texts = texts if any(texts.values()) else form_values.initial(here, forms.TRY_RULE)
    return form_values.shown(here, forms.TRY_RULE, texts, ())


def run(here: Visit, plural: str, wanted: str, values: dict[str, Any], number: str) -> Found:
    """Try what a form describes, in place of the stored row `number` if it is one. Raises `InvalidInput`."""
    if plural == "silences":
        return _silence(here, values)
    rule: dict[str, Any] = {"rule": requests.NewRule(**values), "rule_id": int(number) if number else None}
    return _ticket(here, rule) if wanted == "try" else _days(here, rule)


def _ticket(here: Visit, rule: dict[str, Any]) -> Found:
    tried, wrong = form_values.read(here, forms.TRY_RULE, form_values.posted(forms.TRY_RULE))
    if wrong := [*wrong, *forms.problems(forms.TRY_RULE, tried)]:
        raise errors.InvalidInput("The form is not valid", [each._replace(field="") for each in wrong])
    found = here.run("try_rule", body=requests.TryRequest(**forms.read(forms.TRY_RULE, tried), **rule))
    title = f"If {found.event} happened to ticket {found.ticket_id} now"
    return Found(title, list(trials.sentences(found)), [])


def _days(here: Visit, rule: dict[str, Any]) -> Found:
    found = here.run("run_backtest", body=requests.BacktestRequest(days=BACKTEST_DAYS, **rule))
    return Found(
        f"Backtest of the last {words.count(BACKTEST_DAYS, 'day')}",
        list(trials.summary(found, here.moment)),
        _tables(
            here,
            ("By recipient", trials.BY_RECIPIENT, found.by_recipient),
            ("By day", trials.BY_DAY, found.by_day),
            ("What would change", trials.SAMPLES, found.samples),
        ),
    )


def _silence(here: Visit, values: dict[str, Any]) -> Found:
    named = {name: value for name, value in values.items() if name not in ("start", "until", "comment")}
    found = here.run("preview_silence", body=requests.SilencePreview(**named))
    return Found(
        "Preview",
        list(trials.matched(found)),
        _tables(
            here,
            ("By recipient", trials.MATCHED, found.by_recipient),
            ("The last of them", trials.MATCHED_SAMPLES, found.samples),
        ),
    )


def _tables(
    here: Visit, *parts: tuple[str, Sequence[entities.Column], Iterable[Any]]
) -> list[tuple[str, tables.Table]]:
    made = ((title, tables.plain(columns, rows, here.moment)) for title, columns, rows in parts)
    return [(title, table) for title, table in made if table.rows]
