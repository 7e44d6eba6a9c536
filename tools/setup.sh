#!/usr/bin/env bash
# Make .venv from requirements-dev.lock and install Evloom into it, editable. Quick and silent when nothing has changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/find_python.sh

ready=.venv/ready # holds what the environment was made from
state() {
    printf '%s\n' "$PWD" # a moved environment has wrong paths in its scripts
    cksum requirements-dev.lock tools/setup.sh
    sed -n '/^\[build-system\]/,/^\[tool.pytest/p' pyproject.toml | cksum
}

works() { .venv/bin/python -c '' 2>/dev/null; }

if works && [ -x .venv/bin/evloom ] && [ -f "$ready" ] && [ "$(state)" = "$(cat "$ready")" ]; then
    exit 0
fi

if ! works || ! .venv/bin/python -c 'import pip' 2>/dev/null || { [ -f "$ready" ] && [ "$(head -n 1 "$ready")" != "$PWD" ]; }; then
    find_python
    echo "evloom: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
rm -f "$ready"
echo 'evloom: installing the locked packages into .venv (a minute or two the first time)'
pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }
pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock ||
    fail 'The locked packages could not be installed; the reason is above. Without a network: set PIP_FIND_LINKS to a folder that holds the wheels.'
pip install --quiet --no-deps --no-build-isolation --no-index --editable .
state >"$ready"
echo "evloom: ready: $(.venv/bin/evloom --version)"
