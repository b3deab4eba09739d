"""The sign-in and registration forms of streamlit-authenticator, over our own accounts.

Only its forms are used. Its cookie, password reset, guest sign-in and 2FA stay off: they are not safe enough,
and a session is our own business (``app.session``).
"""

from __future__ import annotations

import streamlit as st
from streamlit_authenticator import Authenticate
from streamlit_authenticator.controllers import AuthenticationController
from streamlit_authenticator.models import AuthenticationModel
from streamlit_authenticator.utilities import RegisterError, Validator

from core.accounts.models import User
from core.accounts.service import Accounts
from core.errors import Invalid
from core.security.passwords import MAX_LENGTH

_ITS_SESSION_KEYS = ("name", "authentication_status", "username", "email", "roles", "logout", "password_hint")


class SignInForms:
    """Draws the forms and returns who came in."""

    def __init__(self, accounts: Accounts) -> None:
        """Check passwords and register with ``accounts``."""
        self._model = _CoreModel(accounts)
        self._widgets = _Widgets(self._model, accounts.shortest_password("member"))

    def sign_in(self) -> User | None:
        """Draw the sign-in form; return the person when the password was right, raise ``CoreError`` else."""
        labels = {"Form name": "Sign in", "Username": "E-mail", "Password": "Password", "Login": "Sign in"}
        try:
            self._widgets.login(key="sign_in", fields=labels)
        finally:
            _forget()
        return self._model.taken()

    def register(self) -> User | None:
        """Draw the registration form; return the new person, raise ``CoreError`` when something is wrong."""
        labels = {
            "Form name": "Create an account",
            "First name": "First name",
            "Last name": "Last name",
            "Email": "E-mail",
            "Password": "Password",
            "Repeat password": "Repeat password",
            "Register": "Create account",
        }
        try:
            self._widgets.register_user(
                key="register", fields=labels, merge_username_email=True, password_hint=False, captcha=False
            )
        except RegisterError as error:
            raise Invalid(f"{str(error).rstrip('.')}.") from None
        finally:
            _forget()
        return self._model.taken()


class _NoCookie:
    """In the place of its cookie, which scripts could read and nobody could revoke."""

    def get_cookie(self) -> None:
        """Know nobody."""

    def set_cookie(self) -> None:
        """Set nothing."""

    def delete_cookie(self) -> None:
        """Delete nothing."""


class _Widgets(Authenticate):  # type: ignore[misc]
    """Its widgets, set up without its cookie."""

    def __init__(self, model: _CoreModel, shortest: int) -> None:
        self.path = None
        self.api_key = None
        self.attrs = {
            "login_sleep_time": 0,
            "password_instructions": f"{shortest} to {MAX_LENGTH} characters; a short sentence is easy.",
        }
        self.cookie_controller = _NoCookie()
        self.authentication_controller = AuthenticationController({"usernames": {}}, _CoreDecides(), False)
        self.authentication_controller.authentication_model = model


class _CoreModel(AuthenticationModel):  # type: ignore[misc]
    """Its model, asking our accounts instead of a dictionary of everybody."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__({"usernames": {}}, auto_hash=False)
        self._accounts = accounts
        self._user: User | None = None

    def taken(self) -> User | None:
        """Return who came in during this rerun, once."""
        user, self._user = self._user, None
        return user

    def login(self, username: str, *args: object, **kwargs: object) -> bool:
        if not username:  # it would do nothing and say nothing
            raise Invalid("Enter your e-mail address.", "email")
        return bool(super().login(username, *args, **kwargs))

    def check_credentials(self, username: str, password: str) -> bool:
        self._user = self._accounts.authenticate(username, password or "")
        self.credentials["usernames"][username] = {"email": self._user.email, "name": self._user.name}
        return True

    def _register_credentials(
        self,
        username: str,
        first_name: str,
        last_name: str,
        password: str,
        email: str,
        password_hint: str | None,
        roles: list[str] | None = None,
    ) -> None:
        self._user = self._accounts.register(email, f"{first_name} {last_name}", password)

    def _credentials_contains_value(self, value: str) -> bool:
        return False  # the database decides, without a scan


class _CoreDecides(Validator):  # type: ignore[misc]
    """Lets everything through to ``core.accounts``, which has the rules and the sentences."""

    def validate_email(self, email: str) -> bool:
        return True

    def validate_name(self, name: str) -> bool:
        return bool(name)

    def validate_username(self, username: str) -> bool:
        return True

    def validate_password(self, password: str) -> bool:
        return True


def _forget() -> None:
    for key in _ITS_SESSION_KEYS:
        st.session_state.pop(key, None)
