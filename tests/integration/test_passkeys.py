"""Passkeys on both databases: real keys and signatures; whatever is late, foreign, forged or copied is refused."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import delete, insert, select, update

from core import clock
from core.accounts.models import User
from core.audit.origin import set_origin
from core.bootstrap import Core
from core.config import Settings
from core.db.tables import audit_log, identities, mail_outbox, metadata, passkeys, sessions, users
from core.errors import (
    CodeRefused,
    Conflict,
    CoreError,
    Invalid,
    NotFound,
    RateLimitedHere,
    SecondStepOver,
    SignInRefused,
    StepUpRequired,
)
from core.passkeys.failures import (
    PasskeyCopied,
    PasskeyOwnerSuspended,
    PasskeyRefused,
    PasskeysNotHere,
    PasskeyStepOver,
    PasskeyUnknown,
)
from core.passkeys.models import Assertion, Attestation, Passkey, Site
from tests.conftest import PASSWORD, Cast
from tests.fakes.authenticator import Authenticator, to_base64url
from tests.support.mailbox import MemoryTransport, with_mail
from tests.support.stopped_clock import StoppedClock

SITE = Site("localhost", "http://localhost:8501")
BROWSER = "browser"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"


@pytest.fixture
def device(core: Core, cast: Cast) -> Authenticator:
    """Alice's telephone, with a passkey of hers."""
    made = Authenticator()
    add(core, cast.alice, made)
    return made


def fresh(core: Core, user: User) -> User:
    """Return somebody who has just proved who they are."""
    return user.proven(clock.now())


def stale(user: User) -> User:
    return user.proven(None)


def add(core: Core, user: User, device: Authenticator, browser: str = BROWSER) -> Passkey:
    actor = fresh(core, user)
    answer = device.create(core.passkeys.begin_adding(actor, SITE, browser))
    return core.passkeys.add(actor, SITE, browser, answer)


def sign_in(core: Core, device: Authenticator, browser: str = BROWSER) -> User:
    return core.passkeys.sign_in(SITE, browser, device.get(core.passkeys.begin_sign_in(SITE, browser)))


def entries(core: Core, *actions: str) -> list[tuple[str | None, str, str, dict[str, object]]]:
    with core.db.read() as connection:
        rows = connection.execute(
            select(audit_log).where(audit_log.c.action.in_(actions)).order_by(audit_log.c.seq)
        ).all()
    return [(row.actor_id, row.action, row.result, row.detail) for row in rows]


def last_result(core: Core, action: str) -> str:
    return entries(core, action)[-1][2]


def stored_count(core: Core) -> int:
    with core.db.read() as connection:
        return connection.execute(select(passkeys.c.sign_count)).scalar_one()


# --- adding -------------------------------------------------------------------------------------


def test_alice_adds_a_passkey_and_signs_in_with_it_alone(core: Core, cast: Cast) -> None:
    set_origin("203.0.113.7", CHROME)
    device = Authenticator(is_backed_up=True)
    added = add(core, cast.alice, device)
    assert core.passkeys.list(cast.alice) == [added]
    assert (added.name, added.is_backed_up, added.last_used_at) == ("Chrome on Linux", True, None)
    assert added.transports == ("hybrid", "internal")
    user = sign_in(core, device)
    assert user == cast.alice
    assert user.proved_at is not None
    (used,) = core.passkeys.list(cast.alice)
    assert used.last_used_at is not None
    assert [entry[1:3] for entry in entries(core, "passkey.added", "passkey.used")] == [
        ("passkey.added", "ok"),
        ("passkey.used", "ok"),
    ]
    assert entries(core, "passkey.used")[0][0] == cast.alice.id


def test_the_options_ask_for_a_discoverable_verified_key_and_no_attestation(core: Core, cast: Cast) -> None:
    alice = fresh(core, cast.alice)
    options = core.passkeys.begin_adding(alice, SITE, BROWSER)
    assert options["rp"] == {"id": "localhost", "name": "Zoark"}
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["user"]["id"] == to_base64url(cast.alice.id.encode())
    add(core, cast.alice, device := Authenticator())
    again = core.passkeys.begin_adding(alice, SITE, BROWSER)
    assert [known["id"] for known in again["excludeCredentials"]] == [to_base64url(device.credential_id)]
    request = core.passkeys.begin_sign_in(SITE, BROWSER)
    assert (request["userVerification"], request["allowCredentials"]) == ("required", [])


def test_adding_asks_for_a_recent_proof(core: Core, cast: Cast) -> None:
    with pytest.raises(StepUpRequired):
        core.passkeys.begin_adding(stale(cast.alice), SITE, BROWSER)


def test_only_the_public_key_is_stored(core: Core, cast: Cast, device: Authenticator) -> None:
    private = device.key.private_numbers().private_value.to_bytes(32, "big")
    with core.db.read() as connection:
        rows = [row for table in metadata.tables.values() for row in connection.execute(select(table))]
    cells = [value for row in rows for value in row]
    assert device.key.public_key().public_numbers().x.to_bytes(32, "big") in b"".join(
        value for value in cells if isinstance(value, bytes)
    )
    assert not any(private in value for value in cells if isinstance(value, bytes))


def test_a_challenge_is_kept_as_a_hash_only(core: Core, cast: Cast) -> None:
    challenge = core.passkeys.begin_sign_in(SITE, BROWSER)["challenge"]
    with core.db.read() as connection:
        text = repr([tuple(row) for t in metadata.tables.values() for row in connection.execute(select(t))])
    assert challenge not in text
    assert BROWSER not in text.replace("browser_hash", "")


def test_one_passkey_belongs_to_one_person(core: Core, cast: Cast, device: Authenticator) -> None:
    with pytest.raises(Conflict):
        add(core, cast.charlie, device.copy())
    with pytest.raises(Conflict):
        add(core, cast.alice, device.copy())
    assert core.passkeys.list(cast.charlie) == []
    assert last_result(core, "passkey.refused") == "conflict"


def test_nobody_has_more_than_ten(core: Core, cast: Cast) -> None:
    for _ in range(10):
        add(core, cast.alice, Authenticator())
    with pytest.raises(Conflict, match="You have 10 passkeys"):
        core.passkeys.begin_adding(fresh(core, cast.alice), SITE, BROWSER)
    names = [passkey.name for passkey in core.passkeys.list(cast.alice)]
    assert len(set(names)) == 10


def test_two_browsers_at_once_do_not_make_eleven(core: Core, cast: Cast) -> None:
    alice = fresh(core, cast.alice)
    for _ in range(9):
        add(core, cast.alice, Authenticator())
    answers = [Authenticator().create(core.passkeys.begin_adding(alice, SITE, f"b{n}")) for n in range(4)]

    def finish(number: int) -> str:
        try:
            core.passkeys.add(alice, SITE, f"b{number}", answers[number])
        except CoreError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(finish, range(4))) == ["conflict", "conflict", "conflict", "ok"]
    assert len(core.passkeys.list(cast.alice)) == 10


@pytest.mark.parametrize(
    "device",
    [
        Authenticator(origin="http://localhost:8502"),
        Authenticator(origin="https://localhost:8501"),
        Authenticator(origin="http://evil.example"),
        Authenticator(origin="http://localhost:8501/"),
        Authenticator(origin="http://LOCALHOST:8501"),
        Authenticator(rp_id="evil.example"),
        Authenticator(rp_id=""),
        Authenticator(verifies_user=False),
        Authenticator(framed=True),
    ],
    ids=lambda d: f"{d.origin} {d.rp_id} {d.verifies_user} {d.framed}",
)
def test_a_new_passkey_of_another_page_or_without_verification_is_refused(
    core: Core, cast: Cast, device: Authenticator
) -> None:
    if device.rp_id == "":
        device.rp_id = "localhost."
    with pytest.raises(PasskeyRefused):
        add(core, cast.alice, device)
    assert core.passkeys.list(cast.alice) == []
    assert last_result(core, "passkey.refused") == "passkey_refused"


JUNK = [b"", b"\x00", b"{}", b"[]", b"null", b"\xff" * 50, b"[" * 100_000, b'{"challenge": 1}']


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_refused_without_an_error(core: Core, cast: Cast, device: Authenticator, junk: bytes) -> None:
    alice = fresh(core, cast.alice)
    good = Authenticator().create(core.passkeys.begin_adding(alice, SITE, BROWSER))
    with pytest.raises(PasskeyRefused):
        core.passkeys.add(alice, SITE, BROWSER, replace(good, client_data=junk))
    with pytest.raises(PasskeyRefused):
        core.passkeys.add(alice, SITE, BROWSER, replace(good, attestation_object=junk))
    used = device.get(core.passkeys.begin_sign_in(SITE, BROWSER))
    with pytest.raises(PasskeyRefused):
        core.passkeys.sign_in(SITE, BROWSER, replace(used, authenticator_data=junk))
    used = device.get(core.passkeys.begin_sign_in(SITE, BROWSER))
    with pytest.raises(PasskeyRefused):
        core.passkeys.sign_in(SITE, BROWSER, replace(used, signature=junk))


# --- signing in ---------------------------------------------------------------------------------


def test_a_challenge_is_good_once(core: Core, cast: Cast, device: Authenticator) -> None:
    answer = device.get(core.passkeys.begin_sign_in(SITE, BROWSER))
    assert core.passkeys.sign_in(SITE, BROWSER, answer) == cast.alice
    with pytest.raises(PasskeyStepOver):
        core.passkeys.sign_in(SITE, BROWSER, answer)
    alice = fresh(core, cast.alice)
    made = Authenticator().create(core.passkeys.begin_adding(alice, SITE, BROWSER))
    core.passkeys.add(alice, SITE, BROWSER, made)
    with pytest.raises(PasskeyStepOver):
        core.passkeys.add(alice, SITE, BROWSER, made)


def test_a_wrong_answer_uses_the_challenge_up(core: Core, device: Authenticator) -> None:
    right = device.get(core.passkeys.begin_sign_in(SITE, BROWSER))
    with pytest.raises(PasskeyRefused):
        core.passkeys.sign_in(SITE, BROWSER, replace(right, signature=b"wrong"))
    with pytest.raises(PasskeyStepOver):
        core.passkeys.sign_in(SITE, BROWSER, right)


def test_of_one_answer_sent_many_times_at_once_one_counts(core: Core, device: Authenticator) -> None:
    answer = device.get(core.passkeys.begin_sign_in(SITE, BROWSER))

    def send(_: int) -> str:
        try:
            return core.passkeys.sign_in(SITE, BROWSER, answer).email
        except CoreError as error:
            return error.code

    with ThreadPoolExecutor(6) as pool:
        results = sorted(pool.map(send, range(6)))
    assert results == ["alice@example.com", *["passkey_over"] * 5]


def test_a_challenge_is_worth_nothing_in_another_browser(core: Core, device: Authenticator) -> None:
    answer = device.get(core.passkeys.begin_sign_in(SITE, BROWSER))
    for other in ("another", "", BROWSER + " "):
        with pytest.raises(PasskeyStepOver):
            core.passkeys.sign_in(SITE, other, answer)
    assert last_result(core, "sign_in.refused") == "passkey_over"
    assert core.passkeys.sign_in(SITE, BROWSER, answer).email == "alice@example.com"


def test_a_browser_that_nothing_identifies_gets_no_challenge(core: Core) -> None:
    with pytest.raises(PasskeyStepOver):
        core.passkeys.begin_sign_in(SITE, "")


def test_a_challenge_expires_after_five_minutes(
    core: Core, device: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    answer = device.get(core.passkeys.begin_sign_in(SITE, BROWSER))
    time.advance(seconds=301)
    with pytest.raises(PasskeyStepOver):
        core.passkeys.sign_in(SITE, BROWSER, answer)


def test_a_challenge_serves_its_purpose_only(core: Core, cast: Cast, device: Authenticator) -> None:
    token = core.accounts.start_session(cast.alice, "agent")
    proof = device.get(core.passkeys.begin_proof(cast.alice, SITE, BROWSER))
    with pytest.raises(PasskeyStepOver):
        core.passkeys.sign_in(SITE, BROWSER, proof)
    entry = device.get(core.passkeys.begin_sign_in(SITE, BROWSER))
    with pytest.raises(PasskeyStepOver):
        core.passkeys.prove(cast.alice, token, SITE, BROWSER, entry)


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "http://localhost:8502"},
        {"origin": "https://evil.example"},
        {"rp_id": "evil.example"},
        {"verifies_user": False},
        {"framed": True},
        {"user_handle": b"user_of_somebody_else"},
    ],
    ids=str,
)
def test_a_use_on_another_page_or_without_verification_is_refused(
    core: Core, device: Authenticator, changes: dict[str, object]
) -> None:
    wrong = replace(device, **changes)  # type: ignore[arg-type]
    with pytest.raises(PasskeyRefused):
        sign_in(core, wrong)
    assert last_result(core, "sign_in.refused") == "passkey_refused"
    assert stored_count(core) == 0


def test_a_forged_signature_is_refused(core: Core, device: Authenticator) -> None:
    forger = replace(device, key=Authenticator().key)
    with pytest.raises(PasskeyRefused):
        sign_in(core, forger)


def test_a_creation_cannot_be_used_as_a_sign_in(core: Core, cast: Cast, device: Authenticator) -> None:
    class Confused(Authenticator):
        def _client_data(self, kind: str, challenge: str) -> bytes:
            return super()._client_data("webauthn.create", challenge)

    confused = Confused(credential_id=device.credential_id, key=device.key, user_handle=device.user_handle)
    with pytest.raises(PasskeyRefused):
        sign_in(core, confused)


def test_an_unknown_credential_is_refused(core: Core, cast: Cast, device: Authenticator) -> None:
    stranger = Authenticator(user_handle=cast.alice.id.encode())
    with pytest.raises(PasskeyUnknown):
        sign_in(core, stranger)
    nameless = replace(device, user_handle=None)  # a security key that keeps no account
    with pytest.raises(PasskeyUnknown):
        sign_in(core, nameless)


def test_a_copied_passkey_is_refused_and_written_down(core: Core, cast: Cast, device: Authenticator) -> None:
    sign_in(core, device)
    copy = device.copy()
    sign_in(core, device)
    sign_in(core, device)
    with pytest.raises(PasskeyCopied):
        sign_in(core, copy)
    actor, _, result, detail = entries(core, "sign_in.refused")[-1]
    assert (actor, result, detail) == (None, "passkey_copied", {"purpose": "sign_in", "user": cast.alice.id})
    assert stored_count(core) == 3
    silent = replace(device, counts=False)
    with pytest.raises(PasskeyCopied):  # it counted once: zero is going back
        sign_in(core, silent)


def test_nobody_can_cry_wolf_without_the_key(core: Core, device: Authenticator) -> None:
    sign_in(core, device)
    forger = replace(device, key=Authenticator().key, sign_count=-1)
    with pytest.raises(PasskeyRefused):
        sign_in(core, forger)


def test_a_device_that_never_counts_is_accepted(core: Core, cast: Cast) -> None:
    device = Authenticator(counts=False)
    add(core, cast.alice, device)
    assert [sign_in(core, device) for _ in range(3)] == [cast.alice] * 3


def test_a_suspended_person_is_refused(core: Core, cast: Cast, root: User, device: Authenticator) -> None:
    core.people.suspend(fresh(core, root), cast.alice.id)
    with pytest.raises(PasskeyOwnerSuspended):
        sign_in(core, device)
    assert last_result(core, "sign_in.refused") == "passkey_suspended"
    core.people.reactivate(fresh(core, root), cast.alice.id)
    assert sign_in(core, device) == cast.alice


def test_too_many_challenges_from_one_address_have_to_wait(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    StoppedClock(monkeypatch)
    set_origin("203.0.113.7", CHROME)
    for _ in range(60):
        core.passkeys.begin_sign_in(SITE, BROWSER)
    with pytest.raises(RateLimitedHere):
        core.passkeys.begin_sign_in(SITE, BROWSER)
    set_origin("203.0.113.8", CHROME)
    core.passkeys.begin_sign_in(SITE, BROWSER)


def test_old_challenges_are_forgotten(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    time = StoppedClock(monkeypatch)
    core.passkeys.begin_sign_in(SITE, BROWSER)
    time.advance(minutes=6)
    core.passkeys.begin_sign_in(SITE, BROWSER)
    with core.db.read() as connection:
        rows = connection.execute(select(metadata.tables["passkey_challenges"])).all()
    assert len(rows) == 1


# --- the second step ----------------------------------------------------------------------------


def test_with_a_passkey_the_password_is_not_enough(core: Core, cast: Cast, device: Authenticator) -> None:
    assert core.two_factor.is_required(cast.alice)
    assert not core.two_factor.has_app(cast.alice)
    assert not core.two_factor.is_required(cast.bob)
    state = core.two_factor.state(cast.alice)
    assert (state.is_enabled, state.passkeys, state.is_met) == (False, 1, True)
    token = core.two_factor.begin_sign_in(cast.alice, BROWSER)
    steps = core.two_factor.second_steps(token, BROWSER)
    assert (steps.has_app, steps.has_passkey) == (False, True)
    with pytest.raises(CodeRefused):
        core.two_factor.finish_sign_in(token, BROWSER, "123456")
    options = core.passkeys.begin_second_step(token, SITE, BROWSER)
    assert [known["id"] for known in options["allowCredentials"]] == [to_base64url(device.credential_id)]
    answer = device.get(options)
    assert core.passkeys.finish_second_step(token, SITE, BROWSER, answer) == cast.alice
    with pytest.raises(SecondStepOver):
        core.passkeys.finish_second_step(token, SITE, BROWSER, answer)
    with pytest.raises(SecondStepOver):
        core.passkeys.begin_second_step(token, SITE, BROWSER)


def test_a_second_step_takes_the_passkey_of_the_same_person_only(
    core: Core, cast: Cast, device: Authenticator
) -> None:
    charlies = Authenticator()
    add(core, cast.charlie, charlies)
    token = core.two_factor.begin_sign_in(cast.alice, BROWSER)
    answer = charlies.get(core.passkeys.begin_second_step(token, SITE, BROWSER))
    with pytest.raises(PasskeyUnknown):
        core.passkeys.finish_second_step(token, SITE, BROWSER, answer)
    assert entries(core, "passkey.refused")[-1][:3] == (cast.alice.id, "passkey.refused", "passkey_unknown")
    # The half sign-in still stands for the right one.
    right = device.get(core.passkeys.begin_second_step(token, SITE, BROWSER))
    assert core.passkeys.finish_second_step(token, SITE, BROWSER, right) == cast.alice


def test_a_half_sign_in_belongs_to_its_browser(core: Core, cast: Cast, device: Authenticator) -> None:
    token = core.two_factor.begin_sign_in(cast.alice, BROWSER)
    for wrong_token, browser in ((token, "another"), ("x", BROWSER), ("", BROWSER)):
        with pytest.raises(SecondStepOver):
            core.passkeys.begin_second_step(wrong_token, SITE, browser)
        with pytest.raises(SecondStepOver):
            core.two_factor.second_steps(wrong_token, browser)


def test_a_person_with_an_app_may_take_either(core: Core, cast: Cast, device: Authenticator) -> None:
    alice = fresh(core, cast.alice)
    totp = pyotp.TOTP(core.two_factor.begin(alice).text.replace(" ", ""))
    core.two_factor.enable(alice, totp.now())
    token = core.two_factor.begin_sign_in(cast.alice, BROWSER)
    steps = core.two_factor.second_steps(token, BROWSER)
    assert (steps.has_app, steps.has_passkey) == (True, True)
    assert sign_in(core, device) == cast.alice  # and no code is asked for


def test_somebody_without_passkeys_has_no_second_step_with_one(core: Core, cast: Cast) -> None:
    token = core.two_factor.begin_sign_in(cast.bob, BROWSER)
    with pytest.raises(NotFound):
        core.passkeys.begin_second_step(token, SITE, BROWSER)


# --- step-up ------------------------------------------------------------------------------------


def session_proof(core: Core, token: str) -> User:
    user = core.accounts.session_user(token)
    assert user is not None
    return user


def test_a_passkey_confirms_who_sits_there(
    core: Core, cast: Cast, device: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = StoppedClock(monkeypatch)
    token = core.accounts.start_session(cast.alice, "agent")
    time.advance(minutes=11)
    alice = session_proof(core, token)
    with pytest.raises(StepUpRequired):
        core.two_factor.begin(alice)
    answer = device.get(core.passkeys.begin_proof(alice, SITE, BROWSER))
    core.passkeys.prove(alice, token, SITE, BROWSER, answer)
    assert session_proof(core, token).proved_at == time.moment
    core.two_factor.begin(session_proof(core, token))


def test_the_passkey_of_somebody_else_confirms_nothing(core: Core, cast: Cast, device: Authenticator) -> None:
    charlies = Authenticator()
    add(core, cast.charlie, charlies)
    alices = core.accounts.start_session(cast.alice, "agent")
    answer = charlies.get(core.passkeys.begin_proof(cast.alice, SITE, BROWSER))
    with pytest.raises(PasskeyUnknown):
        core.passkeys.prove(cast.alice, alices, SITE, BROWSER, answer)
    # And a challenge of Charlie's does not serve Alice.
    answer = device.get(core.passkeys.begin_proof(cast.charlie, SITE, BROWSER))
    with pytest.raises(PasskeyStepOver):
        core.passkeys.prove(cast.alice, alices, SITE, BROWSER, answer)


def test_a_proof_is_noted_in_the_actors_own_session_only(core: Core, cast: Cast, device: Authenticator) -> None:
    charlies = core.accounts.start_session(cast.charlie, "agent")
    with core.db.transaction() as connection:
        connection.execute(update(sessions).values(proved_at=None))
    for token in (charlies, None, "x"):
        answer = device.get(core.passkeys.begin_proof(cast.alice, SITE, BROWSER))
        with pytest.raises(StepUpRequired):
            core.passkeys.prove(cast.alice, token, SITE, BROWSER, answer)
    assert session_proof(core, charlies).proved_at is None


def test_without_a_passkey_there_is_nothing_to_confirm_with(core: Core, cast: Cast) -> None:
    with pytest.raises(NotFound):
        core.passkeys.begin_proof(cast.bob, SITE, BROWSER)


def test_a_six_digit_password_try_is_still_a_password_for_passkey_people(
    core: Core, cast: Cast, device: Authenticator
) -> None:
    """Only who has an app is asked for a code; digits are a wrong password for everybody else."""
    token = core.accounts.start_session(cast.alice, "agent")
    with pytest.raises(SignInRefused):
        core.two_factor.prove(cast.alice, token, "123456")
    core.two_factor.prove(cast.alice, token, PASSWORD)


# --- a person's list ----------------------------------------------------------------------------


def test_alice_renames_and_removes_hers(core: Core, cast: Cast, device: Authenticator) -> None:
    (mine,) = core.passkeys.list(cast.alice)
    core.passkeys.rename(cast.alice, mine.id, "  My   telephone ")
    assert [passkey.name for passkey in core.passkeys.list(cast.alice)] == ["My telephone"]
    for wrong in ("", " ", "x" * 61, "a\x00b"):
        with pytest.raises(Invalid):
            core.passkeys.rename(cast.alice, mine.id, wrong)
    with pytest.raises(StepUpRequired):
        core.passkeys.remove(stale(cast.alice), mine.id)
    core.passkeys.remove(fresh(core, cast.alice), mine.id)
    assert core.passkeys.list(cast.alice) == []
    assert not core.two_factor.is_required(cast.alice)
    with pytest.raises(PasskeyUnknown):
        sign_in(core, device)
    with pytest.raises(NotFound):
        core.passkeys.remove(fresh(core, cast.alice), mine.id)
    assert [entry[1] for entry in entries(core, "passkey.renamed", "passkey.removed")] == [
        "passkey.renamed",
        "passkey.removed",
    ]


def test_charlie_finds_none_of_alices(core: Core, cast: Cast, device: Authenticator) -> None:
    (alices,) = core.passkeys.list(cast.alice)
    charlie = fresh(core, cast.charlie)
    assert core.passkeys.list(charlie) == []
    with pytest.raises(NotFound):
        core.passkeys.rename(charlie, alices.id, "Mine now")
    with pytest.raises(NotFound):
        core.passkeys.remove(charlie, alices.id)
    assert core.passkeys.list(cast.alice) == [alices]


def test_the_last_way_in_stays(core: Core, cast: Cast, device: Authenticator) -> None:
    """A person without password or provider keeps one passkey."""
    alice = fresh(core, cast.alice)
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == alice.id).values(password_hash=None))
    (first,) = core.passkeys.list(alice)
    with pytest.raises(Conflict, match="only way to sign in"):
        core.passkeys.remove(alice, first.id)
    assert core.passkeys.list(alice) == [first]
    second = add(core, alice, Authenticator())
    core.passkeys.remove(alice, first.id)
    with pytest.raises(Conflict):
        core.passkeys.remove(alice, second.id)
    with core.db.transaction() as connection:
        connection.execute(
            insert(identities).values(
                id="ident_1",
                user_id=alice.id,
                provider="google",
                issuer="https://accounts.google.com",
                subject="1",
                email=alice.email,
                name="Alice",
                scopes="",
                token_version=1,
                linked_at=clock.now(),
            )
        )
    core.passkeys.remove(alice, second.id)
    assert core.passkeys.list(alice) == []
    with core.db.transaction() as connection:
        connection.execute(delete(identities))


# --- administrators and the organisation --------------------------------------------------------


def test_an_administrators_reset_removes_passkeys_too(
    core: Core, cast: Cast, root: User, device: Authenticator
) -> None:
    admin = fresh(core, root)
    assert core.people.get(admin, cast.alice.id).has_two_factor
    assert not core.people.get(admin, cast.bob.id).has_two_factor
    core.two_factor.reset(admin, cast.alice.id)
    assert core.passkeys.list(cast.alice) == []
    assert not core.two_factor.is_required(cast.alice)
    assert not core.people.get(admin, cast.alice.id).has_two_factor
    assert entries(core, "two_factor.reset")[0][3] == {"passkeys": 1, "sessions": 0}


def test_a_passkey_is_the_second_factor_that_the_organisation_demands(core: Core, root: User) -> None:
    admin = fresh(core, root)
    core.organisation.change(admin, {"two_factor_for": "admins"})
    assert core.two_factor.must_enrol(root)
    add(core, root, Authenticator())
    assert not core.two_factor.must_enrol(root)
    state = core.two_factor.state(root)
    assert state.is_demanded
    assert state.is_met


def test_it_can_be_demanded_of_everybody(core: Core, cast: Cast, root: User, device: Authenticator) -> None:
    core.organisation.change(fresh(core, root), {"two_factor_for": "everybody"})
    assert [core.two_factor.must_enrol(user) for user in (cast.alice, cast.bob, root)] == [False, True, True]
    core.organisation.change(fresh(core, root), {"two_factor_for": "nobody"})
    assert not core.two_factor.must_enrol(root)


# --- where it works -----------------------------------------------------------------------------


@pytest.fixture
def with_base_url(core: Core, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda url: monkeypatch.setattr(core.passkeys, "_base_url", url)


def test_passkeys_belong_to_the_base_url(core: Core, with_base_url: Callable[[str], None]) -> None:
    with_base_url("https://zoark.example.com/")
    assert core.passkeys.site_at("https://zoark.example.com:443/x") == Site(
        "zoark.example.com", "https://zoark.example.com"
    )
    for elsewhere in ("https://other.example.com", "http://localhost:8501", "http://zoark.example.com", ""):
        with pytest.raises(PasskeysNotHere, match=r"https://zoark\.example\.com"):
            core.passkeys.site_at(elsewhere)


# --- the notice ---------------------------------------------------------------------------------


class TestNotice:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return with_mail(settings)

    def test_alice_is_told_of_a_new_passkey(self, core: Core, cast: Cast) -> None:
        core.mail.transport = MemoryTransport()
        with core.db.transaction() as connection:
            connection.execute(delete(mail_outbox))
        set_origin("203.0.113.7", CHROME)
        add(core, cast.alice, Authenticator())
        with pytest.raises(PasskeyRefused):
            add(core, cast.alice, Authenticator(verifies_user=False))
        while core.outbox.deliver_next():
            pass
        (mail,) = core.mail.transport.sent
        assert (mail.recipient, mail.subject) == ("alice@example.com", "A passkey was added to your account")
        assert "“Chrome on Linux”" in mail.body.get_secret_value()


def test_values_of_a_ceremony_show_no_bytes() -> None:
    used = Assertion(b"id", b"secret-1", b"secret-2", b"secret-3")
    told = repr(used) + repr(Attestation(b"id", b"secret-4", b"secret-5"))
    assert "secret" not in told
