"""Two windows save one chat as the IDE does, and answers get lost: nothing is lost, or there twice.

What a message says is a set of words, to which windows add. Two versions are merged to the words of both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from fdb_provider.engine import Database
from fdb_provider.models import new_id
from fdb_provider.repositories.messages import MESSAGES, Body
from fdb_provider.scope import Actor
from tests.conversations.conftest import new_user
from theia_bridge.errors import ChangedMeanwhile
from theia_bridge.services import chats
from theia_bridge.services.chats import Change, Fields

Fate = Literal["arrives", "answer lost", "request lost"]
LONG = "long " * 3000
"""A word for messages that are kept in parts."""


@dataclass(frozen=True)
class Step:
    """What a window does: it says something new, adds to what was said, or names the chat."""

    window: int
    does: Literal["say", "add", "name", "look"]
    which: int
    long: bool
    fate: Fate


STEPS = st.lists(
    st.builds(
        Step,
        window=st.integers(0, 1),
        does=st.sampled_from(["say", "add", "add", "name", "look"]),
        which=st.integers(0, 3),
        long=st.booleans(),
        fate=st.sampled_from(["arrives", "arrives", "answer lost", "request lost"]),
    ),
    max_size=25,
)


@dataclass
class Save:
    """One call of `chat.store`."""

    words: dict[str, set[str]] = field(default_factory=dict)
    title: str | None = None


@dataclass
class Window:
    """Attributes:
    seen: words and etag of each message, as last read.
    to_do: what is to be saved next, and has to be until it is answered.
    """

    db: Database
    actor: Actor
    chat: str
    seen: dict[str, tuple[set[str], str]] = field(default_factory=dict)
    etag: str | None = None
    title: str = ""
    to_do: Save | None = None

    async def look(self) -> None:
        """Reads what has changed."""
        after: str | None = None
        while True:
            known = {message: etag for message, (_, etag) in self.seen.items()}
            found, said, after = await chats.read(
                self.db, self.actor, self.chat, known=known, limit=3, after=after
            )
            for one in said:
                self.seen[one.message.id] = set(one.body.content.split()), MESSAGES.etag(one.message)
            self.etag, self.title = chats.fields_etag(found), found.title
            if after is None:
                return

    async def save(self, fate: Fate) -> None:
        """Sends what is to be saved. Answered, it is done; after a conflict it is merged and tried again."""
        while self.to_do is not None and fate != "request lost":
            save = self.to_do
            try:
                saved = await self.send(save)
            except ChangedMeanwhile:
                await self.look()
                for message in save.words.keys() & self.seen.keys():
                    save.words[message] |= self.seen[message][0]
                continue
            if fate == "answer lost":
                return
            for message, etag in saved.etags.items():
                self.seen[message] = save.words[message], etag
            self.etag, self.title = chats.fields_etag(saved.conversation), saved.conversation.title
            self.to_do = None

    async def send(self, save: Save) -> chats.Saved:
        changes = [
            Change(message, "user", Body(" ".join(sorted(words))), if_match=self.etag_of(message))
            for message, words in save.words.items()
        ]
        fields = Fields(title=UNSET if save.title is None else save.title)
        return await chats.store(
            self.db, self.actor, self.chat, fields=fields, if_match=self.etag, changes=changes
        )

    def etag_of(self, message: str) -> str | None:
        return self.seen[message][1] if message in self.seen else None


@given(steps=STEPS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nothing_acknowledged_is_lost(database: Database, steps: list[Step]) -> None:
    actor = await new_user(database)
    chat = new_id()
    # Two that both windows know from the beginning, so that they soon change the same one.
    expected: dict[str, set[str]] = {new_id(): {"shared"} for _ in range(2)}
    changes = [Change(message, "user", Body("shared")) for message in expected]
    await chats.store(database, actor, chat, fields=Fields(title="0"), if_match=None, changes=changes)
    windows = [Window(database, actor, chat) for _ in range(2)]
    for window in windows:
        await window.look()
    for number, step in enumerate(steps):
        window = windows[step.window]
        await window.save("arrives")  # what was not answered is sent again before anything else is
        word = f"{number}"
        words = {word, *([f"{number}{LONG}".replace(" ", str(number))] if step.long else [])}
        if step.does == "look":
            await window.look()
        elif step.does == "name":
            window.to_do = Save(title=word)
        elif step.does == "say":
            message = new_id()
            window.to_do = Save({message: set(words)})
            expected[message] = set(words)
        else:
            message = sorted(window.seen)[step.which % len(window.seen)]
            window.to_do = Save({message: window.seen[message][0] | words})
            expected[message] |= words
        await window.save(step.fate)
    for window in windows:
        await window.save("arrives")
    for window in windows:
        await window.look()
        assert {message: words for message, (words, _) in window.seen.items()} == expected
        assert window.title in {str(n) for n in range(len(steps) + 1)}
    assert windows[0].title == windows[1].title
    found, said, _ = await chats.read(database, actor, chat, known={}, limit=200)
    assert found.messages == len(expected)
    assert found.size == sum(one.message.size for one in said)
    assert [one.message.position for one in said] == list(range(len(said)))
