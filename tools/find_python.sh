# Sourced by setup.sh and lock.sh. Sets `python` to a Python that Evloom can be set up with, or says what is missing and exits.

usable() { # usable COMMAND: does it run, and is it 3.11 or newer?
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        usable "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer that runs."
        python=$PYTHON
    else
        python=
        # The locked packages have ready-made wheels for 3.11 to 3.13, so these come before whatever else python3 may be.
        for candidate in python3.12 python3.13 python3.11 python3; do
            if usable "$candidate"; then
                python=$candidate
                break
            fi
        done
    fi
    if [ -z "$python" ]; then
        local found
        found=$(python3 --version 2>/dev/null || echo 'no python3')
        fail "Evloom needs Python 3.11 or newer; found: $found." \
            "Debian 12+/Ubuntu 24.04+: apt-get install python3 python3-venv. Else install one and say: make setup PYTHON=/path/to/python3.12"
    fi
    if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        fail "$("$python" --version) at $(command -v "$python") has no venv module." \
            "Debian/Ubuntu: apt-get install $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
}

fail() {
    printf 'evloom: %s\n' "$@" >&2
    exit 1
}
