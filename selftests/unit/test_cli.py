#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The command line without a kernel module: help, wrong arguments, identities
and keys. What needs the module is in selftests/pilot/cli.sh.

Prints TAP; exits 1 if a test failed, 4 if the program is not built.
"""

import base64
import json
import os
import re
import stat
import subprocess
import sys
import tempfile

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
PILOT = os.environ.get("PILOT", os.path.join(TOP, "userspace", "pilot", "pilot"))
PILOTD = os.path.join(TOP, "userspace", "pilotd", "pilotd")

DONE, FAILED, USAGE = 0, 1, 2

# What is wrong with the arguments alone: (regular expression, arguments).
WRONG = [
    ('no command "frob"', "frob"),
    ('no command "frob"', "help frob"),
    ('no option "-x"', "-x"),

    # Mistyped words: one suggestion, or none if nothing is near.
    ('no command "shwo"; did you mean "show"', "shwo"),
    ('no command "mon"; did you mean "monitor"', "mon"),
    ('no command "lo"; did you mean "show lo"', "lo"),
    ('no command "k"$', "k"),
    ('no option "--prom"; did you mean "--prometheus"', "show --prom"),
    ('argument "dmup"; did you mean "dump"', "show pilot0 dmup"),
    ('no setting "nodeid"; did you mean "node-id"', "set pilot0 nodeid 1"),
    ('no setting "decrypt-fail-trheshold"; did you mean "decrypt-fail-threshold"',
     "set pilot0 decrypt-fail-trheshold 1"),
    ('no setting "replay"$', "set pilot0 replay 64"),
    ('no setting "end-point"; did you mean "endpoint"', "peer set pilot0 2 end-point off"),
    ('"dle" is not add, set or del; did you mean "del"', "peer dle pilot0 2"),
    ('"shw" is not set, del, show or new; did you mean "show"', "key shw pilot0"),
    ('argument "authenticate"; did you mean "authenticated"', "key set pilot0 2 - authenticate"),
    ('"shoe" is not new or show; did you mean "show"', "identity shoe x"),
    ('no option "--jsn"; did you mean "--json"', "monitor --jsn"),
    ('no option "--jsno"; did you mean "--json"', "top -b --jsno"),
    ('no option "--colour"; did you mean "--color"', "ping -c 1 --colour pilot0 2"),
    ('no column "rx-packet"; did you mean "rx-packets"', "top -s rx-packet"),
    ('--color "alwys" is not auto, always or never; did you mean "always"', "show --color=alwys"),

    ("not 1 to 15 bytes", "show a-name-that-is-long"),
    ('unexpected argument "dumb"', "show pilot0 dumb"),
    ('unexpected argument "x"', "show pilot0 dump x"),
    ("either dump or -j", "show pilot0 dump -j"),

    ("which device", "set"),
    ("not 1 to 15 bytes", "set a-name-that-is-long fwmark 1"),
    ("what is to be set", "set pilot0"),
    ('"node-id" needs a value', "set pilot0 node-id"),
    ('"fwmark" needs a value', "set pilot0 node-id 1 fwmark"),
    ('no setting "colour"', "set pilot0 colour red"),
    ("fwmark is given twice", "set pilot0 fwmark 1 fwmark 2"),
    ("aged-drop is given twice", "set pilot0 aged-drop 1s aged-drop off"),
    ("no node has ID 0", "set pilot0 node-id 0"),
    ("out of range: 1 to 4294967295", "set pilot0 node-id 4294967296"),
    ("is not a Pilot address", "set pilot0 node-id 0:0000.0001"),
    ("network 2 is not that of the address, 1",
     "set pilot0 node-id 1:0001.0000.0001 network 2"),
    ("out of range: 0 to 65535", "set pilot0 network 65536"),
    ("out of range: 0 to 65535", "set pilot0 listen-port 65536"),
    ('fwmark "red" is not a number', "set pilot0 fwmark red"),
    ("out of range: 0 to 4294967295", "set pilot0 fwmark 0x100000000"),
    ("has no port", "set pilot0 beacon 10.0.0.1"),
    ("needs brackets", "set pilot0 beacon 2001:db8::1:9001"),
    ("not of the form", "set pilot0 beacon [::1"),
    ("not a power of two", "set pilot0 replay-window 100"),
    ("out of range: 64 to 8192", "set pilot0 replay-window 32"),
    ("out of range: 64 to 8192", "set pilot0 replay-window 16384"),
    ("is not on or off", "set pilot0 unauth maybe"),
    ("out of range: 1 to 1048576", "set pilot0 max-peers 0"),
    ("decrypt-fail-threshold.*out of range: 1 to 1000000", "set pilot0 decrypt-fail-threshold 0"),
    ("outside-window-threshold.*out of range: 1 to 1000000",
     "set pilot0 outside-window-threshold 1000001"),
    ("replay-threshold.*is not a number", "set pilot0 replay-threshold off"),
    ("decrypt-fail-grace.*out of range: 0s to 1h", "set pilot0 decrypt-fail-grace 2h"),
    ("outside-window-grace.*is not a time like 3s", "set pilot0 outside-window-grace 5days"),
    ("replay-grace.*is not a time", "set pilot0 replay-grace off"),
    ("aged-drop.*out of range: 0s to 1h", "set pilot0 aged-drop 3600001ms"),
    ("rekey-after.*out of range: 16 to 268435456", "set pilot0 rekey-after 15"),
    ("rekey-after.*is not a number", "set pilot0 rekey-after 1h"),

    ("add, set or del", "peer"),
    ('"frob" is not add, set or del', "peer frob"),
    ("which device", "peer add"),
    ("which node", "peer add pilot0"),
    ("is not a node ID", "peer add pilot0 x"),
    ("what is to be set", "peer set pilot0 16"),
    ('"path" needs a value', "peer set pilot0 16 path"),
    ('no setting "psk"', "peer set pilot0 16 psk x"),
    ("path is given twice", "peer set pilot0 16 path auto path relay"),
    ("is not auto, direct or relay", "peer set pilot0 16 path sideways"),
    ('port "0" is not 1 to 65535', "peer set pilot0 16 endpoint 10.0.0.1:0"),
    ("multicast", "peer set pilot0 16 endpoint 224.0.0.1:5"),
    ("broadcast", "peer set pilot0 16 endpoint 255.255.255.255:5"),
    ("link-local address needs its interface", "peer set pilot0 16 endpoint [fe80::1]:5"),
    (r"the network is 10\.0\.0\.0/8", "peer set pilot0 16 allowed-ips 10.0.0.1/8"),
    ("prefix length is not 0 to 32", "peer set pilot0 16 allowed-ips 10.0.0.0/33"),
    ("either all prefixes have a sign or none",
     "peer set pilot0 16 allowed-ips +10.0.0.0/8,10.1.0.0/16"),
    ("empty element", "peer set pilot0 16 allowed-ips 10.0.0.0/8,"),
    ("not in whole seconds", "peer set pilot0 16 keepalive 1500ms"),
    ("keepalive.*out of range: 0s to", "peer set pilot0 16 keepalive 65536"),
    ('unexpected argument "x"', "peer del pilot0 16 x"),

    (r"set, del, show or new", "key"),
    ('"frob" is not set, del, show or new', "key frob"),
    ("which device", "key show"),
    ("which node", "key set pilot0"),
    ("which file holds the key", "key set pilot0 16"),
    ('"id" needs a value', "key set pilot0 16 - id"),
    ("out of range: 1 to 4294967295", "key set pilot0 16 - id 0"),
    ('unexpected argument "x"', "key set pilot0 16 - x"),
    ("no --json", "key del pilot0 16 -j"),
    ('unexpected argument "5"', "key del pilot0 16 5"),
    ('"id" needs a value', "key del pilot0 16 id"),
    ('unexpected argument "x"', "key del pilot0 16 id 5 x"),
    ('unexpected argument "x"', "key show pilot0 16 x"),
    ('unexpected argument "x"', "key new x"),

    ("which device", "rekey"),
    ("which node", "rekey pilot0"),
    ("is not a node ID", "rekey pilot0 2x"),
    ('unexpected argument "x"', "rekey pilot0 2 x"),

    ("which device", "ping"),
    ("which node", "ping pilot0"),
    ("is not a node ID", "ping pilot0 2x"),
    ('unexpected argument "x"', "ping pilot0 2 x"),
    ('there is no option "-z"', "ping -z pilot0 2"),
    ("-c needs a value", "ping -c"),
    ("-c.*out of range", "ping -c 0 pilot0 2"),
    ("-s.*out of range: 0 to 65000", "ping -s 65001 pilot0 2"),
    ("-i.*is not 0.05 to 3600 seconds", "ping -i 0.01 pilot0 2"),
    ("-i.*is not 0.05 to 3600 seconds", "ping -i nan pilot0 2"),
    ("-W.*is not 0.01 to 3600 seconds", "ping -W 1x pilot0 2"),

    ("-d.*is not a time like 3s", "top -d x"),
    ("-d.*out of range: 100ms to 1h", "top -d 99ms"),
    ("-n.*out of range", "top -b -n 0"),
    ("-n goes with -b", "top -n 1"),
    ("-j goes with -b", "top -j"),
    ("-s needs a value", "top -s"),
    ('unexpected argument "y"', "top x y"),
    ('there is no option "-z"', "top -z"),

    ("new or show", "identity"),
    ('"frob" is not new or show', "identity frob x"),
    ("which file", "identity new"),
    ('unexpected argument "y"', "identity new x y"),

    ('unexpected argument "x"', "monitor pilot0 x"),
    ("not 1 to 15 bytes", "monitor a-name-that-is-long"),
]

results = []


def test(name, *problems):
    results.append((name, [p for p in problems if p]))


def run(*args, stdin=b"", stdout=subprocess.PIPE):
    # Nothing here has to do with the kernel: it must not take long.
    p = subprocess.run([PILOT, *args], input=stdin, stdout=stdout,
                       stderr=subprocess.PIPE, timeout=30, check=False)
    return p.returncode, (p.stdout or b"").decode(), p.stderr.decode()


def unlike(got, status, pattern):
    """What is wrong with a refusal, or None."""
    code, out, err = got
    first = err.split("\n", 1)[0]
    if code != status:
        return "exit status %d, not %d: %s" % (code, status, err)
    if out:
        return "it printed: " + out
    if not re.match("pilot: .*" + pattern, first):
        return "'%s' does not match '%s'" % (first, pattern)
    if re.search(r"[^\x20-\x7e\n]", err):
        return "control characters: %r" % err
    return None


def wrong_arguments():
    for pattern, args in WRONG:
        got = run(*args.split(" "))
        usage = got[2].split("\n", 1)[1]
        test("wrong: pilot " + args, unlike(got, USAGE, pattern),
             None if re.search("^usage: pilot |^pilot help (lists|%s tells)" % args.split(" ")[0], usage, re.M)
             else "no usage")
    test("a wrong value: no forms that hide it", None if run("set", "pilot0", "listen-port", "99999")[2] ==
         'pilot: listen-port "99999" is out of range: 0 to 65535\npilot help set tells what it takes\n' else "else")
    for told, args in (('there is no option "--confg"', "--confg x"), ('there is no option "-z"', "-zv"),
                       ("which configuration file?", "--check"), ('unexpected argument "x"', "-c y x")):
        p = subprocess.run([PILOTD, *args.split()], stderr=subprocess.PIPE, encoding="utf-8", check=False)
        test("wrong: pilotd " + args, p.returncode != USAGE and "exit status %d" % p.returncode,
             None if p.stderr.startswith("pilotd: %s\nusage: pilotd " % told) else p.stderr)
    got = run("set", "pilot0", "\033[31mred\n", "x")
    test("wrong: an argument with control characters",
         unlike(got, USAGE, r'no setting "\?\[31mred\?"'))


def help_texts():
    code, text, err = run("help")
    test("help", code and "exit status %d" % code, err)
    test("--help and -h are the same",
         *(None if run(a) == (DONE, text, "") else a for a in ("--help", "-h")))
    words = re.findall(r"^  (\w+) {2,}", text, re.M)
    test("help lists the commands", None if words == [
        "show", "set", "peer", "key", "rekey", "identity", "monitor", "ping", "top", "help"] else str(words))
    for word in words[:-1]:
        code, text, err = run("help", word)
        test("help " + word, code and "exit status %d" % code, err,
             None if re.search(r"^  pilot %s( |$)" % word, text, re.M) else text,
             None if run(word, "-h") == (DONE, text, "") else "-h differs",
             None if run(word, "x", "--help") == (DONE, text, "") else "--help differs")
    code, text, err = run("--version")
    test("--version", None if not code and re.fullmatch(r"pilot \d[\w.]*\n", text) else text + err)


def keys():
    code, text, err = run("key", "new")
    test("key new", err, code and "exit status %d" % code,
         None if len(base64.b64decode(text)) == 32 and len(text) == 45 else text)
    test("key new makes another one each time",
         None if run("key", "new")[1] != text else "the same")
    code, text, err = run("key", "new", "--json")
    test("key new --json", err, code and "exit status %d" % code,
         None if list(json.loads(text)) == ["key"] and
         len(base64.b64decode(json.loads(text)["key"])) == 32 else text)
    with open("/dev/full", "wb") as full:
        code, _, err = run("key", "new", stdout=full)
    test("key new to a full disk", unlike((code, "", err), FAILED, "cannot write the key: No space"))
    with open("/dev/full", "wb") as full:
        code, _, err = run("help", stdout=full)
    test("help to a full disk", unlike((code, "", err), FAILED, "cannot write to stdout: No space"))


def identities(work):
    path = os.path.join(work, "id")
    code, text, err = run("identity", "new", path)
    public = text.strip()
    test("identity new", err, code and "exit status %d" % code,
         None if len(base64.b64decode(public)) == 32 else text,
         None if stat.S_IMODE(os.stat(path).st_mode) == 0o600 else "mode")
    test("identity show", None if run("identity", "show", path) == (DONE, text, "") else "differs")
    code, shown, err = run("identity", "show", path, "-j")
    test("identity show -j", err, None if json.loads(shown) == {"public_key": public} else shown)
    with open(path, "rb") as f:
        before = f.read()
    test("identity new replaces nothing",
         unlike(run("identity", "new", path), FAILED, "there is a file already"),
         None if open(path, "rb").read() == before else "it was changed")
    if os.geteuid() == 0:
        os.chown(path, 65534, -1)
        test("identity show: another user's, who is pilotd",
             None if run("identity", "show", path) == (DONE, text, "") else "differs")
        os.chown(path, 0, -1)
    os.chmod(path, 0o640)
    test("identity show: a mode that lets others in",
         unlike(run("identity", "show", path), FAILED, "mode 0640 lets others in"))
    test("identity show: no file",
         unlike(run("identity", "show", path + "x"), FAILED, "idx: No such file"))
    with open(path + "bad", "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write("{")
    test("identity show: not JSON",
         unlike(run("identity", "show", path + "bad"), FAILED, "idbad: not JSON"))


def main():
    if not os.access(PILOT, os.X_OK):
        print("TAP version 13\n1..0 # SKIP the program pilot is not built")
        return 4
    os.umask(0o077)
    help_texts()
    wrong_arguments()
    keys()
    with tempfile.TemporaryDirectory() as work:
        identities(work)

    print("TAP version 13\n1..%d" % len(results))
    for i, (name, problems) in enumerate(results, 1):
        print("%sok %d %s" % ("not " if problems else "", i, name))
        for p in problems:
            print("# " + p.replace("\n", "\n# "))
    return 1 if any(p for _, p in results) else 0


if __name__ == "__main__":
    sys.exit(main())
