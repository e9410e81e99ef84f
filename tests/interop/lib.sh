# Functions that the scripts of this folder share. A script sources it after `cd` to the root of the repository:
#
#     . tests/interop/lib.sh "$@"
#
# With --skip-missing, a peer that cannot be installed is reported as skipped, and the script succeeds. Without it, it fails.
# Packages are installed into target/interop, each set into a folder of its own, and are used again by the next run.
#
# A script sees: $turnwire (the command), $work (an empty temporary folder), and what the functions set.

set -uo pipefail
packages=$PWD/target/interop
interop=$PWD/tests/interop
skip_missing=
failed=0
running=()
for argument in "$@"; do
    case $argument in
        --skip-missing) skip_missing=yes ;;
        *) echo "unknown argument: $argument; known: --skip-missing" >&2; exit 2 ;;
    esac
done
work=$(mktemp -d)
mkdir -p "$packages"
trap 'stop_all; rm -rf "$work"' EXIT

missing() { # missing TEXT: ends the script, because a peer is not there
    if [ -n "$skip_missing" ]; then
        echo "skipped: $1"
        exit 0
    fi
    echo "FAILED: $1 (--skip-missing skips what is missing)"
    exit 1
}

need() { # need TOOL…
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || missing "$tool is not installed"
    done
}

build_turnwire() { # sets $turnwire: $TURNWIRE, if it names a command that is built already
    turnwire=${TURNWIRE:-}
    [ -z "$turnwire" ] || return 0
    cargo build --quiet --profile test -p turnwire-cli || exit 1
    turnwire=${CARGO_TARGET_DIR:-$PWD/target}/debug/turnwire
}

find_python() { # prints the Python for new environments: $PYTHON, or 3.12, which some peers need, or whatever there is
    local candidate
    for candidate in "${PYTHON:-}" python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3 python3; do
        [ -n "$candidate" ] && "$candidate" -c 'import venv' 2>/dev/null && { echo "$candidate"; return; }
    done
}

python_env() { # python_env NAME PACKAGE…: installs packages from PyPI once, and sets $python
    local folder=$packages/$1
    shift
    local interpreter
    interpreter=$(find_python)
    [ -n "$interpreter" ] || missing "python3 with venv is not installed"
    python=$folder/bin/python
    [ "$(cat "$folder/installed" 2>/dev/null)" = "$*" ] && return
    rm -rf "$folder"
    "$interpreter" -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" >"$work/pip" 2>&1 ||
        { tail -3 "$work/pip"; rm -rf "$folder"; missing "these packages cannot be installed: $*"; }
    echo "$*" >"$folder/installed"
}

node_env() { # node_env NAME PACKAGE…: installs packages from npm once, and sets $modules, the folder that has node_modules
    modules=$packages/$1
    shift
    need node npm
    [ "$(cat "$modules/installed" 2>/dev/null)" = "$*" ] && return
    rm -rf "$modules"
    mkdir -p "$modules"
    npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$modules" "$@" >"$work/npm" 2>&1 ||
        { tail -3 "$work/npm"; rm -rf "$modules"; missing "these packages cannot be installed: $*"; }
    echo "$*" >"$modules/installed"
}

git_clone() { # git_clone NAME URL COMMIT FOLDER: clones a repository once, unless FOLDER has it, and sets $clone
    clone=${4:-$packages/$1-$3}
    [ -e "$clone" ] && return
    need git
    { git clone --quiet "$2" "$clone" && git -C "$clone" checkout --quiet "$3"; } >"$work/git" 2>&1 ||
        { tail -3 "$work/git"; rm -rf "$clone"; missing "$2 cannot be cloned"; }
}

free_port() { # prints a free port of the loopback interface
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() { # start NAME COMMAND…: starts a server in the background, and sets $pid; its output is $work/NAME
    local name=$1
    shift
    # The output of an earlier server of this name must not be taken for that of this one.
    : >"$work/$name"
    "$@" >>"$work/$name" 2>&1 </dev/null &
    pid=$!
    running+=("$pid")
}

wait_for_port() { # wait_for_port NAME PORT [SECONDS]: until the server of this name accepts connections
    local _
    for _ in $(seq $((${3:-60} * 5))); do
        (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    echo "FAILED: $1 does not listen on port $2:"
    tail -15 "$work/$1"
    exit 1
}

serve() { # serve NAME OPTIONS…: starts `turnwire serve --json`, and sets $url; its output is $work/NAME
    local name=$1
    shift
    listening "$name" serve --json "$@"
}

record() { # record NAME UPSTREAM: starts `turnwire record`, and sets $url and $recording, the folder
    recording=$work/recording
    rm -rf "$recording"
    listening "$1" record --upstream "$2" --out "$recording"
}

replay() { # replay NAME OPTIONS…: starts `turnwire replay --json` of $recording, and sets $url; its output is $work/NAME
    local name=$1
    shift
    listening "$name" replay "$recording" --speed 0 --json "$@"
}

check_recording() { # check_recording NAME SECRET: the recording is whole, and does not contain the secret
    local output
    if ! output=$("$turnwire" decode --format recording "$recording" 2>&1) || grep -q malformed <<<"$output"; then
        wrong "$1" "the recording is not whole:" "$(tail -3 <<<"$output" | cut -c1-300)"
    elif grep -rqF -- "$2" "$recording"; then
        wrong "$1" "the recording contains the key"
    else
        passed "$1: $(ls "$recording" | wc -l) exchanges recorded, without the key"
    fi
}

listening() { # listening NAME SUBCOMMAND OPTIONS…: starts a subcommand of turnwire that listens, and sets $url; its output is $work/NAME
    local name=$1
    shift
    start "$name" "$turnwire" "$1" --listen 127.0.0.1:0 "${@:2}"
    wait_until_listening "$name"
}

serve_axum() { # serve_axum NAME: builds and starts the example axum_server, and sets $url; its output is $work/NAME
    cargo build --quiet --profile test -p turnwire-axum --example axum_server || exit 1
    start "$1" "${CARGO_TARGET_DIR:-$PWD/target}/debug/examples/axum_server" 127.0.0.1:0
    wait_until_listening "$1"
}

wait_until_listening() { # wait_until_listening NAME: until the server of this name has printed its address, and sets $url
    until grep -q '^listening' "$work/$1"; do
        kill -0 "$pid" 2>/dev/null || { cat "$work/$1"; exit 1; }
        sleep 0.05
    done
    url=$(sed -n 's/^listening on //p' "$work/$1")
}

watch_wire() { # watch_wire PORT: a proxy in front of this port, which looks at frames; sets $wire, its port
    : >"$work/frames"
    start wire python3 "$interop/wire.py" "$1" "$work/frames"
    until grep -q '^listening' "$work/wire"; do sleep 0.05; done
    wire=$(sed -n 's/^listening //p' "$work/wire")
}

check_compression() { # check_compression NAME yes|no: whether both sides of the watched connections compressed messages
    python3 - "$work/frames" "$2" <<'END' || wrong "$1" "permessage-deflate: expected $2, and the wire saw:" "$(cat "$work/frames")"
import json, sys
seen = [json.loads(line) for line in open(sys.argv[1])]
agreed = [line for line in seen if "permessage-deflate" in line["extensions"]]
compressed = [sum(line[side][1] for line in seen) for side in ("client", "server")]
right = bool(agreed) and all(compressed) if sys.argv[2] == "yes" else not agreed and not any(compressed)
sys.exit(not (seen and right))
END
    : >"$work/frames"
}

stop() { # stop PID
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

stop_all() {
    local each
    for each in "${running[@]}"; do
        stop "$each"
    done
    running=()
}

passed() { echo "ok: $1"; }

wrong() { # wrong NAME TEXT…
    failed=1
    echo "FAILED: $1"
    shift
    printf '    %s\n' "$@"
}

expect() { # expect NAME EXIT-CODE PATTERN COMMAND…: the command's exit code, and an extended regular expression in its output
    local name=$1 code=$2 pattern=$3 output result
    shift 3
    output=$(timeout 90 "$@" 2>&1 </dev/null)
    result=$?
    if [ "$result" -eq "$code" ] && grep -qE -- "$pattern" <<<"$output"; then
        passed "$name"
    else
        wrong "$name" "exit code $result instead of $code, or no match of '$pattern' in:" "$(tail -12 <<<"$output" | cut -c1-300)"
    fi
}

# The tool turn of `turnwire chat`: the model calls `weather`, the tool says "wet", and the model says so.
tool_turn() { # tool_turn NAME TRANSPORT BASE-URL PATTERN [OPTION…]
    local name=$1 transport=$2 base=$3 pattern=$4
    shift 4
    expect "$name" 0 "$pattern" "$turnwire" chat --base-url "$base" --transport "$transport" --timeout 30 --tool "weather=cat >'$work/arguments'; echo wet" --yes "$@" \
        "What is the weather in Bergen?"
    [ -s "$work/arguments" ] || wrong "$name" "the tool did not run"
    rm -f "$work/arguments"
}

finish() { exit "$failed"; }
