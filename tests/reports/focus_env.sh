#!/usr/bin/env bash
# Makes the environment of the FOCUS validator, once, and prints the path of its program.
# It needs a Python 3.12 of its own: older ones get a version that does not import, newer
# ones have no numpy 1. Kept outside of the checkout, because it is 650 MB and slow to make.
set -euo pipefail

home="${FAREBOX_FOCUS_ENV:-${XDG_CACHE_HOME:-$HOME/.cache}/farebox-focus/2.2.1}"
program="$home/bin/focus-validator"

if [[ -x "$program" && -f "$home/.complete" ]]; then
    echo "$program"
    exit 0
fi

runs() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; }

python=""
shims="$(dirname "$(command -v python3 || echo /usr/bin/python3)")"  # a version manager's, perhaps
for candidate in python3.12 "$HOME"/.pyenv/versions/3.12*/bin/python \
                 "$shims"/../versions/3.12*/bin/python /opt/python/3.12*/bin/python; do
    if command -v "$candidate" >/dev/null 2>&1 && runs "$candidate"; then
        python="$candidate"
        break
    fi
done
if [[ -z "$python" ]] && command -v uv >/dev/null 2>&1; then
    python="$(uv python find 3.12 2>/dev/null || { uv python install --quiet 3.12 && uv python find 3.12; })"
fi
if [[ -z "$python" ]]; then
    echo "the FOCUS validator needs Python 3.12; none was found" >&2
    exit 1
fi

rm -rf "$home"
"$python" -m venv "$home"
# It asks for pyarrow without a bound, but cannot load one that wants numpy 2.
"$home/bin/python" -m pip install -qq --disable-pip-version-check 'focus-validator==2.2.1' 'pyarrow<24' >&2
touch "$home/.complete"
echo "$program"
