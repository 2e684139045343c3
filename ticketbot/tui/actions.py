"""What the keys do to rows: the same for every tab that has the action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ticketbot import errors
from ticketbot.api import client, responses
from ticketbot.present import entities, explain, forms, words
from ticketbot.tui import dialogs, fields, form_dialog
from ticketbot.tui.tab import Row, Tab

Entries = list[dialogs.Entry]


def details(tab: Tab, row: Row) -> None:
    """Show everything that is known of a row."""
    named = tab.entity.named(row)
    tab.show(named[0].upper() + named[1:], entries(tab, row), row)


def entries(tab: Tab, row: Row) -> Entries:
    """Return everything that is known of a row, and what it means."""

    def shown(value: object) -> str:
        return tab.context.moment(value) if hasattr(value, "astimezone") else words.value(value)  # type: ignore[arg-type]

    known = [(label, shown(value)) for label, value in entities.known(row)]
    meaning = tab.entity.meaning(row)
    return [*known, *([("", ""), ("", meaning)] if meaning else [])]


def copy(tab: Tab, row: Row) -> None:
    """Copy the main value of a row."""
    value = str(tab.entity.main(row))
    tab.context.copy(value)
    tab.context.say(f"Copied: {value}")


def delete(tab: Tab, row: Row) -> None:
    """Delete a row after confirmation."""
    named = tab.entity.named(row)

    def deleted(_: None) -> None:
        tab.table.drop(row.id)
        tab.done(f"Deleted: {named}.")

    work = _method(f"delete_{tab.entity.singular}", row.id)
    tab.ask(f"Delete {named}?", lambda: tab.context.call(work, deleted))


def toggle(tab: Tab, row: Row) -> None:
    """Enable or disable a row."""
    word = "Disabled" if row.enabled else "Enabled"
    work = _method(f"update_{tab.entity.singular}", row.id, enabled=not row.enabled)
    tab.change(work, f"{word}: {tab.entity.title(row)}.")


def add(form: forms.Form, then: Callable[[Tab, Row], None] | None = None) -> Callable[[Tab], None]:
    """Return the action that fills in a form and adds what it describes."""

    def create(tab: Tab) -> None:
        def save(dialog: form_dialog.FormDialog, values: Mapping[str, Any]) -> None:
            tab.save(dialog, _method(f"create_{tab.entity.singular}", **values), partial(_added, tab, then))

        _open_form(tab, form, save)

    return create


def _added(tab: Tab, then: Callable[[Tab, Row], None] | None, row: Row) -> None:
    if then is None:
        tab.table.put(row)
        tab.table.select(row.id)
    tab.done(f"Added: {tab.entity.title(row)}.", select=row.id)
    if then:
        then(tab, row)


def change_forward(tab: Tab, row: Row) -> None:
    """Fill in a form with a forward, and change it."""

    def save(dialog: form_dialog.FormDialog, values: Mapping[str, Any]) -> None:
        tab.save(dialog, lambda api: api.update_forward(row.id, **values), changed)

    def changed(forward: responses.Forward) -> None:
        tab.table.put(forward)
        tab.done(f"Changed: {tab.entity.title(forward)}.")

    _open_form(tab, forms.CHANGE_FORWARD, save, row, f"Change {tab.entity.named(row)}")


def start_sync(tab: Tab) -> None:
    """Fill in a form and start a sync."""

    def save(dialog: form_dialog.FormDialog, values: Mapping[str, Any]) -> None:
        chosen = {**values, "board_ids": values["board_ids"] if values["tickets"] else []}
        tab.save(dialog, lambda api: api.start_sync(**chosen), started)

    def started(run: responses.SyncRun) -> None:
        tab.table.put(run)
        tab.done(f"Started: sync {run.id}.", select=run.id)

    _open_form(tab, forms.NEW_SYNC, save)


def cancel_sync(tab: Tab) -> None:
    """Cancel the running sync after confirmation."""
    question = f"Cancel the running sync {tab.running.id}?\nWhat it has stored so far is kept."
    tab.ask(question, lambda: tab.change(client.Client.cancel_sync, "Canceling the sync."))


def show_key(tab: Tab, created: responses.CreatedKey) -> None:
    """Show a new API key, this once."""
    dialog = dialogs.secret(created.key, lambda: tab.context.copy(created.key), lambda: tab.context.close(dialog))
    tab.context.open(dialog)


def retry(tab: Tab, row: Row) -> None:
    """Retry what is dead."""
    tab.change(_method(f"retry_{tab.entity.singular}", row.id), f"Retrying: {tab.entity.named(row)}.")


def turn_only_dead(tab: Tab) -> None:
    """Show dead rows only, or all again."""
    tab.only_dead = not tab.only_dead
    tab.done("Showing dead ones only. Press D to show all." if tab.only_dead else "Showing all.")


def retry_all(tab: Tab) -> None:
    """Retry everything that died within the last 24 hours, after a question that says how much that is."""

    def count(dead: responses.RetryResult) -> None:
        amount = explain.amount(dead)
        if amount:
            tab.ask(f"Retry {amount} that died within the last 24 hours?", lambda: tab.context.call(retry_dead, done))
        else:
            tab.context.say("Nothing died within the last 24 hours.")

    def retry_dead(api: client.Client) -> responses.RetryResult:
        return api.retry_dead()

    def done(retried: responses.RetryResult) -> None:
        tab.done(f"Retrying {explain.amount(retried) or 'nothing: all were retried in the meantime'}.")

    tab.context.call(lambda api: api.retry_dead(dry_run=True), count)


def test(recipient: Callable[[Row], tuple[int, str]]) -> Callable[[Tab, Row], None]:
    """Return the action that sends a test message to the recipient of a row."""

    def send(tab: Tab, row: Row) -> None:
        recipient_id, name = recipient(row)
        sent = f"Sent a test message to {name}."
        tab.context.call(lambda api: api.test_recipient(recipient_id), lambda _: tab.context.say(sent))

    return send


def preview(tab: Tab, row: Row) -> None:
    """Show who gets the source's notifications now."""

    def show(found: responses.Preview) -> None:
        chains: Entries = [("-", " > ".join(each.chain)) for each in found.deliveries]
        intro = f"On {tab.context.moment(found.at)}, notifications for {found.recipient_name} go to:"
        tab.show("Preview", [("", intro), ("", ""), *chains], row, "preview")

    tab.context.call(lambda api: api.preview(row.source_id), show)


def story_of_row(ticket_id: Callable[[Row], int]) -> Callable[[Tab, Row], None]:
    """Return the action that tells the story of the ticket of a row."""
    return lambda tab, row: story(tab, ticket_id(row), row)


def go_to_ticket(tab: Tab) -> None:
    """Ask for the number of a ticket, and tell its story."""

    def show(dialog: form_dialog.FormDialog, values: Mapping[str, Any]) -> None:
        def found(explanation: responses.Explanation) -> None:
            _show_story(tab, None, explanation)

        tab.save(dialog, lambda api: api.explain(values["ticket_id"]), found)

    _open_form(tab, forms.GO_TO_TICKET, show)


def story(tab: Tab, ticket_id: int, row: Row) -> None:
    """Show what happened to a ticket, and why; first what became of the notification `row`, if it is one."""
    tab.context.call(lambda api: api.explain(ticket_id), partial(_show_story, tab, row))


def _show_story(tab: Tab, row: Row, explanation: responses.Explanation) -> None:
    style = explain.Style(
        moment=tab.context.moment,
        retry_notification="to retry it, select {id} in Notifications and press R",
        retry_event="To retry, select it in Events and press R",
    )
    lines: Entries = []
    if isinstance(row, responses.Notification):
        row = next((each for each in explanation.notifications if each.id == row.id), row)  # its current state
        lines += [("", explain.delivery_text(row, style._replace(retry_notification="press R to retry"))), ("", "")]
    if explanation.ticket:
        lines += [("", explain.ticket_text(explanation.ticket)), ("", "")]
    for section in explain.sections(explanation, style):
        lines += [(section.heading, "")]
        for topic in section.topics:
            lines += [(topic.title, "")] if topic.title else []
            lines += [("-", sentence) for sentence in topic.sentences]
        lines += [("", "")]
    summary = f": {explanation.ticket.summary}" if explanation.ticket else ""
    tab.show(f"Ticket {explanation.ticket_id}{summary}", lines or [("", "Nothing is known of it.")], row, "why")


def _method(name: str, *arguments: Any, **named: Any) -> Callable[[client.Client], Any]:
    return lambda api: getattr(api, name)(*arguments, **named)


def _open_form(
    tab: Tab,
    form: forms.Form,
    save: Callable[[form_dialog.FormDialog, Mapping[str, Any]], None],
    row: Row = None,
    title: str = "",
) -> None:
    """Open a form, and load what its fields choose from."""
    dialog = form_dialog.FormDialog(form, save, lambda: tab.context.close(dialog), row=row, title=title)
    tab.context.open(dialog)
    for plural in {field.choose_from for field in form.fields if field.choose_from}:
        _load_choices(tab, dialog, plural)


def _load_choices(tab: Tab, dialog: form_dialog.FormDialog, plural: str) -> None:
    entity = entities.BY_PLURAL[plural]

    def read(api: client.Client) -> fields.Options:
        rows = (row for row in getattr(api, plural)() if not getattr(row, "inactive", False))
        return fields.Options(fields.Option(row.id, _choice_name(entity, row)) for row in rows)

    def fill(options: fields.Options, nothing: str = f"{entity.empty}.") -> None:
        for each in dialog.choices(plural):
            each.fill(options, nothing)
        dialog.refresh()

    def failed(error: errors.TicketbotError) -> None:
        fill(fields.Options([]), f"{error}. Press Esc, then N to retry.")

    tab.context.call(read, fill, failed)


def _choice_name(entity: entities.Entity, row: Row) -> str:
    state = entity.state(row)
    return entity.title(row) + (f", {state}" if state == "inactive" else "")
