# shellcheck shell=bash
# Interpreters and virtual environments for the scripts beside this file. Sourced, never run.
# Runs in the bash 3.2 of macOS too.

: "${root:?the top folder of the clone}"

# The newest Python for which every pinned package has a wheel; one above it is the last choice.
newest_known=314

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() { say "$@"; exit 1; }

# Prints each final Python at 3.11 or newer that runs and can make environments, the best first:
# "313<tab>3.13.0<tab>/path/to/python". A name on PATH may be a shim that runs nothing, and
# Debian's python3 may lack venv, so every candidate is asked, and what it answers counts.
interpreters() {
  local candidate
  for candidate in \
    python3.14 python3.13 python3.12 python3.11 python3 python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    "$candidate" -I - "$newest_known" <<'PYTHON' 2>/dev/null || true
import ensurepip, ssl, sys, venv
version, newest = sys.version_info, int(sys.argv[1])
short = version.major * 100 + version.minor
if short >= 311 and version.releaselevel == "final":
    rank = "%d%04d%04d" % (short <= newest, short, version.micro)
    # Of an active environment its base: it may be the very one that is about to be made anew.
    print(rank, short, "%d.%d.%d" % version[:3], sys._base_executable, sep="\t")
PYTHON
  done | sort -rs -k1,1 | cut -f2- | awk -F '\t' '!seen[$3]++'
}

# Says what to install where `interpreters` found none, and ends the script.
no_interpreter() {
  local advice="install one, with its venv module"
  ! command -v apt-get >/dev/null 2>&1 || advice="apt-get install python3-venv"
  fail "no usable Python 3.11 or newer was found: $advice"
}

# made_for VENV LOCK: what a whole environment in VENV bears in its file made-for. It is written
# last, so an interrupted install has none; a changed lock file or a moved clone no longer fits.
made_for() { printf '%s %s\n' "$1" "$(cksum <"$2")"; }

# described VENV LOCK: prints "Python 3.13.0, mitmproxy 12.2.3" if the environment is whole, made
# for that lock file, and its interpreter still runs; else fails.
described() {
  [ "$(cat "$1/made-for" 2>/dev/null)" = "$(made_for "$1" "$2")" ] || return 1
  "$1/bin/python" -I - 2>/dev/null <<'PYTHON'
from importlib.metadata import version
from platform import python_version
print(f"Python {python_version()}, mitmproxy {version('mitmproxy')}")
PYTHON
}

# make_environment VENV LOCK PYTHON [pip options]: makes VENV anew and installs LOCK into it,
# unless another process has just done so.
make_environment() (
  venv=$1 lock=$2 python=$3
  shift 3
  mkdir -p "$root/.venvs"
  exec 9>"$root/.venvs/lock"
  ! command -v flock >/dev/null 2>&1 || flock 9
  ! described "$venv" "$lock" >/dev/null || exit 0
  say "making ${venv#"$root"/} with $python from ${lock#"$root"/} (once; takes a minute)"
  rm -rf "$venv"
  "$python" -I -m venv "$venv" || fail "$python could not make an environment in $venv"
  "$venv/bin/python" -I -m pip install -qq --disable-pip-version-check \
    --require-hashes "$@" -r "$lock" || fail "pip could not install ${lock#"$root"/}"
  made_for "$venv" "$lock" >"$venv/made-for"
)

# proxy_python: the interpreter of the environment that the proxy runs in, made if need be.
proxy_python() {
  local venv=$root/.venv lock=$root/requirements.txt python
  if ! described "$venv" "$lock" >/dev/null; then
    IFS=$'\t' read -r _ _ python < <(interpreters) || no_interpreter
    make_environment "$venv" "$lock" "$python" >&2
    described "$venv" "$lock" >/dev/null || fail "the environment in $venv does not work"
  fi
  printf '%s\n' "$venv/bin/python"
}

# test_environment SHORT PYTHON: the folder of the test environment for this Python, made if need be.
# --no-deps: requirements-test.txt keeps mitmproxy's h11 on Python 3.11, see scripts/lock.
test_environment() {
  local venv=$root/.venvs/py$1 lock=$root/requirements-test.txt
  described "$venv" "$lock" >/dev/null || make_environment "$venv" "$lock" "$2" --no-deps
  described "$venv" "$lock" >/dev/null || fail "the environment in $venv does not work"
  printf '%s\n' "$venv"
}

# run_addon PYTHON [arguments]: becomes the command line.
run_addon() {
  local python=$1
  shift
  # -P: the folder where the user stands must not be searched for packages, whatever lies in it.
  PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$python" -P -m addon "$@"
}
