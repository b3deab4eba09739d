"""Entry of ``streamlit run app/main.py``: an app with routes, or the plain script where the host runs only that."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # streamlit puts app/ on the path, not the project

from streamlit.runtime.scriptrunner import get_script_run_ctx  # noqa: E402

if get_script_run_ctx(suppress_warning=True) is not None:
    from app.shell import run

    run()
else:
    import streamlit as st

    from app.http.origin import take_addresses_from_connections
    from app.http.server import lifespan, middleware, routes, show_script_error, use_cookie_secret

    take_addresses_from_connections()
    use_cookie_secret()
    app = st.App(
        str(ROOT / "app" / "script.py"),
        lifespan=lifespan,
        routes=routes(),
        middleware=middleware(),
        on_script_error=show_script_error,
    )
