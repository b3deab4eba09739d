"""Links that come by mail: confirm an address, set a new password, accept an invitation; and changing a password.

A token has 256 bits and is kept as a hash only. Whoever asks learns nothing about who has an account.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import SecretStr

from core import clock
from core.accounts import invitations, repository
from core.accounts.capabilities import can, require
from core.accounts.link_rules import (
    INVITATIONS,
    KEPT,
    PAGES,
    RESETS_AN_HOUR_PER_ADDRESS,
    RESETS_AN_HOUR_PER_ORIGIN,
    VERIFICATIONS_AN_HOUR,
)
from core.accounts.models import ROLES, LinkKind, MailLink, Role, User
from core.accounts.proof import require_recent_proof
from core.accounts.reach import may_give
from core.accounts.service import MAX_NAME, Accounts, normalise_email, sign_in_subject
from core.audit.origin import origin
from core.audit.service import Audit
from core.db import Connection, Database
from core.departments.service import Departments
from core.errors import Conflict, Forbidden, Invalid, LinkRefused, MailNotSetUp, RegistrationClosed, SignInRefused
from core.limits.service import Limits, network
from core.names import clean_name
from core.notify import messages
from core.notify.models import WORTH_SENDING
from core.notify.service import Mail
from core.organisation.service import Organisation
from core.security import passwords
from core.security.tokens import hash_link, hash_token


class MailLinks:
    """Send links, and do what they are for."""

    def __init__(
        self,
        db: Database,
        organisation: Organisation,
        audit: Audit,
        accounts: Accounts,
        departments: Departments,
        mail: Mail,
        limits: Limits,
    ) -> None:
        """Write to ``mail``; count tries with ``limits``; greet everybody who registers in ``accounts``."""
        self._db = db
        self._organisation = organisation
        self._audit = audit
        self._accounts = accounts
        self._departments = departments
        self._mail = mail
        self._limits = limits
        accounts.on_registration(self._put_verification)

    # --- verification -------------------------------------------------------------------------

    def verified_at(self, actor: User) -> datetime | None:
        """Return when the actor's address was verified."""
        with self._db.read() as connection:
            return repository.email_verified_at(connection, actor.id)

    def send_verification(self, actor: User) -> None:
        """Send the actor a new link that verifies their address.

        Raises:
            MailNotSetUp: mail cannot be sent from here.
            RateLimitedHere: too many were sent.
        """
        self._require_mail()
        self._limits.take(f"verify/{actor.id}", VERIFICATIONS_AN_HOUR)
        with self._db.transaction() as connection:
            self._put_verification(connection, actor)

    def verify(self, token: object) -> None:
        """Note that an address is the person's who got this link.

        Raises:
            LinkRefused: unknown, expired or used.
        """
        token_hash, at = hash_link(token), clock.now()
        with self._db.transaction() as connection:
            link, user = self._use(connection, "verification", token_hash, at)
            if not repository.verify_email(connection, user.id, link.email, at):
                raise LinkRefused
            self._audit.record(connection, user, "email.verified", "user", user.id)

    # --- forgotten password -------------------------------------------------------------------

    def request_reset(self, email: str) -> None:
        """Send a link that sets a new password; an unknown address gets the same answer and costs the same work.

        Raises:
            MailNotSetUp: mail cannot be sent from here.
            Invalid: this is no e-mail address.
            RateLimitedHere: too many for this address, or from this network address.
        """
        self._require_mail()
        address = normalise_email(email[:1000])
        self._take_for_origin("reset", RESETS_AN_HOUR_PER_ORIGIN)
        self._limits.take(f"reset/{hash_token('reset/' + address)}", RESETS_AN_HOUR_PER_ADDRESS)
        at = clock.now()
        with self._db.transaction() as connection:
            user, _ = repository.user_and_hash(connection, address)
            link = MailLink("reset", address, at + WORTH_SENDING["reset"], user.id if user else None)
            message = messages.reset(self._mail.link(PAGES["reset"], self._write(connection, link, at)))
            self._mail.put(connection, address, message, is_decoy=user is None)
            self._audit.record(
                connection,
                None,
                "password.reset_requested",
                "user",
                user.id if user else "",
                result="ok" if user else "no_account",
                actor_email=address,
            )

    def check_reset(self, token: object) -> int:
        """Return how many characters the new password needs; raise ``LinkRefused`` unless it can be set now."""
        with self._db.read() as connection:
            _, user = self._owner(connection, "reset", hash_link(token), clock.now())
        return self._accounts.shortest_password(user.role)

    def set_new_password(self, token: object, password: str) -> None:
        """Set a forgotten password anew: every session ends, wrong tries are forgiven, the person is told.

        Raises:
            LinkRefused: unknown, expired or used.
            Invalid: the password has not the right form.
        """
        token_hash = hash_link(token)
        with self._db.read() as connection:
            _, user = self._owner(connection, "reset", token_hash, clock.now())
        self._accounts.check_password(password, user.name, user.email, user.role)
        password_hash = passwords.hash_password(password)
        at = clock.now()
        with self._db.transaction() as connection:
            link, user = self._use(connection, "reset", token_hash, at)
            self._store_password(connection, user, password_hash, at, but=None)
            # Whoever opened this link reads the mail of the address.
            repository.verify_email(connection, user.id, link.email, at)
            repository.clear_failures(connection, sign_in_subject(user.email))

    def change_password(
        self, actor: User, session_token: str | None, present: str, new: str, *, session_id: str | None = None
    ) -> None:
        """Change the actor's own password: their sessions but the one of the token or id end, and they are told.

        Raises:
            LockedOut: too many wrong tries.
            Invalid: the present password is wrong, or the new one has not the right form.
        """
        try:
            self._accounts.check_password(new, actor.name, actor.email, actor.role)
        except Invalid as error:
            raise Invalid(error.sentence, "new") from None
        try:
            self._accounts.authenticate(actor.email, present)
        except SignInRefused:
            raise Invalid("This is not your present password.", "present") from None
        password_hash = passwords.hash_password(new)
        with self._db.transaction() as connection:
            but = hash_token(session_token) if session_token else session_id
            self._store_password(connection, actor, password_hash, clock.now(), but)

    # --- invitations --------------------------------------------------------------------------

    def invite(
        self, actor: User, email: str, role: Role, department: str | None, site: str = ""
    ) -> SecretStr | None:
        """Invite somebody by mail; an older invitation of the same address stops working.

        Where mail is not set up, a ``site`` (the address people open) has the link returned, to be handed over.

        Raises:
            Forbidden: the actor may not give this role in this department.
            StepUpRequired: it is long ago that the actor proved who they are.
            MailNotSetUp: mail cannot be sent from here, and there is no ``site``.
            RegistrationClosed: nobody new is taken in.
            Invalid: the address, role or department is wrong.
            Conflict: the address has an account.
        """
        require(actor, "people.department")
        if not may_give(actor, role, department):
            raise Forbidden
        if not site:
            self._require_mail()
        require_recent_proof(actor)
        address = normalise_email(email[:1000])
        if role not in ROLES:
            raise Invalid("Choose one of the roles.", "role")
        if department is not None:
            self._departments.check(department)
        at = clock.now()
        kind: LinkKind = "invitation" if self._mail.is_set_up else "handed"
        link = MailLink(kind, address, at + WORTH_SENDING["invitation"], None, role, department, actor.id)
        with self._db.transaction() as connection:
            self._require_registration(connection)
            if repository.is_active_at(connection, address) is not None:
                raise Conflict("Somebody with this e-mail address has an account already.")
            # A manager takes back their own invitations only, not one that reaches further.
            by = None if can(actor, "people.manage") else actor.id
            for older in INVITATIONS:
                repository.close_links(connection, older, address, at, by)
            url = self._mail.link(PAGES["invitation"], self._write(connection, link, at), site)
            self._mail.put(connection, address, messages.invitation(url, actor.name))
            self._audit.record(
                connection,
                actor,
                "invitation.sent" if kind == "invitation" else "invitation.handed",
                "invitation",
                address,
                detail={"role": role, "department": department},
            )
        return SecretStr(url) if kind == "handed" else None

    def invitation(self, token: object) -> MailLink:
        """Return what an invitation is for.

        Raises:
            LinkRefused: unknown, expired, used, or its sender may not invite any more.
        """
        with self._db.read() as connection:
            return invitations.open_invitation(connection, hash_link(token), clock.now())

    def accept_invitation(self, token: object, name: str, password: str) -> User:
        """Make the account an invitation is for; its address counts as verified when a mail carried the link.

        Raises:
            LinkRefused: unknown, expired, used, or its sender may not invite any more.
            RegistrationClosed: nobody new is taken in.
            Invalid: the name or password has not the right form.
            Conflict: the address has an account by now.
        """
        invited = self.invitation(token)
        cleaned = clean_name(name, MAX_NAME)
        self._accounts.check_password(password, cleaned, invited.email, invited.role or "member")
        password_hash = passwords.hash_password(password)
        with self._db.transaction() as connection:
            self._require_registration(connection)
            return invitations.accept(connection, self._audit, hash_link(token), cleaned, password_hash)

    # --- the parts ----------------------------------------------------------------------------

    def _put_verification(self, connection: Connection, user: User) -> None:
        if self._mail.is_set_up:
            at = clock.now()
            link = MailLink("verification", user.email, at + WORTH_SENDING["verification"], user.id)
            token = self._write(connection, link, at)
            self._mail.put(connection, user.email, messages.verification(self._mail.link(PAGES[link.kind], token)))

    def _write(self, connection: Connection, link: MailLink, at: datetime) -> str:
        token = clock.new_token()
        repository.drop_old_links(connection, at - KEPT)
        repository.insert_link(connection, hash_token(token), link, at)
        return token

    def _owner(
        self, connection: Connection, kind: LinkKind, token_hash: str, at: datetime
    ) -> tuple[MailLink, User]:
        link = repository.open_link(connection, kind, token_hash, at)
        user = repository.user_by_id(connection, link.user_id) if link and link.user_id else None
        if link is None or user is None:
            raise LinkRefused
        return link, user

    def _use(self, connection: Connection, kind: LinkKind, token_hash: str, at: datetime) -> tuple[MailLink, User]:
        link, user = self._owner(connection, kind, token_hash, at)
        if not repository.use_link(connection, kind, token_hash, at):
            raise LinkRefused
        return link, user

    def _store_password(
        self, connection: Connection, user: User, password_hash: str, at: datetime, but: str | None
    ) -> None:
        if not repository.set_password_hash(connection, user.id, password_hash):
            raise LinkRefused
        repository.end_sessions(connection, user.id, at, but)
        repository.close_links(connection, "reset", user.email, at)
        self._mail.put(connection, user.email, messages.password_changed(at))
        self._audit.record(connection, user, "password.changed", "user", user.id)

    def _take_for_origin(self, what: str, rate: int) -> None:
        if address := network(origin().address):
            self._limits.take(f"{what}-from/{address}", rate)

    def _require_mail(self) -> None:
        if not self._mail.is_set_up:
            raise MailNotSetUp

    def _require_registration(self, connection: Connection) -> None:
        if self._organisation.registration(connection) == "closed":
            raise RegistrationClosed
