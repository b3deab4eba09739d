"""Makes the built canvas known to Streamlit as a file, which the content security policy lets run.

An inline script would need ``blob:`` in the policy. Files are meant for installed packages; this one is none, so it
is registered by hand through the same door.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.component_manager import BidiComponentManager
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.components.v2.types import ComponentRenderer

_PACKAGE = "zoark"
_NAME = f"{_PACKAGE}.workflow_canvas"


def component() -> ComponentRenderer:
    """Return the function that puts the canvas on a page."""
    return _registered_with(get_bidi_component_manager())


@lru_cache(maxsize=1)
def _registered_with(manager: BidiComponentManager) -> ComponentRenderer:
    manifest = ComponentManifest(_PACKAGE, "1", [ComponentConfig("workflow_canvas", "frontend/build")])
    manager.register_from_manifest(manifest, Path(__file__).parent)
    return st.components.v2.component(_NAME, js="index.js", isolate_styles=True)
