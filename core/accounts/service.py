"""The rules of registering, signing in and staying signed in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from email_validator import EmailNotValidError, validate_email

from core import clock
from core.accounts import lockout, networks, repository
from core.accounts.devices import device_label
from core.accounts.models import FirstAdmin, Role, User
from core.audit.origin import origin
from core.audit.service import Audit
from core.config import Settings
from core.db import Connection, Database
from core.errors import (
    Conflict,
    Invalid,
    LockedOut,
    RegistrationClosed,
    SignInRefused,
    StepUpRequired,
    TicketRefused,
)
from core.limits.service import Limits, network
from core.names import clean_name
from core.organisation.service import Organisation
from core.security import passwords
from core.security.tokens import hash_token

TICKET_LIFE = timedelta(seconds=60)
TOUCH_EVERY = timedelta(minutes=1)
MAX_NAME = 120
REGISTRATIONS_AN_HOUR = 10


class Accounts:
    """Register people, check passwords, issue tickets and sessions."""

    def __init__(
        self, db: Database, settings: Settings, organisation: Organisation, limits: Limits, audit: Audit
    ) -> None:
        """Register under ``settings`` and ``limits``, keep sessions as ``organisation`` says; tell ``audit``."""
        self._db = db
        self._audit = audit
        self._settings = settings
        self._organisation = organisation
        self._limits = limits
        self._greeters: list[Callable[[Connection, User], None]] = []
        self._device_listeners: list[Callable[[Connection, User, str], None]] = []

    def on_registration(self, greet: Callable[[Connection, User], None]) -> None:
        """Call ``greet`` in the transaction of each registration: the mail that verifies the address."""
        self._greeters.append(greet)

    def on_new_device(self, tell: Callable[[Connection, User, str], None]) -> None:
        """Call ``tell`` with a device's label, in the transaction of a person's first sign-in with it."""
        self._device_listeners.append(tell)

    def check_open(self, connection: Connection | None = None, to: tuple[str, ...] = ("open",)) -> None:
        """Raise ``RegistrationClosed`` unless people come in one of these ways, as the transaction sees it."""
        if self._organisation.registration(connection) not in to:
            raise RegistrationClosed

    def shortest_password(self, role: Role) -> int:
        """Return how many characters a new password of somebody with this role needs."""
        return self._organisation.get().shortest_password(role)

    def check_password(self, password: str, name: str, email: str, role: Role) -> None:
        """Raise ``Invalid`` unless this is a good new password for somebody with this name, address and role."""
        passwords.check_rule(password, passwords.context_words(name, email), self.shortest_password(role))

    def register(self, email: str, name: str, password: str) -> User:
        """Add a member by their own request.

        Raises:
            RegistrationClosed: the mode is not ``open``.
            Invalid: the address, name or password has not the right form, or the address is of another domain.
            Conflict: the address is taken.
            RateLimitedHere: too many registrations from this network address.
        """
        self.check_open()
        if address := network(origin().address):
            self._limits.take(f"register/{address}", REGISTRATIONS_AN_HOUR)
        self.check_domain(email)
        # Asked again where it is written: an administrator may have closed it meanwhile.
        return self._create(email, name, password, "member", [lambda at, _: self.check_open(at), *self._greeters])

    def check_domain(self, email: str) -> None:
        """Raise ``Invalid`` where people register by themselves and the address is of no allowed domain."""
        if not self._organisation.get().accepts(normalise_email(email)):
            raise Invalid("Addresses of this domain cannot register here. Use the one of your company.", "email")

    def create_user(self, email: str, name: str, password: str, role: Role) -> User:
        """Add a person; for commands and the first start, which ask no registration mode."""
        return self._create(email, name, password, role, ())

    def _create(
        self,
        email: str,
        name: str,
        password: str,
        role: Role,
        greeters: Sequence[Callable[[Connection, User], None]],
    ) -> User:
        address = normalise_email(email)
        self.check_password(password, name, address, role)
        at = clock.now()
        user = User(clock.new_id("user"), address, clean_name(name, MAX_NAME), role, None, at, proved_at=at)
        password_hash = passwords.hash_password(password)
        with self._db.transaction() as connection:
            self._insert(connection, user, password_hash)
            for greet in greeters:
                greet(connection, user)
        return user

    def ensure_first_admin(self) -> FirstAdmin | None:
        """Make the first administrator when there is nobody yet; None when there already is somebody."""
        with self._db.read() as connection:
            if repository.count_users(connection):
                return None
        given = self._settings.admin_password.get_secret_value()
        password = given or clock.new_token()[:24]
        email = normalise_email(self._settings.admin_email or "admin@zoark.example")
        passwords.check_rule(password)
        password_hash = passwords.hash_password(password)
        user = User(clock.new_id("user"), email, "Administrator", "admin", None, clock.now())
        with self._db.transaction() as connection:
            if repository.count_users(connection):
                return None
            self._insert(connection, user, password_hash)
        return FirstAdmin(email, None if given else password)

    def authenticate(self, email: str, password: str) -> User:
        """Check an address and a password; unknown addresses cost the same time and lock the same way.

        Raises:
            LockedOut: too many wrong tries for this address, or from this network; says how long to wait.
            SignInRefused: address or password is wrong.
        """
        address = _typed_address(email)
        subject = sign_in_subject(address)
        with self._db.read() as connection:
            wait = lockout.wait_seconds(repository.failures_of(connection, subject), clock.now())
            user, stored = repository.user_and_hash(connection, address)
        if wait:
            raise LockedOut(wait_seconds=wait)
        is_right = passwords.verify_password(password[: passwords.MAX_LENGTH * 4], stored) and user is not None
        with self._db.transaction() as connection:
            # Tries that ran side by side are counted here, one after the other.
            failures = repository.lock_failures(connection, subject, clock.now())
            wait = lockout.wait_seconds(failures, clock.now())
            crowd = 0 if wait else networks.wait_seconds(connection, self._limits, user, is_right=is_right)
            if not wait and is_right and not crowd:
                repository.clear_failures(connection, subject)
            elif not wait:
                # Also a right password that the network's limit refuses: what it does must not tell it from others.
                repository.add_failure(connection, subject, clock.now())
                told, code = user.id if user else "", (networks.NetworkLockedOut if crowd else SignInRefused).code
                self._audit.record(
                    connection, None, "sign_in.refused", "user", told, result=code, actor_email=address
                )
        if wait:
            raise LockedOut(wait_seconds=wait)
        if crowd:
            raise networks.NetworkLockedOut(wait_seconds=crowd)
        if not is_right or user is None:
            raise SignInRefused
        return user.proven(clock.now())

    def has_password(self, actor: User) -> bool:
        """Whether the actor has a password to confirm with; who came by a provider only has none."""
        with self._db.read() as connection:
            return repository.user_and_hash(connection, actor.email)[1] is not None

    def prove(self, actor: User, token: str | None, password: str) -> None:
        """Confirm by password that the actor sits in front of their session.

        Raises:
            LockedOut: too many wrong tries.
            SignInRefused: the password is wrong.
            StepUpRequired: the session is not the actor's, or has ended.
        """
        if self.authenticate(actor.email, password).id != actor.id:
            raise SignInRefused
        with self._db.transaction() as connection:
            self.note_proof(connection, actor, token)

    def note_proof(self, connection: Connection, actor: User, token: str | None) -> None:
        """Note in the actor's session that they proved who they are; for services that have judged it.

        Raises:
            StepUpRequired: the session is not the actor's, or has ended.
        """
        if not token or not repository.note_proof(connection, hash_token(token), actor.id, clock.now()):
            raise StepUpRequired

    def issue_ticket(self, user: User, browser: str) -> str:
        """Return a ticket that opens one session within 60 s in the browser that ``browser`` identifies."""
        ticket, at = clock.new_token(), clock.now()
        with self._db.transaction() as connection:
            repository.drop_old_tickets(connection, at - TICKET_LIFE)
            repository.insert_ticket(
                connection, hash_token(ticket), user.id, hash_token("browser/" + browser), at + TICKET_LIFE
            )
        return ticket

    def redeem_ticket(self, ticket: str, browser: str, user_agent: str) -> str:
        """Turn a ticket into a session token.

        Raises:
            TicketRefused: unknown, expired, used before, or from another browser.
        """
        at = clock.now()
        token = clock.new_token()
        with self._db.transaction() as connection:
            user_id = repository.use_ticket(connection, hash_token(ticket), hash_token("browser/" + browser), at)
            user = repository.user_by_id(connection, user_id, is_kept=True) if user_id else None
            if user is None:
                raise TicketRefused
            self._insert_session(connection, user, token, user_agent)
        return token

    def start_session(self, user: User, user_agent: str) -> str:
        """Return a fresh session token where no ticket is needed; ``SignInRefused`` for the suspended."""
        token = clock.new_token()
        with self._db.transaction() as connection:
            # A suspension since the password was judged ends the sessions it finds: this one must not come after.
            if repository.user_by_id(connection, user.id, is_kept=True) is None:
                raise SignInRefused
            self._insert_session(connection, user, token, user_agent)
        return token

    def session_user(self, token: str | None, *, is_activity: bool = True) -> User | None:
        """Return whose session this is; None when it ended, idled or lasted longer than the organisation allows.

        Without ``is_activity`` the look does not keep the session from idling: a page that watches by itself.
        """
        if not token:
            return None
        at, token_hash = clock.now(), hash_token(token)
        with self._db.read() as connection:
            rules = self._organisation.read(connection)
            idle, life = timedelta(minutes=rules.session_idle_minutes), timedelta(hours=rules.session_life_hours)
            found = repository.session_owner(connection, token_hash, at, at - idle, at - life)
        if found is None:
            return None
        user, last_seen_at = found
        if is_activity and at - last_seen_at > TOUCH_EVERY:
            with self._db.transaction() as connection:
                repository.touch_session(connection, token_hash, at)
        return user

    def end_session(self, token: str | None) -> None:
        """End a session; an unknown token is no error."""
        if token:
            with self._db.transaction() as connection:
                owner = repository.revoke_session(connection, hash_token(token), clock.now())
                user = repository.user_by_id(connection, owner) if owner else None
                if user:
                    self._audit.record(connection, user, "sign_out", "user", user.id)

    def user(self, user_id: str) -> User | None:
        """Return an active person by id: for the worker, which acts for the one who started a run."""
        with self._db.read() as connection:
            return repository.user_by_id(connection, user_id)

    def _insert(self, connection: Connection, user: User, password_hash: str) -> None:
        if not repository.insert_user(connection, user, password_hash):
            raise Conflict("This e-mail address cannot be registered. Sign in instead, or use another one.")
        self._audit.record(connection, user, "user.registered", "user", user.id, detail={"role": user.role})

    def _insert_session(self, connection: Connection, user: User, token: str, user_agent: str) -> None:
        at = clock.now()
        life = timedelta(hours=self._organisation.read(connection).session_life_hours)
        known = {device_label(used) for used in repository.signed_in_with(connection, user.id, "user_agent")}
        if known and device_label(user_agent) not in known:
            for tell in self._device_listeners:
                tell(connection, user, device_label(user_agent))
        repository.insert_session(
            connection,
            id=clock.new_id("sess"),
            user_id=user.id,
            token_hash=hash_token(token),
            user_agent=user_agent[:200],
            address=origin().address,
            created_at=at,
            last_seen_at=at,
            expires_at=at + life,
            proved_at=at,
        )
        self._audit.record(connection, user, "sign_in.succeeded", "user", user.id)


def sign_in_subject(address: str) -> str:
    """Return under what the wrong passwords for an address are counted."""
    return hash_token("sign-in/" + address)


def normalise_email(email: str) -> str:
    """Return an address in the one form that is compared and stored.

    Raises:
        Invalid: it is not an e-mail address.
    """
    try:
        return validate_email(email.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError as error:
        raise Invalid("This is not an e-mail address.", "email") from error


def _typed_address(email: str) -> str:
    """Return what was typed in the form that is stored; what is no address still counts its tries."""
    try:
        return normalise_email(email[:1000])
    except Invalid:
        return email.strip().lower()[:254]
