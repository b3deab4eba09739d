"""People keep keys that nobody else can see, use or move; a key leads only where it may."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from core.accounts.models import User
from core.bootstrap import Core
from core.db.tables import keys as keys_table
from core.db.tables import metadata
from core.errors import Conflict, Invalid, LocalModelUnavailable, NotFound, SecretUnreadable
from core.keys.models import Key, KeyDraft
from core.llm.pricing import OwnPrice
from tests.fakes.model_server import FakeModelServer

SECRET = "zk-Secret-0123456789-wxyz"


@pytest.fixture
def key(core: Core, alice: User, fake: FakeModelServer) -> Key:
    return core.keys.add(alice, KeyDraft("Mine", "openai_compatible", SECRET, fake.openai_url))


def test_alice_finds_her_key_with_its_secret_masked(core: Core, alice: User, key: Key) -> None:
    newer = core.keys.add(alice, KeyDraft("  My \n  second ", "openai", f"\t{SECRET}\n"))
    assert core.keys.list(alice) == [newer, key]
    assert core.keys.get(alice, key.id) == key
    assert (newer.name, newer.hint, newer.base_url) == ("My second", "zk-…wxyz", "https://api.openai.com/v1")
    short = core.keys.add(alice, KeyDraft("Short", "openai", "short-secret"))
    assert short.hint == "…"


def test_alice_opens_what_she_stored_and_its_print_shows_no_secret(core: Core, alice: User, key: Key) -> None:
    opened = core.keys.open(alice, key.id)
    assert opened.endpoint.secret is not None
    assert opened.endpoint.secret.get_secret_value() == SECRET
    assert opened.endpoint.bearer() == {"Authorization": f"Bearer {SECRET}"}
    draft = KeyDraft("Mine", "openai", SECRET)
    assert SECRET not in f"{opened} {opened!r} {key!r} {draft} {draft!r}"


def test_no_table_holds_a_secret_in_words(core: Core, alice: User, key: Key) -> None:
    core.keys.test(alice, key.id)
    core.keys.note_use(key.id)
    with core.db.read() as connection:
        tables = {table.name: connection.execute(select(table)).all() for table in metadata.sorted_tables}
    assert len(tables["keys"]) == 1
    assert SECRET not in str(tables)
    assert SECRET.encode() not in b"".join(
        value for rows in tables.values() for row in rows for value in row if isinstance(value, bytes)
    )


def test_alice_deleting_a_key_wipes_its_secret_and_frees_its_name(
    core: Core, alice: User, key: Key, fake: FakeModelServer
) -> None:
    core.keys.delete(alice, key.id)
    assert core.keys.list(alice) == []
    with pytest.raises(NotFound):
        core.keys.open(alice, key.id)
    with core.db.read() as connection:
        row = connection.execute(select(keys_table)).one()
    assert (row.secret_sealed, row.secret_hint) == (None, "")
    assert core.keys.add(alice, KeyDraft("Mine", "openai", SECRET)).id != key.id


def test_alice_cannot_give_two_keys_one_name_but_bob_may_choose_it(core: Core, cast: Any, key: Key) -> None:
    with pytest.raises(Conflict):
        core.keys.add(cast.alice, KeyDraft(" Mine", "openai", SECRET))
    assert core.keys.add(cast.bob, KeyDraft("Mine", "openai", SECRET)).owner_id == cast.bob.id


STRANGE: dict[str, Callable[[Core, User, str], object]] = {
    "get": lambda core, actor, key_id: core.keys.get(actor, key_id),
    "open": lambda core, actor, key_id: core.keys.open(actor, key_id),
    "test": lambda core, actor, key_id: core.keys.test(actor, key_id),
    "models": lambda core, actor, key_id: core.keys.models(actor, key_id),
    "delete": lambda core, actor, key_id: core.keys.delete(actor, key_id),
}


def test_charlie_cannot_reach_alices_key_in_any_way(core: Core, cast: Any, key: Key, fake: FakeModelServer) -> None:
    for name, reach in STRANGE.items():
        for key_id in (key.id, "key_made_up", "", "key\x00", "\ud800"):
            with pytest.raises(NotFound) as caught:
                reach(core, cast.charlie, key_id)
            assert caught.value.sentence == "This key does not exist, or it is not yours.", name
    assert core.keys.list(cast.charlie) == []
    assert core.keys.list(cast.bob) == []
    assert core.keys.get(cast.alice, key.id) == key
    assert fake.requests == []


def test_a_secret_moved_to_another_row_does_not_open(core: Core, cast: Any, key: Key) -> None:
    target = core.keys.add(cast.charlie, KeyDraft("Trap", "openai_compatible", "zk-Trap-012345678", key.base_url))
    sealed = select(keys_table.c.secret_sealed).where(keys_table.c.id == key.id).scalar_subquery()
    with core.db.transaction() as connection:
        connection.execute(update(keys_table).where(keys_table.c.id == target.id).values(secret_sealed=sealed))
    with pytest.raises(SecretUnreadable):
        core.keys.open(cast.charlie, target.id)
    assert core.keys.test(cast.charlie, target.id).code == "secret_unreadable"


def test_a_key_whose_address_or_owner_was_changed_in_the_table_does_not_open(
    core: Core, cast: Any, key: Key
) -> None:
    changes = ({"base_url": "https://evil.example"}, {"base_url": key.base_url, "owner_id": cast.charlie.id})
    for actor, change in zip((cast.alice, cast.charlie), changes, strict=True):
        with core.db.transaction() as connection:
            connection.execute(update(keys_table).where(keys_table.c.id == key.id).values(change))
        with pytest.raises(SecretUnreadable):
            core.keys.open(actor, key.id)


PRICE = "input_price_micros_per_million"
WRONG_DRAFTS = [
    (KeyDraft(" ", "openai", SECRET), "name"),
    (KeyDraft("n" * 81, "openai", SECRET), "name"),
    (KeyDraft("n\x00", "openai", SECRET), "name"),
    (KeyDraft("n", "openai", " "), "secret"),
    (KeyDraft("n", "openai", "two words"), "secret"),
    (KeyDraft("n", "openai", "line\nbreak"), "secret"),
    (KeyDraft("n", "openai", "schlüssel"), "secret"),
    (KeyDraft("n", "openai", "x" * 2001), "secret"),
    (KeyDraft("n", "openai_compatible", "", "https://x.example/v1", 1, None), PRICE),
    (KeyDraft("n", "openai_compatible", "", "https://x.example/v1", None, 1), PRICE),
    (KeyDraft("n", "openai_compatible", "", "https://x.example/v1", -1, 1), PRICE),
    (KeyDraft("n", "openai_compatible", "", "https://x.example/v1", 1, 10**12 + 1), PRICE),
]


def test_alice_entering_a_wrong_field_reads_which(core: Core, alice: User) -> None:
    for draft, field in WRONG_DRAFTS:
        with pytest.raises(Invalid) as caught:
            core.keys.add(alice, draft)
        assert caught.value.field == field, draft
    assert core.keys.list(alice) == []


def test_a_pair_of_own_prices_is_kept_and_zero_is_a_price(core: Core, alice: User) -> None:
    for name, pair in (("free", (0, 0)), ("dear", (250_000, 1_000_000))):
        draft = KeyDraft(name, "openai_compatible", "", "https://x.example/v1", *pair)
        assert core.keys.get(alice, core.keys.add(alice, draft).id).own_price == OwnPrice(*pair)


def test_a_key_of_no_known_provider_is_refused(core: Core, alice: User) -> None:
    with pytest.raises(NotFound):
        core.keys.add(alice, KeyDraft("n", "no_such_provider", SECRET))


def test_the_built_in_model_is_refused_where_it_cannot_run(
    core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core.local_model, "why_unavailable", lambda: "this is a test.")
    assert "local" not in {provider.name for provider in core.keys.providers()}
    with pytest.raises(LocalModelUnavailable):
        core.keys.add(alice, KeyDraft("n", "local"))
    assert core.keys.list(alice) == []
