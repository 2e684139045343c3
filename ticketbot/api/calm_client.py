"""The operations of a Ticketbot server on silences and quiet hours, a method each."""

from __future__ import annotations

from typing import Any

from ticketbot.api import calm_responses, http_connection, requests

PREVIEW_TIMEOUT_S = 60.0  # 4,200 events of a week are decided twice


class CalmClient:
    """The part of `client.Client` about silences and quiet hours."""

    _server: http_connection.Connection

    def silences(
        self, *, state: str | None = None, limit: int | None = None, newest: bool = False
    ) -> list[calm_responses.Silence]:
        """List silences, perhaps only the `upcoming`, `active` or `ended` ones."""
        return self._server.rows("/notifiers/silences", calm_responses.Silence, limit, newest, {"state": state})

    def silence(self, silence_id: int) -> calm_responses.Silence:
        """Return one silence."""
        return self._server.get(f"/notifiers/silences/{silence_id}", calm_responses.Silence)

    def create_silence(self, **fields: Any) -> calm_responses.Silence:
        """Add a silence, by the names of `NewSilence`."""
        body = requests.NewSilence(**fields)
        return self._server.call("POST", "/notifiers/silences", calm_responses.Silence, body=body)

    def update_silence(self, silence_id: int, **changes: Any) -> calm_responses.Silence:
        """Change some of a silence, by the names of `SilenceChanges`."""
        body = requests.SilenceChanges(**changes)
        return self._server.call("PATCH", f"/notifiers/silences/{silence_id}", calm_responses.Silence, body=body)

    def delete_silence(self, silence_id: int) -> None:
        """End a silence."""
        self._server.delete(f"/notifiers/silences/{silence_id}")

    def preview_silence(self, **fields: Any) -> calm_responses.SilencePreview:
        """Return what a silence would have matched in the last days, by the names of `SilencePreview`."""
        body = requests.SilencePreview(**fields)
        path, shape = "/notifiers/silences/preview", calm_responses.SilencePreview
        return self._server.call("POST", path, shape, body=body, timeout_s=PREVIEW_TIMEOUT_S)

    def quiet_hours(self, *, limit: int | None = None, newest: bool = False) -> list[calm_responses.QuietHours]:
        """List quiet hours."""
        return self._server.rows("/notifiers/quiet-hours", calm_responses.QuietHours, limit, newest)

    def quiet_hour(self, row_id: int) -> calm_responses.QuietHours:
        """Return quiet hours by their id."""
        return self._server.get(f"/notifiers/quiet-hours/{row_id}", calm_responses.QuietHours)

    def create_quiet_hour(self, **fields: Any) -> calm_responses.QuietHours:
        """Add quiet hours, by the names of `NewQuietHours`."""
        body = requests.NewQuietHours(**fields)
        return self._server.call("POST", "/notifiers/quiet-hours", calm_responses.QuietHours, body=body)

    def update_quiet_hour(self, row_id: int, **changes: Any) -> calm_responses.QuietHours:
        """Change some of quiet hours, by the names of `QuietHoursChanges`; what is held moves with them."""
        body = requests.QuietHoursChanges(**changes)
        return self._server.call("PATCH", f"/notifiers/quiet-hours/{row_id}", calm_responses.QuietHours, body=body)

    def delete_quiet_hour(self, row_id: int) -> None:
        """Delete quiet hours; what they held is sent."""
        self._server.delete(f"/notifiers/quiet-hours/{row_id}")
