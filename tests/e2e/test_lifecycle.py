"""Starting, stopping and starting again: nothing is lost, nothing is left behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.person import somebody
from tests.e2e.test_main_job import DANA, add_compatible_key, build_agent, run_agent
from tests.fakes.model_server import FakeModelServer
from tests.support.app_server import AppServer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_a_run_and_a_session_survive_a_killed_server(
    browser: Browser, fake_models: FakeModelServer, tmp_path: Path
) -> None:
    app = AppServer(
        tmp_path, ZOARK_REGISTRATION="open", ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake_models.port}"
    ).start()
    try:
        with somebody(browser, app) as dana:
            dana.open()
            dana.register(*DANA)
            dana.sees_shell()
            add_compatible_key(dana, fake_models)
            build_agent(dana, "fake-1")
            fake_models.options.hold = "fake-1"
            run_agent(dana, "MARK-survivor")
            expect(dana.page.get_by_text("thinking …")).to_be_visible(timeout=180_000)
            family = app.family()
            app.kill()
            for process in family[1:]:
                process.wait(60)
            fake_models.options.hold = ""  # not before: the worker might end the run before it ends itself
            app.start()
            dana.page.reload()
            expect(dana.page.get_by_text("Succeeded")).to_be_visible(timeout=180_000)
            expect(dana.page.get_by_text("This run went on after its worker was interrupted.")).to_be_visible()
            dana.sees_shell()
    finally:
        fake_models.options.hold = ""
        app.stop()


@pytest.mark.parametrize("way", ["terminate", "kill"])
def test_ending_the_web_process_leaves_no_worker_behind(
    way: str, browser: Browser, fake_models: FakeModelServer, tmp_path: Path
) -> None:
    app = AppServer(
        tmp_path, ZOARK_REGISTRATION="open", ZOARK_ENDPOINT_ALLOWLIST=f"127.0.0.1:{fake_models.port}"
    ).start()
    try:
        with somebody(browser, app) as dana:
            dana.open()
            dana.register(*DANA)
            dana.sees_shell()
            add_compatible_key(dana, fake_models)
            build_agent(dana, "fake-1@fault=hang")
            run_agent(dana, "never answered")
            expect(dana.page.get_by_text("thinking …")).to_be_visible(timeout=180_000)
        family = app.family()
        assert any("core.worker" in " ".join(process.cmdline()) for process in family[1:])
        app.stop() if way == "terminate" else app.kill()
        for process in family[1:]:
            process.wait(60)
    finally:
        app.stop()


def test_a_wrong_setting_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    app = AppServer(tmp_path, ZOARK_WORKER="sometimes")
    with pytest.raises(RuntimeError, match="The setting ZOARK_WORKER is wrong"):
        app.start()
    assert "Traceback" not in app.log.read_text()


def test_a_lost_master_key_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    with AppServer(tmp_path):
        pass
    (tmp_path / "master.keys").unlink()
    with pytest.raises(RuntimeError, match="The master key is missing"):
        AppServer(tmp_path).start()


def test_the_plain_script_works_without_routes(browser: Browser, tmp_path: Path) -> None:
    """Where a host runs the file as an ordinary script, signing in lasts for the tab."""
    app = AppServer(tmp_path)
    script = (
        "import sys; from streamlit.web import bootstrap;"
        f"bootstrap.load_config_options({{'server.port': {app.port}, 'server.address': '127.0.0.1'}});"
        "bootstrap.run('app/main.py', False, [], {})"
    )
    app.start_with([sys.executable, "-c", script], health="/_stcore/health")
    try:
        with somebody(browser, app) as admin:
            admin.open("/agents")
            expect(admin.page.get_by_text("for this browser tab only")).to_be_visible()
            admin.sign_in()
            admin.sees_shell()
            expect(admin.page.get_by_text("No agents yet")).to_be_visible()
            admin.sign_out()
    finally:
        app.stop()
