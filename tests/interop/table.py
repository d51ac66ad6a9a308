#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What other TLS stacks and our engine can do with each other, as tables in Markdown.

usage: table.py [FOLDER]

Reads the rows that the scripts of this folder leave in build/stacks: see cells.sh.
"""
import os
import sys
from pathlib import Path

VERSIONS = {"1.2": 8, "1.3": 3}  # how many suites we have
COLUMNS = [f"{version} {how}{who}" for version in VERSIONS for how in ("full", "resumed")
           for who in ("", " certificate")]


class Stack:
    def __init__(self, path):
        self.name, self.ends, self.cells, self.suites, self.groups = "", {}, {}, {}, {}
        for line in path.read_text().splitlines():
            kind, *fields = line.split("|")
            getattr(self, kind)(*fields)

    def stack(self, name, client, server):
        self.name, self.ends = name, {"client": client, "server": server}

    def cell(self, name, result):
        self.cells[name] = result

    def negotiated(self, name, suite, group):
        self.suites.setdefault(name, set()).add(suite)
        if group not in self.groups.setdefault(name, []):
            self.groups[name].append(group)

    def agreed(self, role, version):
        name = f"{role} {version}"
        if name not in self.suites:
            return "-"
        return f"{len(self.suites[name])} of {VERSIONS[version]}; " + ", ".join(self.groups[name])


def row(*fields):
    print("|", " | ".join(fields), "|")


def head(*fields):
    row(*fields)
    row(*["---"] * len(fields))


def ends(stacks):
    for stack in stacks:
        for role, end in stack.ends.items():
            if end:
                yield stack, role, f"{stack.name}, {end}"


def show_cells(stacks):
    notes = []

    def shown(result):
        if result in ("ok", "FAILED", "not run"):
            return result
        if result not in notes:
            notes.append(result)
        return f"- ({notes.index(result) + 1})"

    head("their end", *(c.replace(" certificate", ", certificate") for c in COLUMNS))
    for stack, role, end in ends(stacks):
        row(end, *(shown(stack.cells.get(f"{role} {c}", "not run")) for c in COLUMNS))
    print()
    for number, note in enumerate(notes, 1):
        print(f"{number}. {note}")


def show_agreed(stacks):
    head("their end", *(f"suites and groups of {version}" for version in VERSIONS), "KeyUpdate")
    for stack, role, end in ends(stacks):
        row(end, *(stack.agreed(role, version) for version in VERSIONS),
            "ok" if stack.cells.get(f"{role} 1.3 updated") == "ok" else "-")


folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("KTLS_BUILD", "build") + "/stacks"
found = [Stack(path) for path in sorted(Path(folder).iterdir())]
show_cells(found)
print()
show_agreed(found)
