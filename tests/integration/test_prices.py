"""The price book: whose price counts, who sets it, and that what is booked never changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import null, update

from core import clock
from core.accounts.models import User
from core.bootstrap import Core
from core.budgets.models import Budget
from core.db.tables import model_calls
from core.errors import Conflict, CoreError, Forbidden, Invalid, NotFound, StepUpRequired
from core.keys.models import KeyDraft
from core.ledger.repository import insert_budget, used
from core.llm.pricing import OwnPrice, Tokens
from core.prices.catalogue import catalogue, published
from core.prices.failures import PriceUnknown
from core.prices.models import FREE, UNKNOWN, Override, OverrideDraft, Price, UnitPrice, chosen, state_of
from core.usage.models import CallOrigin
from tests.conftest import Cast
from tests.support.stopped_clock import StoppedClock
from tests.support.stub_queue import StubQueue, runs_with

BOUND = Tokens(1_000_000, 1_000_000)
USED = Tokens(300_000, 100_000, 100_000)
OWN = OwnPrice(1_000_000, 2_000_000)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    stopped = StoppedClock(monkeypatch)
    stopped.moment = stopped.moment.replace(hour=12)
    return stopped


@pytest.fixture
def admin(root: User, time: StoppedClock) -> User:
    return replace(root, proved_at=time())


def draft(model: str = "gpt-4o", dollars: int = 7, days: int = 0, provider: str = "openai") -> OverrideDraft:
    starts_on = clock.now().date() + timedelta(days=days)
    return OverrideDraft(provider, model, dollars * 1_000_000, dollars * 2_000_000, starts_on)


def input_dollars(core: Core, actor: User, model: str = "gpt-4o", provider: str = "openai") -> float | None:
    price = core.prices.of(actor, provider, model)
    return price.steps[0].unit.input / 1_000_000 if price.is_known else None


def origin_of(core: Core, owner: User, provider: str = "openai", model: str = "gpt-4o") -> CallOrigin:
    owner = replace(owner, proved_at=clock.now())
    key = core.keys.add(
        owner, KeyDraft(clock.new_id("k"), provider, "zk-Secret-0123456789", "https://m.example/v1")
    )
    fields = {"name": "n", "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": model}
    agent = core.agents.create(owner, fields)
    run = runs_with(core, StubQueue()).start_agent_run(owner, agent.id, "x")
    return CallOrigin(run.id, "agent", agent.id, owner.id, "hr", key.id, provider, model)


# --- whose price counts ---------------------------------------------------------------------------


def test_the_keys_own_price_beats_a_set_one_which_beats_the_published_one(
    core: Core, admin: User, alice: User, time: StoppedClock
) -> None:
    assert core.prices.of(alice, "openai", "gpt-4o") == published("openai", "gpt-4o", time())
    override = core.prices.set(admin, draft(dollars=7))
    assert core.prices.of(alice, "openai", "gpt-4o") == override.price
    assert core.prices.of(alice, "openai", "GPT-4o") == override.price
    assert core.prices.of(alice, "openai", "gpt-4o", OWN) == Price.own(OWN)
    assert core.prices.of(alice, "openai", "gpt-4o-mini").source == "catalogue"
    assert core.prices.of(alice, "openai_compatible", "gpt-4o") == UNKNOWN


def test_own_hardware_is_free_unless_somebody_says_otherwise(core: Core, admin: User, alice: User) -> None:
    assert core.prices.of(alice, "ollama", "llama3") == FREE
    assert core.prices.of(alice, "ollama", "llama3", OWN) == Price.own(OWN)
    core.prices.set(admin, draft("llama*", 1, provider="ollama"))
    assert core.prices.of(alice, "ollama", "llama3").source == "override"
    assert core.prices.of(alice, "ollama", "qwen") == FREE


def test_a_custom_endpoints_model_is_unknown_until_a_price_is_set(core: Core, admin: User, alice: User) -> None:
    assert not core.prices.is_known(alice, "openai_compatible", "qwen")
    assert core.prices.is_known(alice, "openai_compatible", "qwen", OWN)
    core.prices.set(admin, replace(draft("qwen", provider="openai_compatible"), input=0, output=0))
    assert core.prices.is_known(alice, "openai_compatible", "qwen")
    assert core.prices.of(alice, "openai_compatible", "qwen").cost_of(USED).micros == 0


def test_the_most_exact_name_counts_and_of_these_the_latest_to_begin(
    core: Core, admin: User, alice: User, time: StoppedClock
) -> None:
    for model, dollars, days in (
        ("*", 1, 0),
        ("gpt-4*", 2, 0),
        ("gpt-4o*", 3, 0),
        ("gpt-4o*", 4, 5),
        ("gpt-4o", 5, 9),
    ):
        core.prices.set(admin, draft(model, dollars, days))
    asked = ("gpt-4o", "gpt-4o-mini", "gpt-4.1", "o3", "gpt-4")
    assert [input_dollars(core, alice, model) for model in asked] == [3, 3, 2, 1, 2]
    time.advance(days=5)
    assert [input_dollars(core, alice, model) for model in asked] == [4, 4, 2, 1, 2]
    time.advance(days=4)
    assert [input_dollars(core, alice, model) for model in asked] == [5, 4, 2, 1, 2]


def test_a_price_begins_at_midnight_utc(core: Core, admin: User, alice: User, time: StoppedClock) -> None:
    core.prices.set(admin, draft(dollars=3))
    core.prices.set(admin, draft(dollars=9, days=1))
    midnight = time().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    time.moment = midnight - timedelta(microseconds=1)
    assert input_dollars(core, alice) == 3
    time.moment = midnight
    assert input_dollars(core, alice) == 9


def test_an_ended_price_stays_in_the_history_and_the_one_before_holds_again(
    core: Core, admin: User, alice: User, time: StoppedClock
) -> None:
    first = core.prices.set(admin, draft(dollars=3))
    time.advance(days=2)
    admin = replace(admin, proved_at=time())
    second = core.prices.set(admin, draft(dollars=9))
    assert input_dollars(core, alice) == 9
    ended = core.prices.end(admin, second.id)
    assert (ended.ended_by, ended.ended_at) == ("Root", time())
    assert input_dollars(core, alice) == 3
    core.prices.end(admin, first.id)
    assert core.prices.of(alice, "openai", "gpt-4o").source == "catalogue"
    assert [o.id for o in core.prices.overrides(admin)] == [second.id, first.id]
    with pytest.raises(Conflict):
        core.prices.end(admin, second.id)
    # The day is free again.
    assert core.prices.set(admin, draft(dollars=4)).id not in (first.id, second.id)
    assert input_dollars(core, alice) == 4


def test_how_a_price_stands_is_told(core: Core, admin: User, time: StoppedClock) -> None:
    for dollars, days in ((1, 0), (2, 1), (3, 9)):
        core.prices.set(admin, draft(dollars=dollars, days=days))
    core.prices.end(admin, core.prices.set(admin, draft("o3")).id)
    time.advance(days=1)
    overrides = core.prices.overrides(admin)
    states = {(o.model, o.input // 1_000_000): state_of(o, overrides, time()) for o in overrides}
    assert states == {
        ("gpt-4o", 1): "replaced",
        ("gpt-4o", 2): "in force",
        ("gpt-4o", 3): "planned",
        ("o3", 7): "ended",
    }


names = st.text("ab", min_size=1, max_size=4)
moments = st.integers(0, 20).map(lambda hours: datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=6 * hours))


@st.composite
def made_overrides(draw: st.DrawFn) -> Override:
    created_at, ended_at = draw(moments), draw(st.none() | moments)
    model = draw(names) if draw(st.booleans()) else draw(st.just("") | names) + "*"
    starts_on = created_at.date() + timedelta(days=draw(st.integers(0, 3)))
    number = draw(st.integers(0, 10**6))
    return Override(f"p{number}", "x", model, number, None, 1, starts_on, "", "R", created_at, "R", ended_at)


@given(st.lists(made_overrides(), max_size=8, unique_by=lambda o: (o.model, o.starts_on)), names, moments)
def test_the_override_that_counts_is_the_one_a_person_would_pick(
    overrides: list[Override], model: str, at: datetime
) -> None:
    found = chosen(overrides, "x", model, at)
    fitting = [
        o
        for o in overrides
        if (o.model == model or (o.model[-1:] == "*" and model.startswith(o.model[:-1])))
        and o.created_at <= at
        and o.starts_on <= at.date()
        and not (o.ended_at and o.ended_at <= at)
    ]
    exact = [o for o in fitting if o.model == model]
    longest = max((len(o.model) for o in fitting), default=0)
    best = exact or [o for o in fitting if len(o.model) == longest]
    assert found == max(best, key=lambda o: o.starts_on, default=None)
    assert chosen(overrides, "y", model, at) is None


# --- who sets it ----------------------------------------------------------------------------------


def test_only_administrators_who_just_proved_themselves_set_and_end_prices(
    core: Core, admin: User, cast: Cast
) -> None:
    override = core.prices.set(admin, draft())
    for actor in (cast.alice, replace(cast.bob, role="manager")):
        for call in (
            lambda a: core.prices.set(a, draft("o3")),
            lambda a: core.prices.end(a, override.id),
            core.prices.overrides,
            core.prices.models_in_use,
        ):
            with pytest.raises(Forbidden):
                call(actor)
    stale = replace(admin, proved_at=None)
    for act in (lambda: core.prices.set(stale, draft("o3")), lambda: core.prices.end(stale, override.id)):
        with pytest.raises(StepUpRequired):
            act()
    with pytest.raises(NotFound):
        core.prices.end(admin, "price_nobody")
    assert core.prices.overrides(admin) == [override]


BAD_PRICE = "A price is between $0 and $1,000,000 per million tokens."
BAD_NAME = "Enter the name of a model of 1 to 200 characters."
BAD_STAR = "A * stands at the end only, for every name that begins so, such as gpt-4o*."
BAD: tuple[tuple[str, object, str], ...] = (
    *((field, -1, BAD_PRICE) for field in ("input", "cached", "output")),
    *(("input", number, BAD_PRICE) for number in (10**12 + 1, 10**30, 0.5, float("nan"), "7", None, True)),
    ("cached", 7_000_001, "Cached input costs no more than input: are the two the wrong way round?"),
    *(("model", name, BAD_NAME) for name in (" ", "x" * 201, "gpt\x00")),
    *(("model", name, BAD_STAR) for name in ("g*t", "gpt**", "*gpt")),
    ("starts_on", date(2020, 1, 1), "Choose today (UTC) or a later day: what is booked keeps its price."),
    *(("note", note, "Enter a note of at most 200 characters, or none.") for note in ("n" * 201, "\x00")),
    ("provider", "nobody", "This provider does not exist, or it is not yours."),
)


def test_what_is_no_price_is_refused_with_a_sentence(core: Core, admin: User) -> None:
    for field, value, sentence in BAD:
        with pytest.raises(CoreError) as refused:
            core.prices.set(admin, replace(draft(), **{field: value}))  # type: ignore[arg-type]
        assert refused.value.sentence == sentence, (field, value)
        assert isinstance(refused.value, Invalid | NotFound)
    assert core.prices.overrides(admin) == []


def test_two_prices_of_one_model_do_not_begin_on_one_day(core: Core, admin: User, time: StoppedClock) -> None:
    core.prices.set(admin, draft(days=3))
    with pytest.raises(Conflict) as refused:
        core.prices.set(admin, draft("GPT-4o", 8, days=3))
    day = time().date() + timedelta(days=3)
    assert refused.value.sentence == (
        f"A price for gpt-4o begins on {day} already. End that one first, or choose another day."
    )
    core.prices.set(admin, draft("gpt-4o*", days=3))
    core.prices.set(admin, draft(days=4))
    assert len(core.prices.overrides(admin)) == 3


def test_prices_set_and_ended_are_in_the_audit_log(core: Core, admin: User, time: StoppedClock) -> None:
    override = core.prices.set(admin, replace(draft(), cached=1_000_000, note="Our contract"))
    core.prices.end(admin, override.id)
    found = core.audit.search(admin, time() - timedelta(days=1), time() + timedelta(days=1))
    entries = {e.action: e for e in found if e.object_id == override.id}
    assert set(entries) == {"price.set", "price.ended"}
    assert entries["price.set"].detail["input_micros_per_million"] == 7_000_000
    assert entries["price.set"].detail["cached_micros_per_million"] == 1_000_000


# --- in the books ---------------------------------------------------------------------------------


def test_a_call_is_billed_at_the_price_of_its_sending_whatever_is_set_meanwhile(
    core: Core, admin: User, alice: User, time: StoppedClock
) -> None:
    origin = origin_of(core, alice)
    first, cut = (core.usage.open_call(origin, BOUND) for _ in range(2))
    override = core.prices.set(admin, draft(dollars=100))
    second = core.usage.open_call(origin, BOUND)
    core.prices.end(admin, override.id)
    at_sending = published("openai", "gpt-4o", time())
    assert core.usage.settle(first, origin, USED, 1) == at_sending.cost_of(USED)
    assert core.usage.interrupt(cut, origin, BOUND) == at_sending.at_most(BOUND).cost_of(BOUND)
    assert core.usage.settle(second, origin, USED, 1) == override.price.cost_of(USED)
    booked = [(call.cost_micros, call.price_version, call.price) for call in core.usage.calls_of_run(origin.run_id)]
    # Nothing that is set or ended later touches what is booked.
    core.prices.set(admin, draft(dollars=50))
    again = core.usage.calls_of_run(origin.run_id)
    assert [(call.cost_micros, call.price_version, call.price) for call in again] == booked


def test_every_row_gives_its_cost_again_from_its_own_price(
    core: Core, admin: User, alice: User, time: StoppedClock
) -> None:
    """Answered, interrupted, refused; published with steps, set, own, free: all to the micro-dollar."""
    core.prices.set(admin, replace(draft("o3", 3), cached=1_234_567))
    models = (("openai", "gpt-4o"), ("openai", "o3"), ("openai", "gpt-5.5"), ("gemini", "gemini-2.5-pro"))
    runs = []
    for provider, model in (*models, ("ollama", "llama3"), ("openai_compatible", "qwen")):
        origin = origin_of_known(core, alice, provider, model)
        runs.append(origin.run_id)
        own = OwnPrice(1_234_567, 7_654_321) if provider == "openai_compatible" else None
        for tokens in (Tokens(1, 1), Tokens(333_333, 77_777, 111_111), Tokens(199_999, 1)):
            core.usage.settle(core.usage.open_call(origin, BOUND, own), origin, tokens, 1)
        core.usage.interrupt(core.usage.open_call(origin, BOUND, own), origin, BOUND)
        core.usage.settle(core.usage.open_call(origin, BOUND, own), origin, None, 1)
        core.usage.fail(core.usage.open_call(origin, BOUND, own), "bad_key", 1)
    rows = [call for run_id in runs for call in core.usage.calls_of_run(run_id)]
    assert len(rows) == 36
    for call in rows:
        if call.cost_micros is None:
            assert call.status == "failed" or call.price_version == "usage not reported"
            assert call.price == Price("unknown", call.price.version)
        else:
            tokens = Tokens(call.input_tokens or 0, call.output_tokens or 0, call.cached_tokens or 0)
            (step,) = call.price.steps
            assert step.unit.cost_micros(tokens) == call.cost_micros
            assert call.price.version == call.price_version
    assert {call.price.source for call in rows} == {"own", "override", "catalogue", "free", "unknown"}


def origin_of_known(core: Core, owner: User, provider: str, model: str) -> CallOrigin:
    """The books take any provider's name: only one key is made."""
    return replace(origin_of(core, owner), provider=provider, model=model)


def test_a_call_that_a_dead_worker_left_open_keeps_the_price_it_was_sent_at(
    core: Core, alice: User, admin: User, time: StoppedClock
) -> None:
    origin = origin_of(core, alice)
    core.usage.open_call(origin, BOUND)
    core.prices.set(admin, draft(dollars=100))
    assert len(core.usage.interrupt_left_open(origin.run_id, "agent")) == 1
    (call,) = core.usage.calls_of_run(origin.run_id)
    # No discount for cached input: what was cached is not known any more.
    assert call.price == Price.flat("catalogue", catalogue().version, UnitPrice(2_500_000, 2_500_000, 10_000_000))
    assert call.cost_micros == 12_500_000


def test_what_is_held_for_a_long_call_is_its_highest_price_and_is_booked_when_its_lease_is_over(
    core: Core, admin: User, alice: User, time: StoppedClock
) -> None:
    window = ("budget_1", f"{time():%Y-%m}")
    budget = Budget("budget_1", "person", alice.id, "month", 10**12, admin.id, time())
    with core.db.transaction() as connection:
        insert_budget(connection, budget)
    origin = origin_of_known(core, alice, "openai", "gpt-5.5")
    core.usage.open_call(origin, BOUND, lease=timedelta(0))
    price = published("openai", "gpt-5.5", time())
    assert len(price.steps) == 2
    held = price.steps[1].unit.cost_micros(BOUND)
    with core.db.read() as connection:
        assert used(connection, [window]) == {window: (0, held)}
    core.prices.set(admin, draft("gpt-5.5", dollars=100))
    time.advance(seconds=1)
    assert core.usage.interrupt_expired() == 1
    with core.db.read() as connection:
        assert used(connection, [window]) == {window: (held, 0)}
    (call,) = core.usage.calls_of_run(origin.run_id)
    assert (call.status, call.cost_micros) == ("interrupted", held)
    assert call.price.cost_of(BOUND).micros == held


def test_a_call_that_was_open_while_prices_came_into_the_books_is_billed_at_the_present_one(
    core: Core, alice: User, time: StoppedClock
) -> None:
    origin = origin_of(core, alice)
    call_id = core.usage.open_call(origin, BOUND)
    with core.db.transaction() as connection:
        connection.execute(update(model_calls).values(price=null(), price_version=None))
    cost = core.usage.settle(call_id, origin, USED, 1)
    assert cost == published("openai", "gpt-4o", time()).cost_of(USED)
    assert core.usage.calls_of_run(origin.run_id)[0].price.is_known


def test_an_unknown_price_is_refused_on_the_organisations_key_and_booked_as_unknown_on_ones_own(
    core: Core, admin: User, alice: User
) -> None:
    origin = origin_of_known(core, alice, "openai_compatible", "qwen")
    core.usage.settle(core.usage.open_call(origin, BOUND), origin, USED, 1)
    (call,) = core.usage.calls_of_run(origin.run_id)
    assert (call.cost_micros, call.price_version, call.price) == (None, "unknown", UNKNOWN)

    pool = replace(origin, is_pool=True)
    with pytest.raises(PriceUnknown) as refused:
        core.usage.open_call(pool, BOUND)
    assert (refused.value.code, refused.value.retryable) == ("price_unknown", False)
    assert refused.value.sentence == (
        "The price of qwen is unknown, so it cannot run on the organisation's key. "
        "An administrator can set a price for it on the page Prices, or choose another model."
    )
    assert len(core.usage.calls_of_run(origin.run_id)) == 1  # nothing was opened
    core.prices.set(admin, draft("qwen", 2, provider="openai_compatible"))
    call_id = core.usage.open_call(pool, BOUND)
    assert core.usage.settle(call_id, pool, USED, 1).micros == 600_000 + 400_000
    core.usage.open_call(replace(pool, provider="ollama"), BOUND)  # free is known


# --- what is in use -------------------------------------------------------------------------------


def test_the_list_has_the_models_of_agents_and_recent_calls_with_unknown_ones_first(
    core: Core, admin: User, cast: Cast, time: StoppedClock
) -> None:
    assert core.prices.models_in_use(admin) == []
    origin = origin_of(core, cast.alice)
    origin_of(core, cast.bob)
    origin_of(core, cast.bob, "openai_compatible", "qwen")
    for model in ("gpt-4o", "gpt-4o", "o3"):
        call_id = core.usage.open_call(replace(origin, model=model), BOUND)
        core.usage.settle(call_id, origin, USED, 1)
    override = core.prices.set(admin, draft("GPT*", 3))
    listed = core.prices.models_in_use(admin)
    assert [(m.use.provider, m.use.model, m.use.agents, m.use.calls) for m in listed] == [
        ("openai_compatible", "qwen", 1, 0),
        ("openai", "gpt-4o", 2, 2),
        ("openai", "o3", 0, 1),
    ]
    assert [m.price.source for m in listed] == ["unknown", "override", "catalogue"]
    assert [m.history for m in listed] == [(), (override,), ()]
    time.advance(days=31)
    assert {m.use.model for m in core.prices.models_in_use(admin)} == {"gpt-4o", "qwen"}
    # Keys that are gone take their models along.
    for key in core.keys.list(cast.bob):
        core.keys.delete(replace(cast.bob, proved_at=time()), key.id)
    assert {m.use.model for m in core.prices.models_in_use(admin)} == {"gpt-4o"}


def test_keys_with_prices_of_their_own_are_listed_apart(core: Core, admin: User, alice: User) -> None:
    owner = replace(alice, proved_at=clock.now())
    for name, prices in (("Cheap", (1, 2)), ("Dear", (10**6, 2 * 10**6)), ("Unpriced", (None, None))):
        key = core.keys.add(owner, KeyDraft(name, "openai_compatible", "", "https://m.example/v1", *prices))
        fields = {"name": name, "department": "hr", "role": "r", "goal": "g", "key_id": key.id, "model": "qwen"}
        core.agents.create(owner, fields)
    listed = core.prices.models_in_use(admin)
    assert [m.price.cost_of(Tokens(10**6, 0)).micros for m in listed] == [None, 1, 10**6]
