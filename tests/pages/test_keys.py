"""Keys: added, tested and deleted; their secrets are on no page, ever."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app import navigation
from core.accounts.models import User
from core.agents.models import Agent
from core.bootstrap import Core
from core.keys.models import Key, KeyDraft
from core.llm.registry import provider_named
from core.runs.models import Run
from core.webhooks.models import EVENTS, WebhookDraft
from tests.fakes.model_server import FakeModelServer
from tests.pages.conftest import SECRET, Visit
from tests.support.stage import Stage

Visitor = Callable[..., Visit]
COMPATIBLE = "openai_compatible"


def add_key(page: Visit, opened_by: str, **fields: str) -> Visit:
    """Fill in the dialog for an OpenAI-compatible endpoint and send it."""
    page.press(opened_by)
    page.app.selectbox(key="keys_provider").set_value(COMPATIBLE)
    page.press(opened_by)
    page.fill(**{f"keys_{name}_{COMPATIBLE}": value for name, value in fields.items()})
    return page.press_in_dialog(opened_by, "keys_add")


def test_without_a_key_alice_is_told_what_one_is_for(visit: Visitor, alice: User) -> None:
    page = visit(alice).open(navigation.KEYS)
    assert "No keys yet" in [subheader.value for subheader in page.app.subheader]
    assert page.buttons.count("New key") == 1


def test_alice_adds_a_key_that_is_tested_at_once(
    visit: Visitor, page_core: Core, alice: User, fake: FakeModelServer
) -> None:
    page = visit(alice).open(navigation.KEYS)
    page = add_key(
        page, "keys_first", name="Mine", secret=SECRET, url=fake.openai_url, **{"in": "0.40", "out": "1,60"}
    )
    assert page.errors == []
    (key,) = page_core.keys.list(alice)
    assert (key.name, key.hint, key.test_code) == ("Mine", "zk-…cdef", "ok")
    assert key.own_price is not None
    assert key.own_price.input_micros_per_million == 400_000
    assert key.own_price.output_micros_per_million == 1_600_000
    assert page.toasts == ["The key was added."]
    assert [box.value for box in page.app.success] == ["OpenAI-compatible endpoint accepts this key."]
    assert "2 models: fake-1, fake-2" in page.captions
    assert "**Mine**" in page.links
    assert "Works" in page.text
    assert [record.key for record in fake.requests] == [SECRET]
    assert SECRET not in page.text


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": ""}, "Enter the full address, such as `https://models.example.com/v1`."),
        ({"url": "http://10.0.0.1/v1"}, "This address is not allowed:"),
        ({"url": "https://models.example.com", "in": "cheap"}, "Enter a price such as 0.40,"),
        ({"url": "https://models.example.com", "in": "1"}, "Enter both prices, in dollars per million tokens,"),
        ({"url": "https://models.example.com", "name": " "}, "Give the key a name of 1 to 80 characters."),
        ({"url": "https://models.example.com", "secret": f"{SECRET} x"}, "This does not look like a key:"),
    ],
)
def test_a_mistake_is_told_in_one_sentence_and_nothing_is_stored(
    visit: Visitor, page_core: Core, alice: User, fields: dict[str, str], sentence: str
) -> None:
    page = add_key(visit(alice).open(navigation.KEYS), "keys_first", **{"secret": SECRET, **fields})
    assert len(page.errors) == 1
    assert page.errors[0].startswith(sentence)
    assert page_core.keys.list(alice) == []


@pytest.mark.parametrize(
    ("name", "path"), [("anthropic", ""), ("gemini", ""), ("groq", "/openai/v1"), ("mistral", "/mistral/v1")]
)
def test_alice_adds_a_key_of_each_provider_and_is_told_where_to_find_one(
    visit: Visitor,
    page_core: Core,
    alice: User,
    fake: FakeModelServer,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    path: str,
) -> None:
    provider = provider_named(name)
    monkeypatch.setattr(type(provider), "default_base_url", fake.base_url + path)
    fake.valid_keys = {SECRET}
    page = visit(alice).open(navigation.KEYS).press("keys_first")
    page.app.selectbox(key="keys_provider").set_value(name)
    page.press("keys_first")
    assert {provider.about, f":material/key: {provider.secret_help}"} <= set(page.captions)
    assert page.app.text_input(key=f"keys_secret_{name}").label == "Key"

    page.press_in_dialog("keys_first", "keys_add")
    assert len(page.errors) == 1
    assert page.errors[0].startswith("Enter the key.")

    page.fill(**{f"keys_secret_{name}": "a-wrong-key-0123456789abcdef"})
    page.press_in_dialog("keys_first", "keys_add")
    assert page.toasts == ["The key was added."]
    assert page.errors[0].startswith("The provider does not accept this key.")

    (key,) = page_core.keys.list(alice)
    page_core.keys.replace_secret(alice, key.id, SECRET)
    page.press(f"keys_test_{key.id}")
    assert [box.value for box in page.app.success] == [f"{provider.label} accepts this key."]
    assert page_core.keys.models(alice, key.id) == ["fake-1", "fake-2"]


def test_a_name_can_be_taken_once(visit: Visitor, alice: User, key: Key, fake: FakeModelServer) -> None:
    page = add_key(visit(alice).open(navigation.KEYS), "keys_new", name=key.name, url=fake.openai_url)
    assert page.errors == ["You already have a key of this name. Choose another name."]


def test_a_key_that_does_not_work_is_kept_and_says_why(
    visit: Visitor, page_core: Core, alice: User, fake: FakeModelServer
) -> None:
    fake.options.fault = "401"
    page = add_key(visit(alice).open(navigation.KEYS), "keys_first", secret=SECRET, url=fake.openai_url)
    assert page_core.keys.list(alice)[0].test_code == "bad_key"
    assert page.toasts == ["The key was added."]
    assert page.errors[0].startswith("The provider does not accept this key.")
    assert "Does not work" in page.text


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("", "OpenAI-compatible endpoint accepts this key."),
        ("401", "The provider does not accept this key. Copy the whole key again and choose Replace secret."),
        ("403", "The provider accepts the key but forbids this call."),
        ("429", "The provider asks us to slow down."),
        ("quota", "The account behind this key has no credit left."),
        ("badjson", "The provider's answer could not be read."),
        ("500", "The provider answers with an error of its own."),
    ],
)
def test_a_test_tells_its_outcome(
    visit: Visitor, alice: User, key: Key, fake: FakeModelServer, fault: str, sentence: str
) -> None:
    fake.options.fault = fault
    page = visit(alice).open(navigation.KEYS)
    assert "Not tested" in page.text
    page.press(f"keys_test_{key.id}")
    told = [box.value for box in (page.app.error if fault else page.app.success)]
    assert len(told) == 1
    assert told[0].startswith(sentence)
    assert ("Does not work" if fault else "Works") in page.text
    assert SECRET not in page.text
    assert page.rerun().errors == []


def test_a_server_that_is_gone_is_unreachable(visit: Visitor, alice: User, key: Key, fake: FakeModelServer) -> None:
    fake.stop()
    page = visit(alice).open(navigation.KEYS).press(f"keys_test_{key.id}")
    assert page.errors[0].startswith("The server cannot be reached: it takes no connection on this port.")


def test_a_secret_is_on_no_page(
    visit: Visitor, page_core: Core, alice: User, key: Key, agent: Agent, run: Run, fake: FakeModelServer
) -> None:
    hook = page_core.webhooks.add(alice, WebhookDraft("Hook", f"http://127.0.0.1:{fake.port}/hook", EVENTS))
    stage = Stage(page_core, fake, alice)
    queries = {
        navigation.RUN: {"id": run.id},
        navigation.COMPARE: {"a": run.id, "b": run.id},
        navigation.KEY: {"id": key.id},
        navigation.WEBHOOK: {"id": hook.webhook.id},
        navigation.WORKFLOW: {"id": stage.workflow()},
        navigation.APPROVAL: {"id": stage.approval()},
    }
    for entry in navigation.ALL:
        page = visit(alice).open(entry, **queries.get(entry, {}))
        assert page.title, entry.url
        assert SECRET not in page.text
        assert SECRET[4:] not in page.text
    page = visit(alice).open(navigation.AGENT, id=agent.id)
    assert SECRET not in page.text
    assert SECRET not in str(page.app.session_state.to_dict())


def test_charlie_sees_no_key_of_alice(visit: Visitor, charlie: User, key: Key) -> None:
    page = visit(charlie).open(navigation.KEYS)
    assert "No keys yet" in [subheader.value for subheader in page.app.subheader]
    assert key.hint not in page.text


def test_the_built_in_model_tells_how_far_it_is(
    visit: Visitor, page_core: Core, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.local_model.service.why_unavailable", lambda _: None)
    page_core.keys.add(alice, KeyDraft("Demo", "local"))
    assert "Waiting for the worker to start." in visit(alice).open(navigation.KEYS).text
    page_core.local_model.report("fetching", "Fetching the model.", 100_000_000, 491_000_000)
    assert "Fetching the model. 100 MB of 491 MB" in visit(alice).open(navigation.KEYS).text
    page_core.local_model.report("failed", "There is no room on the disk.")
    assert visit(alice).open(navigation.KEYS).errors == ["There is no room on the disk."]
    page_core.local_model.report("ready", "The built-in model is ready.")
    assert any("is ready" in caption for caption in visit(alice).open(navigation.KEYS).captions)


def test_each_kind_asks_only_for_what_it_needs(visit: Visitor, page_core: Core, alice: User) -> None:
    page = visit(alice).open(navigation.KEYS).press("keys_first")
    for kind in page_core.keys.kinds():
        chosen = "keys_provider" if kind.group == "models" else f"keys_provider_{kind.group}"
        page.fill(keys_group=kind.group).press("keys_first")
        page.fill(**{chosen: kind.name}).press("keys_first")
        assert kind.about in page.captions
        shown = {box.key for box in [*page.app.text_input, *page.app.selectbox]}
        wanted = {f"keys_{field.name}_{kind.name}" for field in kind.fields} | {f"keys_name_{kind.name}"}
        wanted |= {f"keys_secret_{kind.name}"} if kind.asks_secret else set()
        wanted |= {f"keys_url_{kind.name}"} if kind.asks_base_url else set()
        wanted |= {f"keys_in_{kind.name}", f"keys_out_{kind.name}"} if kind.asks_price else set()
        assert shown == wanted | {chosen}


def test_a_key_that_does_not_work_stays_with_what_to_do_until_it_does(
    visit: Visitor, page_core: Core, alice: User, key: Key, fake: FakeModelServer
) -> None:
    fake.options.fault = "401"
    page_core.keys.test(alice, key.id)
    page = visit(alice).open(navigation.KEYS)
    assert any("choose Replace secret" in caption for caption in page.captions)
    fake.options.fault = ""
    fake.valid_keys = {"zk-fresh-key-0123456789"}
    page.press(f"keys_fix_secret_{key.id}")
    page.fill(**{f"keys_fresh_{key.id}": "zk-fresh-key-0123456789"})
    page.press_in_dialog(f"keys_fix_secret_{key.id}", "keys_replace_save")
    assert page.toasts == ["The key was replaced."]
    assert page_core.keys.get(alice, key.id).test_code == "ok"
    assert f"keys_fix_secret_{key.id}" not in [button.key for button in page.app.button]


def test_another_address_is_saved_with_the_secret_entered_again(
    visit: Visitor, page_core: Core, alice: User, key: Key, fake: FakeModelServer
) -> None:
    page = visit(alice).open(navigation.KEY, id=key.id).press("key_edit")
    page.press_in_dialog("key_edit", "keys_edit_move")
    assert page.app.text_input(key=f"keys_move_url_{key.id}").value == key.base_url
    assert page.app.text_input(key=f"keys_move_secret_{key.id}").value == ""
