"""What an import did, collected while it runs."""

from __future__ import annotations

from ticketbot.present import documents


class Report:
    """Counts by table, and everything that was left out or became something else, with the reason."""

    def __init__(self) -> None:
        self._tables: dict[str, documents.ImportedTable] = {}
        self.left_out: list[documents.LeftOut] = []
        self.forwards: list[documents.ImportedForward] = []

    @property
    def tables(self) -> list[documents.ImportedTable]:
        """Return the tables in the order in which they were read."""
        return list(self._tables.values())

    @property
    def has_new_history(self) -> bool:
        """Return whether tickets, notes or notifications were imported that were not known."""
        history = ("cw_ticket", "cw_ticket_note", "ticket_notification")
        return any(table.imported for table in self._tables.values() if table.table in history)

    def count(self, table: str, *, read: int = 0, imported: int = 0, known: int = 0) -> None:
        """Add to the counts of a table: rows read, rows that were new here, rows that were known already."""
        found = self._tables.setdefault(table, documents.ImportedTable(table=table, read=0, imported=0, known=0))
        found.read += read
        found.imported += imported
        found.known += known

    def leave_out(self, table: str, what: str, why: str) -> None:
        """Record what is not imported, or not as it was; each only once."""
        row = documents.LeftOut(table=table, what=what, why=why)
        if row not in self.left_out:
            self.left_out.append(row)
