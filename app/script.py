"""The script that ``st.App`` runs for every visitor and every click."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

from app.shell import run  # noqa: E402

run()
