#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compare the netlink interface in all its forms.

Documentation/netlink/specs/pilot.yaml against include/uapi/linux/pilot.h
(names, order and values), the names userspace/lib/attrs.c prints, and the
policy tables of kernel/netlink.c (types, nests, limits, directions); the limits
userspace/lib/limits.c takes.

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
    text = text.strip().replace("sizeof(struct in6_addr)", "16")
    for _ in range(8):
        name = re.search(r"\b[A-Z_][A-Z0-9_]{3,}\b", text)
        if not name:
            break
        define = re.search(r"^#define\s+%s\s+(.+?)\s*(/\*.*)?$" % name.group(0),
                           header, re.M)
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
    """{array: {attribute: initialiser}}, macros without arguments expanded"""
    tables = {}
    text = strip_comments(source)
    for m in re.finditer(r"^#define[ \t]+(\w+)[ \t]*\\\n((?:.*\\\n)*.*\n)", text,
                         re.M):
        body = m.group(2).replace("\\\n", " ").strip()
        if "NLA_" in body:
            text = re.sub(r"(?<!define )\b%s\b" % m.group(1),
                          lambda _, b=body: b, text)
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
    # Interface indices: int in the kernel, never negative.
    "NLA_S32": "u32",
    "NLA_STRING": "string", "NLA_NUL_STRING": "string",
    "NLA_BINARY": "binary", "NLA_NESTED": "nest", "NLA_REJECT": "reject",
}


def range_tables(source):
    """{variable: {"min": text, "max": text}}"""
    out = {}
    for m in re.finditer(r"struct\s+netlink_range_validation\s+(\w+)\s*=\s*\{(.*?)\}",
                         strip_comments(source), re.S):
        out[m.group(1)] = dict(re.findall(r"\.(min|max)\s*=\s*([^,]+)",
                                          m.group(2)))
    return out


def op_policies(source):
    """{command: array}, from the initialisers of genl_ops"""
    text = strip_comments(source)
    body = re.search(r"struct\s+genl_ops\s+\w+\[\]\s*=\s*\{(.*?)\n\};", text,
                     re.S)
    out = {}
    for m in re.finditer(r"\b(PILOT_CMD_\w+)\b([^;]*?)\b(\w+_policy)\b",
                         body.group(1) if body else ""):
        out[m.group(1)] = m.group(3)
    return out


def parse_policy(init, header, ranges):
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
    m = re.match(r"NLA_POLICY_FULL_RANGE\s*\(\s*(\w+)\s*,\s*&(\w+)\s*\)$", init)
    if m:
        limits = ranges.get(m.group(2), {})
        return NLA_TYPES.get(m.group(1)), None, \
            {k: constant(v, header) for k, v in limits.items()}
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


class Kernel:
    """The policy tables of kernel/netlink.c, compared with the YAML."""

    def __init__(self, spec_sets, way, enum_max, flags, header):
        source = read("kernel/netlink.c")
        self.tables = policy_tables(source)
        self.ranges = range_tables(source)
        self.ops = op_policies(source)
        self.constants = header + read("include/pilot/wire.h") + source
        self.sets, self.way = spec_sets, way
        self.enum_max, self.flags = enum_max, flags

    def inputs(self, name):
        """Attributes of a set that requests may hold."""
        return [(a, c) for a, c in self.sets[name]
                if self.way.get(c, "in") != "out" and a["type"] != "pad"]

    def compare_table(self, name, array, path=()):
        """Problems between a set of the YAML and a table, with its nests."""
        where = ".".join(path + (name,))
        if array not in self.tables:
            return ["%s: there is no array %s" % (where, array)]
        table = self.tables[array]
        problems = []
        known = {c for _, c in self.sets[name]}
        for c in table:
            if c not in known:
                problems.append("%s: %s has %s, which is not of this set"
                                % (where, array, c))
        wanted = self.inputs(name)
        for c in set(table) & (known - {c for _, c in wanted}):
            if self.parse(table[c])[0] != "reject":
                problems.append("%s: %s is output only, but %s takes it"
                                % (where, c, array))
        for attr, c in wanted:
            problems += ["%s.%s: %s" % (where, attr["name"], p) for p in
                         self.compare_attr(attr, table.get(c), path + (name,))]
        return problems

    def parse(self, init):
        return parse_policy(init, self.constants, self.ranges)

    def compare_attr(self, attr, init, path):
        if not init:
            return ["an input, but it has no policy"]
        kind, nested, checks = self.parse(init)
        if kind == "reject":
            return ["an input, but it is rejected"]
        if kind is None:
            return ["policy not understood: " + init]
        if kind != attr["type"]:
            return ["YAML %s, kernel %s" % (attr["type"], kind)]
        if kind == "nest":
            return self.compare_table(attr["nested-attributes"], nested, path)
        want = dict(attr.get("checks", {}))
        if "flags-mask" in want:
            want["mask"] = self.flags[want.pop("flags-mask")]
        if attr.get("enum") in self.enum_max:
            want["max"] = self.enum_max[attr["enum"]]
        problems = []
        for check in sorted(set(want) | set(checks)):
            w, h = want.get(check), checks.get(check)
            if check in checks and h is None:
                problems.append("%s not understood: %s" % (check, init))
            # No lower limit and a lower limit of 0 are the same.
            elif w != h and not (check == "min" and not w and not h):
                problems.append("%s: YAML %s, kernel %s" % (check, w, h))
        return problems

    def compare_op(self, op, prefix):
        """The table of a command takes what the YAML lets into its request."""
        command = c_name(prefix + op["name"])
        if command not in self.ops:
            return ["there is no operation %s" % command]
        array = self.ops[command]
        table = self.tables.get(array)
        if table is None:
            return ["there is no array %s" % array]
        attrs = {a["name"]: (a, c) for a, c in self.sets[op["attribute-set"]]}
        problems, takes = [], set()
        for part in ("do", "dump"):
            for name in op.get(part, {}).get("request", {}).get("attributes", []):
                takes.add(attrs[name][1])
        for c in sorted(set(table) ^ takes):
            problems.append("%s is only in %s"
                            % (c, array if c in table else "the YAML"))
        for name in sorted(attrs):
            attr, c = attrs[name]
            if c not in takes & set(table):
                continue
            # A get needs the ID alone; its reply has the whole set.
            if attr["type"] == "nest" and "reply" in op["do"] and \
               "dump" in op:
                attr = dict(attr, **{"nested-attributes": name + "-id"})
            problems += ["%s: %s" % (name, p)
                         for p in self.compare_attr(attr, table[c], ())]
        return problems


def limit_problems(device, header):
    """What limits.c accepts against the checks of the YAML, and its defaults
    against those that the YAML's text names."""
    source = strip_comments(read("userspace/lib/limits.c"))
    header += strip_comments(read("include/pilot/wire.h"))
    attrs = {c_name(a["name"]): a for a, _ in device}
    table = re.findall(r"^\s+LIMIT\((\w+),\s*(\w+),\s*(\w+),\s*([^,]+),"
                       r"\s*([^,]+),\s*([^,)]+)\)", source, re.M)
    problems = [] if table else ["no table found"]
    for name, member, kind, low, high, usual in table:
        attr = attrs.get(name)
        if not attr:
            problems.append("%s: not in the YAML" % name)
            continue
        checks, doc = attr.get("checks", {}), " ".join(attr["doc"].split())
        low, high, usual = (constant(x, header + source) for x in (low, high, usual))
        if attr["type"] != "u32" or member != name.lower():
            problems.append("%s: type %s, member %s" % (name, attr["type"], member))
        if (low, high) != (checks.get("min", 0), checks.get("max")):
            problems.append("%s: limits.c %s to %s, YAML %s" % (name, low, high, checks))
        if kind.startswith("TIME") != ("milliseconds" in doc):
            problems.append("%s: a time in one of limits.c and the YAML only" % name)
        said = re.search(r"[Dd]efault (\d+)", doc)
        if said and int(said.group(1)) != usual:
            problems.append("%s: default %s, YAML %s" % (name, usual, said.group(1)))
        if (kind == "TIME_OR_OFF") != (usual == 0):
            problems.append("%s: off, but its default is %s" % (name, usual))
        if (kind == "POWER_OF_2") != ("power of two" in doc):
            problems.append("%s: a power of two in one of limits.c and the YAML only" % name)
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
        if "subset-of" in s:
            continue
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

    # Subsets take their attributes, and what they do not say, from the whole
    problems = []
    for s in spec["attribute-sets"]:
        if "subset-of" not in s:
            continue
        whole = {a["name"]: (a, c) for a, c in sets[s["subset-of"]]}
        sets[s["name"]] = []
        for a in s["attributes"]:
            if a["name"] not in whole:
                problems.append("%s.%s: not of %s"
                                % (s["name"], a["name"], s["subset-of"]))
                continue
            base, c = whole[a["name"]]
            sets[s["name"]].append((dict(base, **a), c))
    tap.check(problems, "subsets")

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
    for op in ops["list"]:
        top = {a["name"] for a, _ in sets[op["attribute-set"]]}
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

    # Limits that the CLI checks itself
    tap.check(limit_problems(sets["device"], header),
              "limits and defaults in userspace/lib/limits.c")

    # Kernel
    if not os.path.exists(os.path.join(TOP, "kernel/netlink.c")):
        tap.skip("kernel policy tables", "no kernel/netlink.c")
        return tap.finish()
    kernel = Kernel(sets, directions(header), enum_max, flags, header + "".join(
        "#define %s %d\n" % e for es in enums.values() for e in es) +
        "#define IFNAMSIZ 16\n")
    for name in ("endpoint", "device", "peer", "allowed-ip", "key", "frame"):
        tap.check(kernel.compare_table(name, "pilot_%s_policy"
                                       % name.replace("-", "_")),
                  "kernel policy of %s" % name)
    for op in ops["list"]:
        if "event" not in op:
            tap.check(kernel.compare_op(op, prefix),
                      "kernel operation %s" % op["name"])
    tap.check(["%s is not in the YAML" % c for c in kernel.ops
               if c not in {c_name(prefix + op["name"]) for op in ops["list"]}],
              "the YAML covers every operation of the kernel")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
