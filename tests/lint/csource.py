# SPDX-License-Identifier: MIT
"""As much of C as lint needs to see: comments, functions, conditions, prototypes."""

import re

_TOKEN = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.S | re.X
)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1


def strip(text):
    """The text with comments and the insides of literals blanked out; nothing moves."""

    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


def includes(text):
    """(line, name, whether in quotes)"""
    for m in re.finditer(r"^[ \t]*#[ \t]*include[ \t]*([<\"])([^>\"]+)[>\"]", text, re.M):
        yield line_at(text, m.start()), m.group(2), m.group(1) == '"'


def functions(text):
    """(line of the name, name, lines between the braces). Relies on clang-format's layout."""
    lines = strip(text).split("\n")
    opened = None
    for i, line in enumerate(lines):
        if line == "{" and i > 0 and not lines[i - 1].rstrip().endswith("="):
            opened = i
        elif opened is not None and line.startswith("}"):
            if line.rstrip() == "}":
                yield _name(lines, opened) + (i - opened - 1,)
            opened = None


def _name(lines, opened):
    at = opened
    while at > 0 and lines[at - 1].strip() and not re.match(r"[}#]|.*;\s*$", lines[at - 1]):
        at -= 1
    head = " ".join(lines[at:opened])
    macro = re.match(r"\s*[A-Z_]+\(\s*([\w, ]+?)\s*\)\s*$", head)
    if macro:
        return at + 1, re.sub(r",\s*", ".", macro.group(1))
    m = re.search(r"(\w+)\s*\(", head)
    return at + 1, m.group(1) if m else "?"


def if_conditions(text):
    """(line, condition) of every if, the text being stripped."""
    for m in re.finditer(r"\bif\s*\(", text):
        depth, end = 1, m.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield line_at(text, m.start()), text[m.end() : end - 1]


def assigns(condition):
    return re.search(r"(?<![=!<>])=(?!=)", condition) or re.search(r"(<<|>>)=", condition)


_PIECE = re.compile(
    r"""(?P<comment>/\*.*?\*/) | (?P<macro>\#(?:\\\n|[^\n])*) | (?P<extern>extern\s+"C"\s*\{|\}\s*$)""",
    re.S | re.X | re.M,
)


def prototypes(text):
    """(line, name, whether a comment stands directly before it, or before the block of prototypes
    without an empty line that it is in) of what a header declares."""
    bare = strip(text)
    at, documented = 0, False
    while True:
        gap = re.compile(r"\s*").match(text, at)
        at = gap.end()
        if at >= len(text):
            return
        if gap.group().count("\n") > 1:
            documented = False
        piece = _PIECE.match(text, at)
        if piece:
            documented = piece.lastgroup == "comment"
            at = piece.end()
            continue
        end, body = _declaration_end(bare, at)
        name = _declared_function(bare[at:end])
        if name:
            yield line_at(text, at), name, documented
        documented = documented and bool(name) and not body
        at = end


def _declaration_end(bare, at):
    """Behind the semicolon or the body's closing brace; and whether it was a function's body."""
    depth, head = 0, at
    for i in range(at, len(bare)):
        c = bare[i]
        if c == "{":
            if depth == 0:
                head = i
            depth += 1
        elif c == "}":
            depth -= 1
            if depth == 0 and bare[at:head].rstrip().endswith(")"):
                return i + 1, True
        elif c == ";" and depth == 0:
            return i + 1, False
    return len(bare), False


def _declared_function(declaration):
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)", " ", declaration.split("{")[0], flags=re.S)
    if head.lstrip().startswith(("typedef", "#")) or re.search(r"\(\s*\*", head.split("(")[0] + "("):
        return None
    m = re.search(r"\b([A-Za-z_]\w*)\s*\(", head)
    if not m or "=" in head[: m.start()]:
        return None
    return m.group(1)
