"""What the keys do to rows: the same for every tab that has the action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from ticketbot import errors
from ticketbot.api import calm_responses, client, requests, responses, trial_responses
from ticketbot.present import entities, explain, forms, name_filter, trials, words
from ticketbot.tui import dialogs, form_dialog
from ticketbot.tui.tab import Row, Tab

Call = Callable[[client.Client], Any]
Values = Mapping[str, Any]

BACKTEST_DAYS = 7


def details(tab: Tab, row: Row) -> None:
    """Show everything that is known of a row."""
    tab.show(tab.entity.named(row), entries(tab, row), row)


def entries(tab: Tab, row: Row) -> list[dialogs.Entry]:
    """Return everything that is known of a row, and what it means."""
    lines = []
    for label, value in entities.known(row):
        lines.append((label, tab.app.moment(value) if isinstance(value, datetime) else words.value(value)))
    meaning = tab.entity.meaning(row)
    return [*lines, ("", ""), ("", meaning)] if meaning else lines


def copy(tab: Tab, row: Row) -> None:
    """Copy the main value of a row."""
    value = str(tab.entity.main(row))
    tab.app.copy(value)
    tab.app.say(f"Copied: {value}")


def delete(tab: Tab, row: Row) -> None:
    """Delete a row after confirmation."""
    named = tab.entity.named(row, with_dependents=True)
    ask, done = tab.entity.removal
    call = _method(f"delete_{tab.entity.method}", row.id)
    tab.ask(f"{ask} {named}?", lambda: tab.app.call(call, lambda _: tab.done(f"{done}: {named}.")))


def toggle(tab: Tab, row: Row) -> None:
    """Enable or disable a row."""
    word = "Disabled" if row.enabled else "Enabled"
    work = _method(f"update_{tab.entity.method}", row.id, enabled=not row.enabled)
    tab.change(work, f"{word}: {tab.entity.title(row)}.")


def retry(tab: Tab, row: Row) -> None:
    """Retry what is dead."""
    tab.change(_method(f"retry_{tab.entity.method}", row.id), f"Retrying: {tab.entity.named(row)}.")


def add(form: forms.Form) -> Callable[[Tab], None]:
    """Return the action that fills in a form and adds what it describes."""

    def act(tab: Tab) -> None:
        create = f"create_{tab.entity.method}"
        _fill_in(tab, form, lambda values: _method(create, **values), partial(_saved, tab, "Added"))

    return act


def change(form: forms.Form) -> Callable[[Tab, Row], None]:
    """Return the action that fills in a form with a row, and changes it."""

    def act(tab: Tab, row: Row) -> None:
        title = f"Change {tab.entity.named(row)}"
        update = f"update_{tab.entity.method}"
        save = partial(_saved, tab, "Changed")
        work = partial(_method, update, row.id)
        _fill_in(tab, form, lambda values: work(**values), save, row=row, title=title)

    return act


def try_rule(tab: Tab, row: Row, values: Values) -> None:
    """Ask for a ticket and an event, and show what the rule of a form would do; `row` is the stored rule, if any."""
    rule = {"rule_id": row and row.id, "rule": requests.NewRule(**values)}

    def show(trial: trial_responses.Trial) -> None:
        said = [("-", sentence) for sentence in trials.sentences(trial)]
        tab.app.open(dialogs.message(f"If {trial.event} happened to ticket {trial.ticket_id} now", said, {}))

    _fill_in(tab, forms.TRY_RULE, lambda tried: _method("try_rule", **tried, **rule), show)


def backtest(tab: Tab, row: Row, values: Values) -> None:
    """Show what the rule of a form would have done in the last days."""

    def show(found: trial_responses.Backtest) -> None:
        lines = [("", sentence) for sentence in trials.summary(found, tab.app.moment)]
        counts = [(each.recipient_name, f"{each.decided} → {each.proposed}") for each in found.by_recipient]
        samples = [(f"#{each.ticket_id}", f"{each.event}: {each.reason}") for each in found.samples]
        tab.app.open(dialogs.message(title, [*lines, ("", ""), *counts, ("", ""), *samples], {}))

    if tab.entity.singular == "silence":
        _preview_silence(tab, values)
        return
    title = f"Backtest of the last {words.count(BACKTEST_DAYS, 'day')}"
    tab.app.say("Deciding again …")
    rule = requests.NewRule(**values)
    tab.app.call(_method("backtest", BACKTEST_DAYS, rule_id=row and row.id, rule=rule), show)


def preview_silence(tab: Tab, row: Row) -> None:
    """Show what a stored silence would have matched."""
    _preview_silence(tab, {name: getattr(row, name) for name in requests.SilencePreview.__struct_fields__[:5]})


def _preview_silence(tab: Tab, values: Values) -> None:
    def show(found: calm_responses.SilencePreview) -> None:
        lines = [("", sentence) for sentence in trials.matched(found)]
        counts = [(each.recipient_name, str(each.matched)) for each in found.by_recipient]
        samples = [(f"#{each.ticket_id}", f"{each.event} for {each.recipient_name}") for each in found.samples]
        tab.app.open(dialogs.message("Preview", [*lines, ("", ""), *counts, ("", ""), *samples], {}))

    tab.app.say("Deciding again …")
    named = {name: value for name, value in values.items() if name not in ("start", "until", "comment")}
    tab.app.call(_method("preview_silence", **named), show)


_TRIALS = {"try": try_rule, "backtest": backtest}


def add_key(tab: Tab) -> None:
    """Create an API key for a user, and show it this once."""

    def show(created: responses.CreatedKey) -> None:
        tab.done(f"Added: key {created.id}.", select=created.id)
        tab.app.open(dialogs.secret(created.key, partial(tab.app.copy, created.key)))

    _fill_in(tab, forms.NEW_KEY, lambda values: _method("create_key", **values), show)


def start_sync(tab: Tab) -> None:
    """Fill in a form and start a sync."""
    _fill_in(tab, forms.NEW_SYNC, lambda values: _method("start_sync", **values), partial(_saved, tab, "Started"))


def _saved(tab: Tab, verb: str, row: Row) -> None:
    tab.table.put(row)
    tab.table.select(row.id)
    tab.done(f"{verb}: {tab.entity.named(row)}.", select=row.id)


def cancel_sync(tab: Tab) -> None:
    """Cancel the running sync after confirmation."""
    question = f"Cancel the running sync {tab.running.id}?\nWhat it has stored so far is kept."
    tab.ask(question, lambda: tab.change(_method("cancel_sync"), "Canceling the sync."))


def turn_only_dead(tab: Tab) -> None:
    """Show dead rows only, or all again."""
    tab.only_dead = not tab.only_dead
    tab.done("Showing dead ones only. Press D to show all." if tab.only_dead else "Showing all.")


def retry_all(tab: Tab) -> None:
    """Retry everything that died within the last 24 hours, after a question that says how much that is."""

    def ask(dead: responses.RetryResult) -> None:
        amount = explain.amount(dead)
        if amount:
            work = partial(tab.app.call, _method("retry_dead"), done)
            tab.ask(f"Retry {amount} that died within the last 24 hours?", work)
        else:
            tab.app.say("Nothing died within the last 24 hours.")

    def done(retried: responses.RetryResult) -> None:
        tab.done(f"Retrying {explain.amount(retried) or 'nothing: all were retried in the meantime'}.")

    tab.app.call(_method("retry_dead", dry_run=True), ask)


def test(prefix: str) -> Callable[[Tab, Row], None]:
    """Return the action that sends a test message to the recipient of a row, whose fields start with `prefix`."""

    def send(tab: Tab, row: Row) -> None:
        sent = f"Sent a test message to {getattr(row, f'{prefix}name')}."
        tab.app.call(_method("test_recipient", getattr(row, f"{prefix}id")), lambda _: tab.app.say(sent))

    return send


def preview(tab: Tab, row: Row) -> None:
    """Show who gets the source's notifications now."""

    def show(found: responses.Preview) -> None:
        chains = [("-", " > ".join(each.chain)) for each in found.deliveries]
        intro = f"On {tab.app.moment(found.at)}, notifications for {found.recipient_name} go to:"
        tab.show("Preview", [("", intro), ("", ""), *chains], row, "preview")

    tab.app.call(_method("preview", row.source_id), show)


def story(ticket_id: str) -> Callable[[Tab, Row], None]:
    """Return the action that shows what happened to the ticket whose number is in a field of the row."""
    return lambda tab, row: tab.app.call(_method("explain", getattr(row, ticket_id)), partial(_show_story, tab, row))


def go_to_ticket(tab: Tab) -> None:
    """Ask for the number of a ticket, and show its story."""
    _fill_in(tab, forms.GO_TO_TICKET, lambda values: _method("explain", **values), partial(_show_story, tab, None))


def _show_story(tab: Tab, row: Row, explanation: responses.Explanation) -> None:
    """Show what happened to a ticket, and why; first what became of the notification `row`, if it is one."""
    style = explain.Style(
        moment=tab.app.moment,
        retry_notification="to retry it, select {id} in Notifications and press R",
        retry_event="To retry, select it in Events and press R",
    )
    lines: list[dialogs.Entry] = []
    if isinstance(row, responses.Notification):
        row = next((each for each in explanation.notifications if each.id == row.id), row)  # its current state
        lines += [("", explain.delivery_text(row, style._replace(retry_notification="press R to retry"))), ("", "")]
    if explanation.ticket:
        lines += [("", explain.ticket_text(explanation.ticket)), ("", "")]
    for section in explain.sections(explanation, style):
        for mark, said in explain.lines(section):
            lines += [(mark.strip(), said) if mark.strip() else (said, "")]
        lines += [("", "")]
    summary = f": {explanation.ticket.summary}" if explanation.ticket else ""
    tab.show(f"Ticket {explanation.ticket_id}{summary}", lines[:-1], row, "why")


def _method(name: str, /, *arguments: Any, **named: Any) -> Call:
    """Return a call of a method of the client."""
    return lambda api: getattr(api, name)(*arguments, **named)


def _fill_in(
    tab: Tab,
    form: forms.Form,
    work: Callable[[Values], Call],
    done: Callable[[Any], None],
    *,
    row: Row = None,
    title: str = "",
) -> None:
    """Open a form; save it with `work`, or show what is wrong and leave it open."""

    def save(values: Values) -> None:
        tab.app.call(work(values), saved, failed)

    def saved(row: Row) -> None:
        dialog.close()
        done(row)

    def failed(error: errors.TicketbotError) -> None:
        if not dialog.refuse(error):
            tab.app.show_error(error)

    others = {action: partial(do, tab, row) for action, do in _TRIALS.items() if action in form.trials}
    dialog = form_dialog.FormDialog(form, save, others, row=row, title=title)
    tab.app.open(dialog)
    for plural, null in {field.choose_from: field.null for field in form.fields if field.choose_from}.items():
        _load_choices(tab, dialog, plural, null)
    if any(field.kind == "condition" for field in form.fields):
        tab.app.call(
            lambda api: msgspec.structs.asdict(api.condition_values()), dialog.fill_conditions, lambda _: None
        )  # without them, only fields are completed


def _load_choices(tab: Tab, dialog: form_dialog.FormDialog, plural: str, null: str) -> None:
    entity = entities.BY_PLURAL[plural]
    nulls = [(forms.NULL, null)] if null else []

    def read(api: client.Client) -> name_filter.Options:
        return name_filter.Options([*nulls, *entity.choices(getattr(api, entity.list_method)())])

    def failed(error: errors.TicketbotError) -> None:
        dialog.fill(plural, name_filter.Options([]), f"{error}. Press Esc, then N to retry.")

    tab.app.call(read, lambda options: dialog.fill(plural, options, f"{entity.empty}."), failed)
