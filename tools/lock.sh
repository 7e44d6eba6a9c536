#!/usr/bin/env bash
# Choose package versions anew from pyproject.toml and write the two locks, with the hash of every file.
#   requirements.lock       what Evloom needs to run, and to be installed from this folder
#   requirements-dev.lock   the same and the tools of `make test` and `make check`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/find_python.sh

env=build/lock-env
find_python
"$python" -m venv --clear "$env"
"$env/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$UV_VERSION"

compile() { # compile OUTPUT ARGUMENT...
    local output=$1
    shift
    # One version of each package for every Python (fewest), so that all machines compute with the same numpy.
    # --system-certs: some machines keep a certificate authority of their own in the system's store.
    "$env/bin/uv" pip compile pyproject.toml "$@" --quiet --system-certs --universal --python-version 3.11 --fork-strategy fewest \
        --generate-hashes --no-emit-index-url --no-header --no-annotate --output-file "$env/lock"
    {
        echo '# Written by `make lock` from pyproject.toml; do not edit. CPython 3.11 to 3.13 on Linux (x86-64, ARM) and macOS (ARM).'
        cat "$env/lock"
    } >"$output"
}

compile requirements-dev.lock --upgrade --extra serve --group build --group dev
# The run lock takes its versions from the other one, so that the two never differ.
rm "$env/lock"
compile requirements.lock --extra serve --group build --constraint requirements-dev.lock
rm -rf "$env"
