#!/usr/bin/env bash
# Compile the two locks from pyproject.toml. The marker that only says "a supported platform"
# is cut from each line: pyproject.toml lists the platforms, the lock need not repeat them 200 times.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-uv}
compile=("$uv" pip compile -q --universal --generate-hashes --python-version 3.11 --no-annotate --no-header)
"${compile[@]}" pyproject.toml -o requirements.txt
"${compile[@]}" pyproject.toml --extra local --group dev -c requirements.txt -o requirements/dev.txt
"${compile[@]}" pyproject.toml --extra local -c requirements.txt -o requirements/local.txt
echo "uv==$("$uv" --version | cut -d' ' -f2)" |
  "$uv" pip compile -q --universal --generate-hashes --python-version 3.11 --no-annotate --no-header - \
    -o requirements/bootstrap.txt
python3 - <<'PY'
import re, pathlib
for name in ("requirements.txt", "requirements/dev.txt", "requirements/local.txt"):
    path = pathlib.Path(name)
    text = path.read_text()
    everywhere = max(re.findall(r" ; (.*) \\\n", text), key=text.count)
    path.write_text(text.replace(f" ; {everywhere} \\", " \\"))
PY
