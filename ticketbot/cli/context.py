"""What a command works with: its arguments, settings, the server and the output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ticketbot.cli.output import Output, Streams

if TYPE_CHECKING:
    from pathlib import Path

    from ticketbot import errors
    from ticketbot.api.client import Client
    from ticketbot.cli.arguments import Arguments
    from ticketbot.settings.table import Settings


class Context:
    """The context of one command. What needs a library is made when it is first used."""

    def __init__(self, command: str, raw: Mapping[str, Any], env: Mapping[str, str], streams: Streams) -> None:
        self.command = command
        self.raw = raw
        self.env = env
        self.output = Output(env, streams, is_json=bool(raw.get("--json")))
        self.list_command = ""  # where to find the ids of what this command is about

    @cached_property
    def arguments(self) -> Arguments:
        """Return the arguments, typed."""
        from ticketbot.cli import arguments

        return arguments.Arguments(self.raw)

    @cached_property
    def settings(self) -> Settings:
        """Return the settings; warnings go to stderr."""
        return self.load_settings()

    @cached_property
    def server(self) -> Client:
        """Return the client of the server. Raises `SettingsError` if a setting is missing that this command needs."""
        from ticketbot.api import client

        self.require_client_settings(self.command)
        return client.Client(self.settings.base_url, self.settings.api_key)

    def require_client_settings(self, command: str) -> None:
        """Raise `SettingsError` if a setting is missing; warn if the API key can be read on its way."""
        from ticketbot.settings import types

        self.settings.require(command)
        url = self.settings.base_url
        if self.settings.api_key and not types.is_encrypted(url) and not types.is_loopback(url):
            self.output.warn(f"{url} is plain http: anyone on the network can read the API key. Use an https address")

    def load_settings(
        self,
        *,
        flags: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        config_dir: Path | None = None,
        writes_config: bool = False,
        warn: Callable[[str], None] | None = None,
    ) -> Settings:
        """Load the settings and configure logging."""
        from ticketbot import log
        from ticketbot.settings import table

        given = {name: self.raw[name] for name in table.FLAGS if self.raw.get(name) is not None}
        settings = table.load(
            given if flags is None else flags,
            self.env if env is None else env,
            config_dir=config_dir,
            writes_config=writes_config,
        )
        log.add_secrets(*settings.secrets())
        log.configure(settings.log_level, settings.log_format, self.output.streams.stderr)
        self.output.zone = settings.timezone
        for warning in settings.warnings:
            (warn or self.output.warn)(warning)
        return settings

    def show(self, document: Any, pairs: Iterable[tuple[str, object]] | None = None) -> None:
        """Print one object: all of it as JSON, else `pairs`, by default all its fields."""
        from ticketbot.present import entities

        if self.output.is_json:
            self.output.json(document)
        else:
            self.output.record(pairs or entities.details(document))

    def tell(self, document: Any, sentence: str) -> None:
        """Print a sentence, or the document as JSON."""
        if self.output.is_json:
            self.output.json(document)
        else:
            self.output.say(sentence)

    def hint(self, error: errors.TicketbotError) -> str:
        """Return what to do about an error, empty if its message says it all."""
        from ticketbot.present import errors as descriptions

        if "server" not in self.__dict__ and not self.list_command:
            return ""
        known = self.settings.origins if "settings" in self.__dict__ else {"base_url": "", "api_key": ""}
        return descriptions.hint(error, descriptions.Origins(known["base_url"], known["api_key"]), self.list_command)

    def close(self) -> None:
        """Close the connection to the server, if there is one."""
        if "server" in self.__dict__:
            self.server.close()
