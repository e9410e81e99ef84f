#!/usr/bin/env python3
"""Runs Autobahn's cases against an echo program in both roles, and compares every result with the expected ones.

usage: suite.py RUNNER ECHO OUT EXPECTED [--original] [--role server|client] [--case PATTERN]… [--bless]

RUNNER is `kosoku` or, with --original, `wstest`. ECHO is the echo program. OUT is a folder for the reports. EXPECTED has one line
a case: its number, its behaviour, and its close behaviour, for the server and then for the client.
"""

import argparse
import collections
import json
import pathlib
import re
import socket
import subprocess
import sys
import time

PATIENCE = 60  # seconds for a program to begin


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("runner", "echo", "out", "expected"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--original", action="store_true")
    parser.add_argument("--role", choices=("server", "client"), action="append")
    parser.add_argument("--case", action="append")
    parser.add_argument("--bless", action="store_true")
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address, process):
    host, port = address.rsplit(":", 1)
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on {address}")


def stop(process):
    if process.poll() is None:
        process.terminate()
    process.wait()


def server(options, out, log):
    """The echo program as the server; the suite is the client."""
    echo = subprocess.Popen([options.echo, "server", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        address = echo.stdout.readline().split()[1]
        if options.original:
            spec = {"outdir": str(out), "servers": [{"agent": "turnwire", "url": f"ws://{address}"}]}
            command = original(options, out, "fuzzingclient", spec)
        else:
            command = [options.runner, "-m", "fuzzingclient", address, "-o", out, *selection(options)]
        subprocess.run(command, stdout=log, stderr=log, check=False)
    finally:
        stop(echo)


def client(options, out, log):
    """The echo program as the client; the suite is the server."""
    address = f"127.0.0.1:{free_port()}"
    if options.original:
        command = original(options, out, "fuzzingserver", {"outdir": str(out), "url": f"ws://{address}"}) + ["-u", "0"]
    else:
        command = [options.runner, "-m", "fuzzingserver", address, "-o", out, *selection(options)]
    suite = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(address, suite)
        subprocess.run([options.echo, "autobahn", address, "turnwire"], check=True)
        if options.original:
            # It never ends by itself; its reports are there when their last one is.
            end = time.monotonic() + PATIENCE
            while not (out / "index.json").exists() and time.monotonic() < end:
                time.sleep(0.1)
            time.sleep(1)
        else:
            suite.wait()
    finally:
        stop(suite)


def original(options, out, mode, spec):
    spec |= {"cases": options.case or ["*"], "exclude-cases": [], "exclude-agent-cases": {}}
    path = out / f"{mode}.json"
    path.write_text(json.dumps(spec))
    return [str(options.runner), "-m", mode, "-s", str(path)]


def selection(options):
    return [argument for case in options.case or [] for argument in ("-i", case)]


def verdicts(out):
    """Case → (behaviour, close behaviour), in the order of the numbers."""
    [(_, cases)] = json.loads((out / "index.json").read_text()).items()
    by_number = sorted(cases, key=lambda case: [int(part) for part in case.split(".")])
    return {case: (cases[case]["behavior"], cases[case]["behaviorClose"]) for case in by_number}


def read_expected(path):
    expected = {"server": {}, "client": {}}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            case, *columns = line.split("\t")
            expected["server"][case], expected["client"][case] = tuple(columns[:2]), tuple(columns[2:])
    return expected


def write_expected(path, results):
    lines = ["# case\tserver\tits close\tclient\tits close"]
    for case in results["server"]:
        lines.append("\t".join([case, *results["server"][case], *results["client"][case]]))
    path.write_text("\n".join(lines) + "\n")


def select(cases, patterns):
    if not patterns:
        return set(cases)
    globs = [re.compile(re.escape(pattern).replace(r"\*", ".*")) for pattern in patterns]
    return {case for case in cases if any(glob.fullmatch(case) for glob in globs)}


def compare(role, results, expected, patterns):
    """How many verdicts differ, or are missing."""
    wrong = 0
    for case in sorted(select(expected, patterns) - results.keys()):
        print(f"  {role} {case}: was not run")
        wrong += 1
    for case, verdict in results.items():
        if verdict != expected.get(case):
            print(f"  {role} {case}: {verdict}, expected {expected.get(case)}")
            wrong += 1
    return wrong


def main():
    options, wrong, results = arguments(), 0, {}
    runs = {"server": server, "client": client}
    for role in options.role or runs:
        out = options.out / f"{'wstest' if options.original else 'kosoku'}-{role}"
        out.mkdir(parents=True, exist_ok=True)
        (out / "index.json").unlink(missing_ok=True)
        start = time.monotonic()
        with open(out / "log", "w") as log:
            runs[role](options, out, log)
        if not (out / "index.json").exists():
            sys.exit(f"no report came: see {out}/log")
        results[role] = verdicts(out)
        counts = collections.Counter(
            ("1-10" if int(case.split(".")[0]) <= 10 else "12-13", behavior) for case, (behavior, _) in results[role].items()
        )
        text = ", ".join(f"{sections}: {count} {behavior}" for (sections, behavior), count in sorted(counts.items()))
        print(f"autobahn, {role}: {len(results[role])} cases in {time.monotonic() - start:.0f} s ({text})")
    if options.bless:
        write_expected(options.expected, results)
    expected = read_expected(options.expected)
    for role, verdict in results.items():
        wrong += compare(role, verdict, expected[role], options.case)
    print(f"autobahn: {wrong} verdicts differ from the expected ones" if wrong else "autobahn: every verdict is the expected one")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
