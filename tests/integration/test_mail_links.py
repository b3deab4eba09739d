"""Links that come by mail: for the right person, once, for a while, and they tell strangers nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, update

from core.accounts.inviting import invite_all
from core.accounts.lockout import FREE_TRIES
from core.accounts.mail_links import MailLinks
from core.accounts.models import User
from core.audit.origin import set_origin
from core.bootstrap import Core, build_core
from core.config import Settings
from core.db.tables import audit_log, mail_links, mail_outbox, metadata, users
from core.errors import (
    Conflict,
    CoreError,
    Forbidden,
    Invalid,
    LinkRefused,
    LockedOut,
    MailNotSetUp,
    RateLimitedHere,
    RegistrationClosed,
    SignInRefused,
    TicketRefused,
)
from core.organisation.models import Registration
from core.organisation.service import Organisation
from tests.conftest import PASSWORD, Cast
from tests.support.mailbox import MemoryTransport, link_in, token_in, with_mail
from tests.support.stopped_clock import StoppedClock

NEW = "a quite different sentence"
NO_TOKENS: list[Any] = [None, "", [], {}, 0, False, "null", "x" * 10_000, "\x00", "\ud800"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_mail(settings)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    return StoppedClock(monkeypatch)


@pytest.fixture
def admin(core: Core) -> User:
    return core.accounts.create_user("admin@example.com", "Ada Admin", PASSWORD, "admin")


@pytest.fixture
def from_afar() -> Iterator[None]:
    set_origin("203.0.113.7", "browser")
    yield
    set_origin("", "")


def deliver(core: Core, post: MemoryTransport) -> list[Any]:
    """Send everything that is due and return what was sent by that."""
    before = len(post.sent)
    while core.outbox.deliver_next():
        pass
    return post.sent[before:]


def reset_token(core: Core, post: MemoryTransport, email: str = "alice@example.com") -> str:
    deliver(core, post)
    core.mail_links.request_reset(email)
    (mail,) = deliver(core, post)
    assert mail.recipient == email
    return token_in(mail.body.get_secret_value())


def invitation_token(core: Core, post: MemoryTransport, admin: User, email: str = "dora@example.com") -> str:
    deliver(core, post)
    core.mail_links.invite(admin, email, "manager", "hr")
    (mail,) = deliver(core, post)
    return token_in(mail.body.get_secret_value())


def actions(core: Core) -> list[tuple[str, str]]:
    with core.db.read() as connection:
        rows = connection.execute(select(audit_log.c.action, audit_log.c.result).order_by(audit_log.c.seq))
        return [(row.action, row.result) for row in rows]


def everything_stored(core: Core) -> str:
    with core.db.read() as connection:
        return "\n".join(repr(connection.execute(select(table)).all()) for table in metadata.sorted_tables)


# --- verification ---------------------------------------------------------------------------------


def test_dora_registers_and_confirms_her_address_with_the_link(core: Core, post: MemoryTransport) -> None:
    dora = core.accounts.register("dora@example.com", "Dora", PASSWORD)
    assert core.mail_links.verified_at(dora) is None
    (mail,) = deliver(core, post)
    assert mail.recipient == "dora@example.com"
    assert link_in(mail.body.get_secret_value()).startswith("https://zoark.example.com/verify?token=")
    core.mail_links.verify(token_in(mail.body.get_secret_value()))
    assert core.mail_links.verified_at(dora) is not None
    assert ("email.verified", "ok") in actions(core)
    with pytest.raises(LinkRefused):
        core.mail_links.verify(token_in(mail.body.get_secret_value()))


def test_people_made_by_a_command_get_no_mail(core: Core, post: MemoryTransport, admin: User) -> None:
    assert deliver(core, post) == []


def test_a_link_of_another_kind_verifies_nothing(core: Core, cast: Cast, post: MemoryTransport) -> None:
    token = reset_token(core, post)
    with pytest.raises(LinkRefused):
        core.mail_links.verify(token)
    with pytest.raises(LinkRefused):
        core.mail_links.invitation(token)
    core.mail_links.check_reset(token)


def test_a_verification_is_worthless_after_the_address_changed(
    core: Core, cast: Cast, post: MemoryTransport
) -> None:
    mail = next(m for m in deliver(core, post) if m.recipient == "alice@example.com")
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == cast.alice.id).values(email="new@example.com"))
    with pytest.raises(LinkRefused):
        core.mail_links.verify(token_in(mail.body.get_secret_value()))


def test_alice_asks_for_the_verification_again_but_not_endlessly(
    core: Core, alice: User, post: MemoryTransport, time: StoppedClock
) -> None:
    deliver(core, post)
    for _ in range(5):
        core.mail_links.send_verification(alice)
    assert len(deliver(core, post)) == 5
    with pytest.raises(RateLimitedHere) as caught:
        core.mail_links.send_verification(alice)
    assert caught.value.facts == {"wait_seconds": 720}


# --- forgotten password ---------------------------------------------------------------------------


def test_alice_sets_a_new_password_and_every_session_ends(
    core: Core, cast: Cast, post: MemoryTransport, time: StoppedClock
) -> None:
    sessions = [core.accounts.start_session(cast.alice, "agent") for _ in range(2)]
    bobs = core.accounts.start_session(cast.bob, "agent")
    ticket = core.accounts.issue_ticket(cast.alice, "browser")
    for _ in range(FREE_TRIES + 1):
        with pytest.raises((SignInRefused, LockedOut)):
            core.accounts.authenticate("alice@example.com", "wrong")
    core.mail_links.set_new_password(reset_token(core, post), NEW)
    assert core.accounts.authenticate("Alice@example.com", NEW) == cast.alice  # no longer locked out
    with pytest.raises(SignInRefused):
        core.accounts.authenticate("alice@example.com", PASSWORD)
    assert [core.accounts.session_user(token) for token in sessions] == [None, None]
    with pytest.raises(TicketRefused):
        core.accounts.redeem_ticket(ticket, "browser", "agent")
    assert core.accounts.session_user(bobs) == cast.bob
    (notice,) = deliver(core, post)
    assert notice.subject == "Your password was changed"
    assert notice.recipient == "alice@example.com"
    assert core.mail_links.verified_at(cast.alice) is not None
    assert [entry for entry in actions(core) if entry[0].startswith("password")] == [
        ("password.reset_requested", "ok"),
        ("password.changed", "ok"),
    ]


def test_a_reset_link_works_once(core: Core, cast: Cast, post: MemoryTransport) -> None:
    token = reset_token(core, post)
    core.mail_links.set_new_password(token, NEW)
    with pytest.raises(LinkRefused):
        core.mail_links.check_reset(token)
    with pytest.raises(LinkRefused):
        core.mail_links.set_new_password(token, PASSWORD)
    assert core.accounts.authenticate("alice@example.com", NEW)


def test_a_reset_link_used_many_times_at_once_works_once(core: Core, cast: Cast, post: MemoryTransport) -> None:
    token = reset_token(core, post)

    def use(number: int) -> str:
        try:
            core.mail_links.set_new_password(token, f"{NEW} {number}")
        except CoreError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(use, range(6))) == ["link_refused"] * 5 + ["ok"]


def test_a_reset_link_works_for_thirty_minutes(
    core: Core, cast: Cast, post: MemoryTransport, time: StoppedClock
) -> None:
    token = reset_token(core, post)
    time.advance(minutes=29)
    core.mail_links.check_reset(token)
    time.advance(minutes=1)
    with pytest.raises(LinkRefused):
        core.mail_links.set_new_password(token, NEW)


def test_one_reset_makes_the_other_links_worthless(core: Core, cast: Cast, post: MemoryTransport) -> None:
    older, newer = reset_token(core, post), reset_token(core, post)
    core.mail_links.set_new_password(older, NEW)
    with pytest.raises(LinkRefused):
        core.mail_links.set_new_password(newer, PASSWORD)


@pytest.mark.parametrize("token", NO_TOKENS, ids=lambda token: repr(token)[:12])
def test_what_is_no_token_is_refused_like_a_wrong_one(
    core: Core, cast: Cast, post: MemoryTransport, token: Any
) -> None:
    core.mail_links.request_reset("alice@example.com")
    core.mail_links.request_reset("nobody@example.com")
    sentences = set()
    for attempt in (
        lambda: core.mail_links.set_new_password(token, NEW),
        lambda: core.mail_links.check_reset(token),
        lambda: core.mail_links.verify(token),
        lambda: core.mail_links.invitation(token),
        lambda: core.mail_links.accept_invitation(token, "Dora", NEW),
    ):
        with pytest.raises(LinkRefused) as caught:
            attempt()
        sentences.add(caught.value.sentence)
    assert sentences == {"This link has expired or was already used. Please ask for a new one."}
    assert core.accounts.authenticate("alice@example.com", PASSWORD)


def test_a_stranger_hears_the_same_about_known_and_unknown_addresses(
    core: Core, cast: Cast, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(core, post)
    work: dict[str, list[str]] = {}
    for address in ("alice@example.com", "nobody@example.com"):
        statements: list[str] = []
        with core.db.read() as connection:
            engine = connection.engine
        from sqlalchemy import event

        def note(_c: Any, _cursor: Any, statement: str, *_: Any, seen: list[str] = statements) -> None:
            seen.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        assert core.mail_links.request_reset(address) is None  # type: ignore[func-returns-value]
        event.remove(engine, "before_cursor_execute", note)
        work[address] = statements
    assert work["alice@example.com"] == work["nobody@example.com"]
    assert [mail.recipient for mail in deliver(core, post)] == ["alice@example.com"]
    assert core.mail.next_due_at() is None


def test_the_decoy_of_an_unknown_address_opens_nothing(
    core: Core, cast: Cast, post: MemoryTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    link = core.mail.link
    monkeypatch.setattr(core.mail, "link", lambda path, token: made.append(token) or link(path, token))
    core.mail_links.request_reset("nobody@example.com")
    with pytest.raises(LinkRefused):
        core.mail_links.check_reset(made[0])
    core.accounts.create_user("nobody@example.com", "Now Somebody", PASSWORD, "member")
    with pytest.raises(LinkRefused):
        core.mail_links.set_new_password(made[0], NEW)


def test_a_suspended_person_gets_no_link_and_cannot_use_an_older_one(
    core: Core, cast: Cast, post: MemoryTransport
) -> None:
    token = reset_token(core, post)
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == cast.alice.id).values(is_active=False))
    core.mail_links.request_reset("alice@example.com")
    assert deliver(core, post) == []
    with pytest.raises(LinkRefused):
        core.mail_links.set_new_password(token, NEW)


def test_no_token_is_stored_in_readable_form(core: Core, cast: Cast, post: MemoryTransport, admin: User) -> None:
    made: list[str] = []
    link = core.mail.link
    core.mail.link = lambda path, token, *site: made.append(token) or link(path, token, *site)  # type: ignore[method-assign]
    core.mail_links.request_reset("alice@example.com")
    core.mail_links.invite(admin, "dora@example.com", "member", None)
    core.mail_links.send_verification(cast.alice)
    assert len(made) == 3
    stored = everything_stored(core)
    assert not [token for token in made if token in stored]
    deliver(core, post)
    with core.db.read() as connection:
        assert set(connection.execute(select(mail_outbox.c.body_sealed)).scalars()) == {None}
    assert not [token for token in made if token in everything_stored(core)]


def test_a_stranger_asks_five_times_an_hour_about_one_address(
    core: Core, cast: Cast, post: MemoryTransport, time: StoppedClock
) -> None:
    refusals = []
    for address in ("alice@example.com", "nobody@example.com"):
        for _ in range(5):
            core.mail_links.request_reset(address)
        with pytest.raises(RateLimitedHere) as caught:
            core.mail_links.request_reset(f" {address.upper()}")
        refusals.append(caught.value.sentence)
    assert refusals == ["Too many tries. Please wait 720 s before the next one."] * 2
    time.advance(seconds=720)
    core.mail_links.request_reset("alice@example.com")


def test_a_stranger_asks_twenty_times_an_hour_in_all(
    core: Core, post: MemoryTransport, time: StoppedClock, from_afar: None
) -> None:
    for number in range(20):
        core.mail_links.request_reset(f"nobody{number}@example.com")
    with pytest.raises(RateLimitedHere):
        core.mail_links.request_reset("nobody20@example.com")
    set_origin("203.0.113.8", "browser")
    core.mail_links.request_reset("nobody20@example.com")


def test_a_network_registers_ten_times_an_hour(core: Core, time: StoppedClock, from_afar: None) -> None:
    for number in range(10):
        set_origin(f"2001:db8::{number + 1:x}", "browser")
        core.accounts.register(f"d{number}@example.com", "Dora", PASSWORD)
    with pytest.raises(RateLimitedHere):
        core.accounts.register("d10@example.com", "Dora", PASSWORD)
    set_origin("2001:db8:0:1::1", "browser")
    core.accounts.register("d10@example.com", "Dora", PASSWORD)


def test_what_is_no_address_is_said(core: Core, post: MemoryTransport) -> None:
    with pytest.raises(Invalid):
        core.mail_links.request_reset("no address")


@pytest.mark.parametrize("password", ["short", "alice alice alice", "password123456789", "zoark@example.com"])
def test_a_new_password_follows_the_rule_and_the_link_stays_good(
    core: Core, cast: Cast, post: MemoryTransport, password: str
) -> None:
    token = reset_token(core, post)
    with pytest.raises(Invalid):
        core.mail_links.set_new_password(token, password)
    core.mail_links.set_new_password(token, NEW)


# --- change while signed in -----------------------------------------------------------------------


def test_alice_changes_her_password_and_only_this_session_stays(
    core: Core, cast: Cast, post: MemoryTransport
) -> None:
    deliver(core, post)
    here, there = (core.accounts.start_session(cast.alice, "agent") for _ in range(2))
    bobs = core.accounts.start_session(cast.bob, "agent")
    core.mail_links.change_password(cast.alice, here, PASSWORD, NEW)
    assert core.accounts.session_user(here) == cast.alice
    assert core.accounts.session_user(there) is None
    assert core.accounts.session_user(bobs) == cast.bob
    assert core.accounts.authenticate("alice@example.com", NEW)
    assert [mail.subject for mail in deliver(core, post)] == ["Your password was changed"]
    assert ("password.changed", "ok") in actions(core)


def test_somebody_at_alices_desk_needs_her_present_password(core: Core, cast: Cast, time: StoppedClock) -> None:
    here = core.accounts.start_session(cast.alice, "agent")
    for _ in range(FREE_TRIES):
        with pytest.raises(Invalid) as caught:
            core.mail_links.change_password(cast.alice, here, "wrong", NEW)
        assert caught.value.field == "present"
    with pytest.raises(LockedOut):
        core.mail_links.change_password(cast.alice, here, PASSWORD, NEW)


def test_charlie_changing_his_password_touches_nobody_else(core: Core, cast: Cast) -> None:
    alices = core.accounts.start_session(cast.alice, "agent")
    core.mail_links.change_password(cast.charlie, alices, PASSWORD, NEW)
    assert core.accounts.session_user(alices) == cast.alice
    assert core.accounts.authenticate("alice@example.com", PASSWORD)


# --- invitations ----------------------------------------------------------------------------------


def with_registration(core: Core, mode: Registration) -> MailLinks:
    organisation = Organisation(core.db, core.audit, mode)
    return MailLinks(core.db, organisation, core.audit, core.accounts, core.departments, core.mail, core.limits)


def test_dora_accepts_an_invitation_and_has_role_department_and_a_verified_address(
    core: Core, settings: Settings, post: MemoryTransport, admin: User
) -> None:
    token = invitation_token(core, post, admin)
    links = with_registration(core, "invite")
    assert links.invitation(token).email == "dora@example.com"
    dora = links.accept_invitation(token, " Dora  Doe ", NEW)
    assert (dora.name, dora.role, dora.department) == ("Dora Doe", "manager", "hr")
    assert core.accounts.authenticate("dora@example.com", NEW) == dora
    assert links.verified_at(dora) is not None
    with pytest.raises(LinkRefused):
        links.accept_invitation(token, "Dora", NEW)
    assert [a for a in actions(core) if a[0].startswith("invitation")] == [
        ("invitation.sent", "ok"),
        ("invitation.accepted", "ok"),
    ]


def test_an_invitation_works_for_seven_days(
    core: Core, post: MemoryTransport, admin: User, time: StoppedClock
) -> None:
    token = invitation_token(core, post, admin)
    time.advance(days=7, seconds=-1)
    core.mail_links.invitation(token)
    time.advance(seconds=1)
    with pytest.raises(LinkRefused):
        core.mail_links.accept_invitation(token, "Dora", NEW)


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "member"}])
def test_the_invitation_of_somebody_who_may_no_longer_invite_is_refused(
    core: Core, post: MemoryTransport, admin: User, change: dict[str, Any]
) -> None:
    token = invitation_token(core, post, admin)
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == admin.id).values(**change))
    with pytest.raises(LinkRefused):
        core.mail_links.accept_invitation(token, "Dora", NEW)


def test_a_newer_invitation_replaces_the_older_one(core: Core, post: MemoryTransport, admin: User) -> None:
    older, newer = invitation_token(core, post, admin), invitation_token(core, post, admin)
    with pytest.raises(LinkRefused):
        core.mail_links.invitation(older)
    core.mail_links.invitation(newer)


def test_charlie_may_not_invite(core: Core, charlie: User, post: MemoryTransport) -> None:
    deliver(core, post)
    with pytest.raises(Forbidden):
        core.mail_links.invite(charlie, "dora@example.com", "admin", None)
    assert deliver(core, post) == []


def test_nobody_is_invited_where_registration_is_closed(
    core: Core, settings: Settings, post: MemoryTransport, admin: User
) -> None:
    token = invitation_token(core, post, admin)
    closed = with_registration(core, "closed")
    with pytest.raises(RegistrationClosed):
        closed.invite(admin, "emil@example.com", "member", None)
    with pytest.raises(RegistrationClosed):
        closed.accept_invitation(token, "Dora", NEW)


def test_who_has_an_account_is_not_invited(core: Core, cast: Cast, post: MemoryTransport, admin: User) -> None:
    with pytest.raises(Conflict):
        core.mail_links.invite(admin, "Alice@example.com", "member", None)


def test_an_account_made_in_the_meantime_is_not_taken_over(core: Core, post: MemoryTransport, admin: User) -> None:
    token = invitation_token(core, post, admin)
    core.accounts.register("dora@example.com", "Dora", PASSWORD)
    with pytest.raises(Conflict):
        core.mail_links.accept_invitation(token, "Somebody", NEW)
    assert core.accounts.authenticate("dora@example.com", PASSWORD)


@pytest.mark.parametrize(
    ("email", "role", "department", "field"),
    [
        ("no address", "member", "hr", "email"),
        ("dora@example.com", "owner", "hr", "role"),
        ("dora@example.com", "member", "nowhere", "department"),
    ],
)
def test_an_administrator_inviting_with_a_wrong_field_reads_which(
    core: Core, post: MemoryTransport, admin: User, email: str, role: Any, department: str, field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        core.mail_links.invite(admin, email, role, department)
    assert caught.value.field == field


def unmailed(core: Core) -> Core:
    core.mail.transport = None
    return core


SITE = "https://desk.example.com"


def test_without_mail_an_invitation_is_a_link_to_hand_over(core: Core, admin: User) -> None:
    links = unmailed(core).mail_links
    core.mail._base_url = ""
    link = links.invite(admin, "dora@example.com", "manager", "hr", SITE)
    assert link is not None
    assert link.get_secret_value().startswith(f"{SITE}/invitation?token=")
    token = token_in(link.get_secret_value())
    assert token not in repr(link) + everything_stored(core)
    assert links.invitation(token).email == "dora@example.com"
    dora = links.accept_invitation(token, "Dora", NEW)
    assert (dora.role, dora.department) == ("manager", "hr")
    assert links.verified_at(dora) is None  # nobody has shown that the mailbox is hers
    with pytest.raises(LinkRefused):
        links.accept_invitation(token, "Dora", NEW)
    assert [action for action, _ in actions(core) if action.startswith("invitation")] == [
        "invitation.handed",
        "invitation.accepted",
    ]


def test_a_handed_link_and_a_mailed_one_replace_each_other(core: Core, post: MemoryTransport, admin: User) -> None:
    mailed = invitation_token(core, post, admin)
    core.mail.transport = None
    link = core.mail_links.invite(admin, "dora@example.com", "member", None, SITE)
    assert link is not None
    with pytest.raises(LinkRefused):
        core.mail_links.invitation(mailed)
    core.mail.transport = post
    newer = invitation_token(core, post, admin)
    with pytest.raises(LinkRefused):
        core.mail_links.invitation(token_in(link.get_secret_value()))
    core.mail_links.invitation(newer)


def test_with_mail_no_link_is_given_out(core: Core, post: MemoryTransport, admin: User) -> None:
    assert core.mail_links.invite(admin, "dora@example.com", "member", None, SITE) is None


def test_a_handed_link_is_no_way_around_the_rules(
    core: Core, cast: Cast, admin: User, post: MemoryTransport
) -> None:
    links = unmailed(core).mail_links
    with pytest.raises(Forbidden):
        links.invite(cast.charlie, "dora@example.com", "admin", None, SITE)
    with pytest.raises(Conflict):
        links.invite(admin, "alice@example.com", "member", None, SITE)
    link = links.invite(admin, "dora@example.com", "member", None, SITE)
    assert link is not None
    with pytest.raises(RegistrationClosed):
        with_registration(core, "closed").invite(admin, "emil@example.com", "member", None, SITE)
    with core.db.transaction() as connection:
        connection.execute(update(users).where(users.c.id == admin.id).values(role="member"))
    with pytest.raises(LinkRefused):
        links.invitation(token_in(link.get_secret_value()))


def test_of_many_addresses_the_good_ones_are_invited_and_the_others_told(
    core: Core, cast: Cast, post: MemoryTransport, admin: User
) -> None:
    deliver(core, post)
    text = "dora@example.com\njunk\nalice@example.com, Emil <emil@example.com>"
    outcome = invite_all(core.mail_links, admin, text, "viewer", "hr", "")
    assert [(invited.address, invited.error) for invited in outcome] == [
        ("dora@example.com", None),
        ("junk", "This is not an e-mail address."),
        ("alice@example.com", "Somebody with this e-mail address has an account already."),
        ("emil@example.com", None),
    ]
    assert sorted(mail.recipient for mail in deliver(core, post)) == ["dora@example.com", "emil@example.com"]


# --- without a transport --------------------------------------------------------------------------


def test_without_a_transport_nothing_is_queued_and_it_is_said(core: Core, settings: Settings, admin: User) -> None:
    without = build_core(settings.model_copy(update={"smtp_url": type(settings.smtp_url)("")}))
    try:
        dora = without.accounts.register("dora@example.com", "Dora", PASSWORD)
        without.mail_links.change_password(dora, None, PASSWORD, NEW)
        for attempt in (
            lambda: without.mail_links.request_reset("dora@example.com"),
            lambda: without.mail_links.send_verification(dora),
            lambda: without.mail_links.invite(admin, "emil@example.com", "member", None),
        ):
            with pytest.raises(MailNotSetUp):
                attempt()
        with without.db.read() as connection:
            assert connection.execute(select(mail_outbox)).all() == []
            assert connection.execute(select(mail_links)).all() == []
        assert without.mail.next_due_at() is None
        assert not without.work_is_waiting()
    finally:
        without.close()
