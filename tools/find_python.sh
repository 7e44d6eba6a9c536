# Sourced by setup.sh and lock.sh. Sets `python` to a Python that Evloom can be set up with, or says what is missing and exits.

fail() {
    printf 'evloom: %s\n' "$@" >&2
    exit 1
}

new_enough() { # new_enough COMMAND: does it run, and is it 3.11 or newer?
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

has_venv() { "$1" -c 'import venv, ensurepip' >/dev/null 2>&1; }

find_python() {
    # The locked packages have ready-made wheels for 3.11 to 3.13, so these come before whatever else python3 may be.
    local candidate bare='' candidates=(python3.12 python3.13 python3.11 python3)
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer that runs."
        candidates=("$PYTHON")
    fi
    for candidate in "${candidates[@]}"; do
        new_enough "$candidate" || continue
        if has_venv "$candidate"; then
            python=$candidate
            return
        fi
        bare=${bare:-$candidate}
    done
    if [ -n "$bare" ]; then
        fail "$("$bare" --version) at $(command -v "$bare") has no venv module." \
            "Debian/Ubuntu: apt-get install $("$bare" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
    fail "Evloom needs Python 3.11 or newer; found: $(python3 --version 2>/dev/null || echo 'no python3')." \
        "Debian 12+/Ubuntu 24.04+: apt-get install python3 python3-venv. Else install one and say: make setup PYTHON=/path/to/python3.12"
}
