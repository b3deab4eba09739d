"""How smoothly the canvas moves with 200 nodes and 300 edges: frames of a real browser, never judged."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.e2e.conftest import ARGUMENTS, chromium_path
from tests.support.app_server import AppServer

SCRIPT = Path(__file__).resolve().parents[1] / "e2e" / "canvas_desk.py"
STEPS = 120
# A page that is drawn 60 times a second has a new frame every 16.7 ms.
RECORD = """
() => {
  const times = (window.frames_ms = []);
  let last = performance.now();
  const note = (now) => { times.push(now - last); last = now; window.isRecording && requestAnimationFrame(note); };
  window.isRecording = true;
  requestAnimationFrame(note);
}
"""
STOP = "() => { window.isRecording = false; return window.frames_ms.slice(2); }"


def main(report: Callable[[str, list[float]], None]) -> None:
    """Print the times between frames while the view is moved, zoomed, and one node and all nodes are dragged."""
    with tempfile.TemporaryDirectory(prefix="zoark-bench-") as folder, sync_playwright() as playwright:
        server = AppServer(Path(folder))
        command = [sys.executable, "-m", "streamlit", "run", str(SCRIPT), "--server.port", str(server.port)]
        server.start_with([*command, "--server.address", "127.0.0.1"], health="/_stcore/health")
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{server.url}/?graph=many")
            canvas = page.get_by_label("Workflow canvas")
            canvas.get_by_role("group", name="Step 0, Input").wait_for()
            for view in ("near", "all"):
                if view == "all":
                    canvas.get_by_role("button", name="Show everything").click()
                    canvas.get_by_role("group", name="Step 199, Tool").wait_for()
                measure(page, report, view)
        finally:
            browser.close()
            server.stop()


def measure(page: Page, report: Callable[[str, list[float]], None], view: str) -> None:
    """Report each movement with ``view`` in sight: about 40 nodes, or all 200 of them."""
    box = page.get_by_label("Workflow canvas").locator(".react-flow__pane").bounding_box()
    node = page.get_by_label("Workflow canvas").get_by_role("group", name="Step 22, Approval").bounding_box()
    assert box is not None
    assert node is not None
    ground = (box["x"] + box["width"] / 2, box["y"] + 40)
    head = (node["x"] + node["width"] / 3, node["y"] + node["height"] / 5)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    movements: dict[str, Callable[[], None]] = {
        "pan": lambda: drag(page, ground),
        "zoom": lambda: wheel(page, ground),
        "drag": lambda: drag(page, head),
    }
    for name, act in movements.items():
        began = cpu_seconds(session)
        found = frames(page, act)
        report(f"canvas, {view}: {name}, ms a frame", found)
        # Of the main thread for each movement of the mouse: other programs on the machine change it little.
        report(f"canvas, {view}: {name}, CPU ms a step", [(cpu_seconds(session) - began) * 1000 / STEPS])


def cpu_seconds(session: CDPSession) -> float:
    """Return how long the page's main thread has worked up to now."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")


def frames(page: Page, act: Callable[[], None]) -> list[float]:
    """Return the milliseconds between frames while ``act`` goes on."""
    page.evaluate(RECORD)
    act()
    found: list[float] = page.evaluate(STOP)
    return found


def drag(page: Page, start: tuple[float, float]) -> None:
    """Move there and back, so that what follows finds everything in its place."""
    x, y = start
    page.mouse.move(x, y)
    page.mouse.down()
    for step in range(STEPS):
        away = min(step, STEPS - step)
        page.mouse.move(x + 3 * away, y + 2 * away)
    page.mouse.move(x, y)
    page.mouse.up()


def wheel(page: Page, at: tuple[float, float]) -> None:
    """Zoom in and out again."""
    page.mouse.move(*at)
    for step in range(STEPS):
        page.mouse.wheel(0, -20 if step < STEPS / 2 else 20)
