"""Answers kept for repeated requests, on both databases: given again to the same person only, and sealed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from core.bootstrap import Core
from core.db.tables import idempotency_keys
from core.errors import CoreError
from core.idempotency.failures import KeyReused, StillRunning
from core.idempotency.models import Answer, Attempt
from core.idempotency.service import ATTEMPT_LIFE, KEPT
from core.security.sealing import KeyRing, Vault
from tests.conftest import Cast
from tests.support.stopped_clock import StoppedClock

CANARY = "zk-Idempotent-canary-0123456789"
ANSWER = Answer(201, {"location": "/api/v1/tokens/1"}, f'{{"token": "{CANARY}"}}'.encode() + b"\xff")
REQUEST = b"POST /tokens"


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


def begin(core: Core, cast: Cast, request: bytes = REQUEST) -> Attempt:
    found = core.idempotency.begin(cast.alice, "key", request)
    assert isinstance(found, Attempt)
    return found


def test_the_same_request_gets_the_same_answer_for_a_day(core: Core, cast: Cast, time: StoppedClock) -> None:
    core.idempotency.finish(begin(core, cast), ANSWER)
    time.advance(hours=23)
    assert core.idempotency.begin(cast.alice, "key", REQUEST) == ANSWER
    with pytest.raises(KeyReused):
        core.idempotency.begin(cast.alice, "key", b"POST /other")
    time.advance(hours=1, seconds=1)
    begin(core, cast, b"POST /other")


def test_two_peoples_equal_keys_never_meet(core: Core, cast: Cast) -> None:
    core.idempotency.finish(begin(core, cast), ANSWER)
    for other in (cast.bob, cast.charlie):
        assert isinstance(core.idempotency.begin(other, "key", REQUEST), Attempt)
    assert isinstance(core.idempotency.begin(cast.alice, "key ", REQUEST), Attempt)
    assert isinstance(core.idempotency.begin(cast.alice, "\ud800\x00", REQUEST), Attempt)


def test_what_is_under_way_is_not_begun_again_until_it_must_be_dead(
    core: Core, cast: Cast, time: StoppedClock
) -> None:
    dead = begin(core, cast)
    with pytest.raises(StillRunning):
        begin(core, cast)
    with pytest.raises(KeyReused):
        begin(core, cast, b"POST /other")
    time.advance(seconds=ATTEMPT_LIFE.total_seconds())
    second = begin(core, cast)
    # The first was only slow: what it brings now belongs to nobody.
    core.idempotency.finish(dead, ANSWER)
    core.idempotency.abandon(dead)
    with pytest.raises(StillRunning):
        begin(core, cast)
    core.idempotency.finish(second, Answer(200, {}, b"second"))
    assert core.idempotency.begin(cast.alice, "key", REQUEST) == Answer(200, {}, b"second")


def test_what_failed_may_be_tried_again(core: Core, cast: Cast) -> None:
    core.idempotency.abandon(begin(core, cast))
    core.idempotency.abandon(begin(core, cast, b"POST /other"))


def test_of_equal_requests_at_the_same_moment_one_is_executed(core: Core, cast: Cast) -> None:
    def attempt(_: int) -> str:
        try:
            return type(core.idempotency.begin(cast.alice, "key", REQUEST)).__name__
        except CoreError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        outcomes = sorted(pool.map(attempt, range(6)))
    assert outcomes == ["Attempt"] + ["idempotency_in_progress"] * 5


def test_a_kept_answer_is_readable_nowhere_and_opens_in_its_row_only(core: Core, cast: Cast) -> None:
    core.idempotency.finish(begin(core, cast), ANSWER)
    assert CANARY not in repr(ANSWER)
    other = core.idempotency.begin(cast.bob, "key", REQUEST)
    assert isinstance(other, Attempt)
    core.idempotency.finish(other, Answer(200, {}, b"mine"))
    with core.db.transaction() as connection:
        rows = connection.execute(select(idempotency_keys)).all()
        assert CANARY.encode() not in b"".join(row.answer_sealed for row in rows)
        assert "key" not in [row.id for row in rows]
        alices = next(row.answer_sealed for row in rows if row.user_id == cast.alice.id)
        connection.execute(
            idempotency_keys.update().where(idempotency_keys.c.user_id == cast.bob.id).values(answer_sealed=alices)
        )
    assert isinstance(core.idempotency.begin(cast.bob, "key", REQUEST), Attempt)


def test_with_a_lost_master_key_requests_are_executed_anew(core: Core, cast: Cast) -> None:
    vault = core.idempotency._vault
    core.idempotency.finish(begin(core, cast), ANSWER)
    with core.db.transaction() as connection:
        assert core.idempotency.forget_unreadable(connection, {2}) == {"answers": 0}
    core.idempotency._vault = Vault(KeyRing({2: b"2" * 32}), vault._install_id)
    begin(core, cast)
    core.idempotency._vault = vault
    with core.db.transaction() as connection:
        connection.execute(idempotency_keys.delete())
    core.idempotency.finish(begin(core, cast), ANSWER)
    with core.db.transaction() as connection:
        assert core.idempotency.forget_unreadable(connection, {1}) == {"answers": 1}
    begin(core, cast)


def test_old_answers_are_forgotten(core: Core, cast: Cast, time: StoppedClock) -> None:
    core.idempotency.finish(begin(core, cast), ANSWER)
    assert core.idempotency.forget_old(10) == 0
    time.advance(seconds=KEPT.total_seconds() + 1)
    assert core.idempotency.forget_old(10) == 1
