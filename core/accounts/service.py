"""The rules of registering, signing in and staying signed in."""

from __future__ import annotations

from datetime import timedelta

from email_validator import EmailNotValidError, validate_email

from core import clock
from core.accounts import lockout, repository
from core.accounts.models import FirstAdmin, Role, User
from core.audit.service import Audit
from core.config import Settings
from core.db import Connection, Database
from core.errors import Conflict, Invalid, LockedOut, RegistrationClosed, SignInRefused, TicketRefused
from core.security import passwords
from core.security.tokens import hash_token

TICKET_LIFE = timedelta(seconds=60)
SESSION_IDLE = timedelta(minutes=60)
SESSION_LIFE = timedelta(hours=24)
TOUCH_EVERY = timedelta(minutes=1)
MAX_NAME = 120


class Accounts:
    """Register people, check passwords, issue tickets and sessions."""

    def __init__(self, db: Database, settings: Settings, audit: Audit) -> None:
        """Work on ``db`` under the registration mode of ``settings``; tell ``audit``."""
        self._db = db
        self._audit = audit
        self._settings = settings

    @property
    def registration_is_open(self) -> bool:
        """Whether anybody may register."""
        return self._settings.registration == "open"

    def register(self, email: str, name: str, password: str) -> User:
        """Add a member by their own request.

        Raises:
            RegistrationClosed: the mode is not ``open``.
            Invalid: the address, name or password has not the right form.
            Conflict: the address is taken.
        """
        if not self.registration_is_open:
            raise RegistrationClosed
        return self.create_user(email, name, password, "member")

    def create_user(self, email: str, name: str, password: str, role: Role) -> User:
        """Add a person; for commands and the first start, which ask no registration mode."""
        address = normalise_email(email)
        passwords.check_rule(password)
        user = User(clock.new_id("user"), address, _clean_name(name), role, None, clock.now())
        password_hash = passwords.hash_password(password)
        with self._db.transaction() as connection:
            self._insert(connection, user, password_hash)
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
            LockedOut: too many wrong tries for this address; says how long to wait.
            SignInRefused: address or password is wrong.
        """
        address = _typed_address(email)
        subject = hash_token("sign-in/" + address)
        with self._db.read() as connection:
            wait = lockout.wait_seconds(repository.failures_of(connection, subject), clock.now())
            user, stored = repository.user_and_hash(connection, address)
        if wait:
            raise LockedOut(wait_seconds=wait)
        matches = passwords.verify_password(password[: passwords.MAX_LENGTH * 4], stored)
        with self._db.transaction() as connection:
            # Tries that ran side by side are counted here, one after the other.
            failures = repository.lock_failures(connection, subject, clock.now())
            wait = lockout.wait_seconds(failures, clock.now())
            if not wait and matches:
                repository.clear_failures(connection, subject)
            elif not wait:
                repository.add_failure(connection, subject, clock.now())
        if wait:
            raise LockedOut(wait_seconds=wait)
        if not matches or user is None:
            raise SignInRefused
        return user

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
            if user_id is None:
                raise TicketRefused
            self._insert_session(connection, user_id, token, user_agent)
        return token

    def start_session(self, user: User, user_agent: str) -> str:
        """Return a fresh session token, where no ticket is needed (plain-script mode and tests)."""
        token = clock.new_token()
        with self._db.transaction() as connection:
            self._insert_session(connection, user.id, token, user_agent)
        return token

    def session_user(self, token: str | None) -> User | None:
        """Return whose session this is; None when it ended, idled for an hour or is a day old."""
        if not token:
            return None
        at, token_hash = clock.now(), hash_token(token)
        with self._db.read() as connection:
            found = repository.session_owner(connection, token_hash, at, at - SESSION_IDLE)
        if found is None:
            return None
        user, last_seen_at = found
        if at - last_seen_at > TOUCH_EVERY:
            with self._db.transaction() as connection:
                repository.touch_session(connection, token_hash, at)
        return user

    def end_session(self, token: str | None) -> None:
        """End a session; an unknown token is no error."""
        if token:
            with self._db.transaction() as connection:
                repository.revoke_session(connection, hash_token(token), clock.now())

    def user(self, user_id: str) -> User | None:
        """Return an active person by id: for the worker, which acts for the one who started a run."""
        with self._db.read() as connection:
            return repository.user_by_id(connection, user_id)

    def _insert(self, connection: Connection, user: User, password_hash: str) -> None:
        if not repository.insert_user(connection, user, password_hash):
            raise Conflict("This e-mail address cannot be registered. Sign in instead, or use another one.")

    def _insert_session(self, connection: Connection, user_id: str, token: str, user_agent: str) -> None:
        at = clock.now()
        repository.insert_session(
            connection,
            id=clock.new_id("sess"),
            user_id=user_id,
            token_hash=hash_token(token),
            user_agent=user_agent[:200],
            created_at=at,
            last_seen_at=at,
            expires_at=at + SESSION_LIFE,
        )


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


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise Invalid(f"Enter a name of 1 to {MAX_NAME} characters.", "name")
    return cleaned
