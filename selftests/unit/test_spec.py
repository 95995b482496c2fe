#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare the netlink interface in its four forms.

Documentation/netlink/specs/pilot.yaml against include/uapi/linux/pilot.h
(names, order and values), the names userspace/lib/attrs.c prints, and the
policy tables of kernel/netlink.c (types, nests, limits, directions).

Prints TAP; exits 1 if a comparison failed, 4 if python3-yaml is missing.
"""

import os
import re
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

try:
    import yaml
except ImportError:
    print("TAP version 13\n1..0 # SKIP python3-yaml is not installed")
    sys.exit(4)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def strip_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


class Tap:
    """Results are collected, so that the plan is right however many come."""

    def __init__(self):
        self.results = []

    def check(self, problems, name):
        self.results.append((name, list(problems), None))

    def skip(self, name, why):
        self.results.append((name, [], why))

    def finish(self):
        failed = 0
        print("TAP version 13\n1..%d" % len(self.results))
        for i, (name, problems, why) in enumerate(self.results, 1):
            failed += bool(problems)
            print("%sok %d %s%s" % ("not " if problems else "", i, name,
                                    " # SKIP " + why if why else ""))
            for p in problems:
                print("# " + p)
        return 1 if failed else 0


def constant(text, header):
    """Value of an integer expression of literals, defines and shifts."""
    text = text.strip()
    for _ in range(8):
        name = re.search(r"\b[A-Z_][A-Z0-9_]{3,}\b", text)
        if not name:
            break
        define = re.search(r"^#define\s+%s\s+(.+)$" % name.group(0), header,
                           re.M)
        if not define:
            return None
        text = text.replace(name.group(0), "(" + define.group(1).strip() + ")")
    text = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[uUlL]+\b", r"\1", text)
    if not re.fullmatch(r"[-+*/()<>|&~ 0-9a-fA-Fx]+", text):
        return None
    return int(eval(text.replace("/", "//")))  # digits and operators only


def c_enums(header):
    """{enum: [(name, value)]} in order; values as C counts them."""
    enums = {}
    for m in re.finditer(r"enum\s+(\w+)\s*\{(.*?)\}", strip_comments(header),
                         re.S):
        value, entries, known = -1, [], {}
        for item in m.group(2).split(","):
            item = item.strip()
            if not item:
                continue
            name, _, init = (x.strip() for x in item.partition("="))
            if init:
                for k, v in known.items():
                    init = re.sub(r"\b%s\b" % k, str(v), init)
                value = constant(init, header)
            else:
                value += 1
            known[name] = value
            entries.append((name, value))
        enums[m.group(1)] = entries
    return enums


def c_name(text):
    return text.replace("-", "_").upper()


def entry_name(entry):
    return entry if isinstance(entry, str) else entry["name"]


def expected_entries(entries, prefix, first):
    """What YNL makes of a list: each value one more, or the one given."""
    out, value = [], first
    for e in entries:
        if isinstance(e, dict) and "value" in e:
            value = e["value"]
        out.append((c_name(prefix + entry_name(e)), value))
        value += 1
    return out


def compare_enum(have, want, cnt, maximum, unspec):
    """Problems between a C enum and what the YAML asks for."""
    if have is None:
        return ["the header has no such enum"]
    want = list(want)
    if unspec:
        want.insert(0, (unspec, 0))
    last = want[-1][1]
    want += [(cnt, last + 1), (maximum, last)]
    problems = []
    for i in range(max(len(have), len(want))):
        h = have[i] if i < len(have) else None
        w = want[i] if i < len(want) else None
        if h != w:
            problems.append("entry %d: header %s, YAML %s" % (i, h, w))
    return problems


def directions(header):
    """{attribute: 'in' | 'out' | 'in/out'} as the comments state them."""
    out = {}
    for m in re.finditer(r"@(PILOT_A_\w+): (.*?)(?=\n \* @|\n \*\n|\n \*/)",
                         header, re.S):
        text = re.sub(r"\s*\n \*\s*", " ", m.group(2))
        d = re.search(r",\s*(in/out|in|out)\b", text)
        if d:
            out[m.group(1)] = d.group(1)
    return out


# --- kernel policy tables -------------------------------------------------

def balanced(text, start, opening="{", closing="}"):
    depth = 0
    for i in range(start, len(text)):
        if text[i] == opening:
            depth += 1
        elif text[i] == closing:
            depth -= 1
            if not depth:
                return text[start + 1:i]
    return ""


def policy_tables(source):
    """{array: {attribute: initialiser}}"""
    tables = {}
    text = strip_comments(source)
    for m in re.finditer(r"struct\s+nla_policy\s+(\w+)\s*\[[^\]]*\]\s*=\s*\{",
                         text):
        body = balanced(text, m.end() - 1)
        entries = {}
        parts = re.split(r"\[\s*(PILOT_A_\w+)\s*\]\s*=", body)
        for name, init in zip(parts[1::2], parts[2::2]):
            entries[name] = " ".join(init.split()).rstrip(", ")
        tables[m.group(1)] = entries
    return tables


NLA_TYPES = {
    "NLA_U8": "u8", "NLA_U16": "u16", "NLA_U32": "u32", "NLA_U64": "u64",
    "NLA_BE16": "u16", "NLA_BE32": "u32", "NLA_FLAG": "flag",
    "NLA_STRING": "string", "NLA_NUL_STRING": "string",
    "NLA_BINARY": "binary", "NLA_NESTED": "nest", "NLA_REJECT": "reject",
}


def parse_policy(init, header):
    """(type, nested array or None, {check: value}) of an initialiser."""
    m = re.match(r"NLA_POLICY_NESTED(?:_ARRAY)?\s*\(\s*(\w+)", init)
    if m:
        return "nest", m.group(1), {}
    m = re.match(r"NLA_POLICY_EXACT_LEN\s*\(\s*(.+?)\s*\)$", init)
    if m:
        return "binary", None, {"exact-len": constant(m.group(1), header)}
    m = re.match(r"NLA_POLICY_MIN_LEN\s*\(\s*(.+?)\s*\)$", init)
    if m:
        return "binary", None, {"min-len": constant(m.group(1), header)}
    m = re.match(r"NLA_POLICY_(MIN|MAX|RANGE|MASK|VALIDATE_FN)\s*\(\s*(\w+)\s*,(.*)\)$",
                 init)
    if m:
        kind, args = m.group(1), [a.strip() for a in m.group(3).split(",")]
        checks = {}
        length = m.group(2) == "NLA_BINARY"
        if kind in ("MIN", "RANGE"):
            checks["min-len" if length else "min"] = constant(args[0], header)
        if kind == "MAX":
            checks["max-len" if length else "max"] = constant(args[0], header)
        if kind == "RANGE":
            checks["max-len" if length else "max"] = constant(args[1], header)
        if kind == "MASK":
            checks["mask"] = constant(args[0], header)
        return NLA_TYPES.get(m.group(2)), None, checks
    m = re.search(r"\.type\s*=\s*(\w+)", init)
    if m:
        checks = {}
        length = re.search(r"\.len\s*=\s*([^,}]+)", init)
        if length:
            checks["max-len"] = constant(length.group(1), header)
        return NLA_TYPES.get(m.group(1)), None, checks
    return None, None, {}


def compare_policy(attrs, table, header, way, enum_max, flags, arrays):
    """Problems between a set of the YAML and its table in the kernel."""
    problems = []
    names = {c: a for a, c in attrs}
    for name in table:
        if name not in names:
            problems.append("the table has %s, which is not of this set" % name)
    for attr, cname in attrs:
        name = attr["name"]
        init = table.get(cname)
        taken = way.get(cname, "in") != "out" and attr["type"] != "pad"
        kind, nested, checks = parse_policy(init, header) if init else \
            (None, None, {})
        if not taken:
            if init and kind != "reject":
                problems.append("%s is output only, but the kernel takes it: %s"
                                % (name, init))
            continue
        if not init:
            problems.append("%s is an input, but has no policy" % name)
            continue
        if kind == "reject":
            problems.append("%s is an input, but is rejected" % name)
            continue
        if kind is None:
            problems.append("%s: policy not understood: %s" % (name, init))
            continue
        if kind != attr["type"]:
            problems.append("%s: YAML %s, kernel %s" % (name, attr["type"], kind))
            continue
        if kind == "nest":
            if nested and nested != arrays[attr["nested-attributes"]]:
                problems.append("%s: nest of %s, kernel %s"
                                % (name, attr["nested-attributes"], nested))
            continue
        want = dict(attr.get("checks", {}))
        if "flags-mask" in want:
            want["mask"] = flags[want.pop("flags-mask")]
        if attr.get("enum") in enum_max:
            want["max"] = enum_max[attr["enum"]]
        for check in sorted(set(want) | set(checks)):
            w, h = want.get(check), checks.get(check)
            # An exact length and a lower limit of 0 have two spellings.
            if w == h or (check == "min" and not w and not h):
                continue
            if check in checks and h is None:
                problems.append("%s: %s of the kernel not understood: %s"
                                % (name, check, init))
            else:
                problems.append("%s: %s: YAML %s, kernel %s"
                                % (name, check, w, h))
    return problems


def main():
    tap = Tap()
    spec = yaml.safe_load(read("Documentation/netlink/specs/pilot.yaml"))
    header = read("include/uapi/linux/pilot.h")
    enums = c_enums(header)
    seen = set()

    # Family
    def define(name):
        m = re.search(r"^#define\s+%s\s+(.+)$" % name, header, re.M)
        return m.group(1).strip().strip('"') if m else None

    problems = []
    for what, have, want in [
            ("family name", define(c_name(spec["c-family-name"])), spec["name"]),
            ("version", define(c_name(spec["c-version-name"])),
             str(spec["version"]))]:
        if have != want:
            problems.append("%s: header %s, YAML %s" % (what, have, want))
    for group in spec["mcast-groups"]["list"]:
        have = define(c_name(group["c-define-name"]))
        if have != group["name"]:
            problems.append("group: header %s, YAML %s" % (have, group["name"]))
    tap.check(problems, "family name, version and multicast groups")

    # Enums and flags
    enum_max, flags = {}, {}
    for d in spec["definitions"]:
        prefix = d["name-prefix"]
        if d["type"] == "enum":
            cname = d["enum-name"].replace("-", "_")
            seen.add(cname)
            want = expected_entries(d["entries"], prefix, d.get("value-start", 0))
            enum_max[d["name"]] = want[-1][1]
            tap.check(compare_enum(enums.get(cname), want,
                                   "__" + c_name(prefix) + "AFTER_LAST",
                                   c_name(prefix) + "MAX", None),
                      "enum %s" % d["name"])
        else:
            problems, mask = [], 0
            for i, e in enumerate(d["entries"]):
                name = c_name(prefix + entry_name(e))
                value = define(name)
                have = constant(value, header) if value else None
                mask |= 1 << i
                if have != 1 << i:
                    problems.append("%s: header %s, YAML %d" % (name, have, 1 << i))
            value = define(c_name(prefix) + "MASK")
            have = constant(value, header) if value else None
            if have != mask:
                problems.append("mask: header %s, YAML %d" % (have, mask))
            flags[d["name"]] = mask
            tap.check(problems, "flags %s" % d["name"])

    # Attribute sets
    sets, attr_names = {}, {}
    for s in spec["attribute-sets"]:
        cname = s["enum-name"].replace("-", "_")
        prefix = s["name-prefix"]
        seen.add(cname)
        want = expected_entries(s["attributes"], prefix, 1)
        sets[s["name"]] = list(zip(s["attributes"], [n for n, _ in want]))
        attr_names.update({n: a["name"] for a, n in sets[s["name"]]})
        tap.check(compare_enum(enums.get(cname), want,
                               c_name(s["attr-cnt-name"]),
                               c_name(s["attr-max-name"]),
                               c_name(prefix) + "UNSPEC"),
                  "attribute set %s" % s["name"])

    problems = []
    for name, attrs in sets.items():
        for a, _ in attrs:
            if (a["type"] == "nest") != ("nested-attributes" in a):
                problems.append("%s.%s: a nest names its set, others none"
                                % (name, a["name"]))
            elif a["type"] == "nest" and a["nested-attributes"] not in sets:
                problems.append("%s.%s: there is no set %s"
                                % (name, a["name"], a["nested-attributes"]))
            if "enum" in a and a["enum"] not in enum_max and a["enum"] not in flags:
                problems.append("%s.%s: there is no enum %s"
                                % (name, a["name"], a["enum"]))
    tap.check(problems, "sets and enums that attributes name exist")

    # Commands
    ops = spec["operations"]
    cname = ops["enum-name"].replace("-", "_")
    seen.add(cname)
    prefix = ops["name-prefix"]
    tap.check(compare_enum(enums.get(cname),
                           expected_entries(ops["list"], prefix, 1),
                           "__" + c_name(prefix) + "AFTER_LAST",
                           c_name(prefix) + "MAX", c_name(prefix) + "UNSPEC"),
              "commands")

    problems = []
    groups = [g["name"] for g in spec["mcast-groups"]["list"]]
    top = {a["name"] for a, _ in sets["pilot"]}
    for op in ops["list"]:
        for part in ("do", "dump"):
            for side in op.get(part, {}).values():
                for a in side["attributes"]:
                    if a not in top:
                        problems.append("%s: no attribute %s" % (op["name"], a))
        if "event" in op:
            if op["mcgrp"] not in groups:
                problems.append("%s: no group %s" % (op["name"], op["mcgrp"]))
        elif op.get("flags") != ["uns-admin-perm"]:
            problems.append("%s: lacks uns-admin-perm" % op["name"])
    tap.check(problems, "operations use attributes that exist, and need admin rights")

    tap.check(["enum %s is not in the YAML" % e for e in enums if e not in seen],
              "the YAML covers every enum of the header")

    # Names that error messages print
    problems, named = [], {}
    for m in re.finditer(r"\[(PILOT_A_\w+)\]\s*=\s*\"([^\"]*)\"",
                         read("userspace/lib/attrs.c")):
        named[m.group(1)] = m.group(2)
    for c in sorted(set(named) | set(attr_names)):
        if named.get(c) != attr_names.get(c):
            problems.append("%s: attrs.c %s, YAML %s"
                            % (c, named.get(c), attr_names.get(c)))
    tap.check(problems, "names in userspace/lib/attrs.c")

    # Kernel
    if not os.path.exists(os.path.join(TOP, "kernel/netlink.c")):
        tap.skip("kernel policy tables", "no kernel/netlink.c")
        return tap.finish()
    tables = policy_tables(read("kernel/netlink.c"))
    constants = header + read("include/pilot/wire.h") + \
        "\n".join("#define %s %d" % e for es in enums.values() for e in es) + \
        "\n#define IFNAMSIZ 16\n"
    way = directions(header)
    arrays = {n: "pilot_policy" if n == "pilot" else
              "pilot_%s_policy" % n.replace("-", "_") for n in sets}
    for name, attrs in sets.items():
        what = "kernel policy of %s" % name
        table = tables.get(arrays[name])
        if table is not None:
            tap.check(compare_policy(attrs, table, constants, way, enum_max,
                                     flags, arrays), what)
        elif name in ("event", "stats"):
            # Output only: refused as a whole by the nest around it.
            tap.skip(what, "output only")
        else:
            tap.check(["there is no array %s" % arrays[name]], what)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
