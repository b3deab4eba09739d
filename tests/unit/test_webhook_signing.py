"""Signatures are those of Standard Webhooks, and the receivers in docs/webhooks.md check them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable
from pydantic import SecretStr

from core import clock
from core.config import ROOT
from core.security.redact import redact
from core.webhooks import signing
from tests.support.receiver import Received, is_signed

BODY = '{"type":"run.failed","data":{"id":"run_ä"}}'.encode()
Check = Callable[[Mapping[str, str], bytes, str], bool]


def documented(language: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs/webhooks.md").read_text("utf-8"), re.S)
    return str(code)


def python_of_the_documentation() -> Check:
    names: dict[str, Check] = {}
    exec(documented("python"), names)
    return names["is_genuine"]


def independent(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    return is_signed(Received("/", headers, body), secret, clock.now().timestamp())


@pytest.mark.parametrize("check", [python_of_the_documentation(), independent], ids=["documented", "independent"])
def test_a_receiver_believes_what_is_signed_and_nothing_else(check: Check) -> None:
    old, new, other = (signing.new_secret() for _ in range(3))
    now = int(clock.now().timestamp())
    headers = signing.headers("msg_1", now, BODY, [new, old])
    for secret in (old, new):
        assert check(headers, BODY, secret.get_secret_value())
    assert not check(headers, BODY, other.get_secret_value())
    assert not check(headers, BODY + b" ", new.get_secret_value())
    assert not check({**headers, "webhook-id": "msg_2"}, BODY, new.get_secret_value())
    assert not check({**headers, "webhook-timestamp": str(now + 1)}, BODY, new.get_secret_value())
    assert not check(signing.headers("msg_1", now - 301, BODY, [new]), BODY, new.get_secret_value())


def test_a_signature_is_that_of_the_standards_own_example() -> None:
    """The example of the specification, which other libraries are tested with, too."""
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signing.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_javascript_of_the_documentation_agrees(tmp_path: Path) -> None:
    node = compute_driver_executable()[0]  # Playwright brings its own
    secret = signing.new_secret().get_secret_value()
    headers = signing.headers("msg_1", int(clock.now().timestamp()), BODY, [SecretStr(secret)])
    (tmp_path / "check.mjs").write_text(documented("javascript"))
    program = (
        'import { isGenuine } from "./check.mjs";'
        f"const headers = {headers!r}, body = {BODY.decode()!r};"
        f"console.log(isGenuine(headers, body, {secret!r}), isGenuine(headers, body + ' ', {secret!r}));"
    )
    (tmp_path / "main.mjs").write_text(program)
    done = subprocess.run([node, "main.mjs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["true", "false"], done.stderr


def test_a_secret_is_known_by_its_shape() -> None:
    for _ in range(200):
        secret = signing.new_secret().get_secret_value()
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", secret)
        assert secret[:30] not in redact(f"It is {secret}, really.")
