#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds manual pages and headers together.

usage: man.py synopsis | names | links        from the root of the source tree

synopsis: each prototype in a page's SYNOPSIS is the header's, word for word
names:    a page's NAME has the functions of its SYNOPSIS, and each function of libktls, which is in
          a header and exported, is in one; and so is what libktls-handshake exports by its full name
links:    .so leads to a page that names the link, and pages refer to pages that exist
Status 1, and what is wrong, where something is.
"""
import pathlib
import re
import sys

MAN = pathlib.Path("Documentation/man")
LIBKTLS = ["ktls.h", "ktls-session.h"]
HEADERS = LIBKTLS + ["ktls-tls.h", "ktls-handshake.h"]


def words(text):
    """A prototype without what does not matter: spaces."""
    return re.findall(r"\w+|[^\w\s]", text)


def prototypes(text):
    """Those of functions of ours, by name."""
    found = {}
    for declaration in re.findall(r"[^;{}]+;", text):
        match = re.search(r"\b(ktls_\w+)\s*\(", declaration)
        if match and "typedef" not in declaration and "=" not in declaration:
            found[match[1]] = words(declaration.strip())
    return found


def header_prototypes(headers=HEADERS):
    found = {}
    for name in headers:
        text = pathlib.Path("lib/include", name).read_text()
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        text = re.sub(r"^\s*#.*(\\\n.*)*$", "", text, flags=re.M)
        text = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", text, flags=re.S)
        text = re.sub(r'extern "C" \{', "", text)
        found.update(prototypes(text))
    return found


def section(text, name):
    """The lines of a section."""
    match = re.search(rf"^\.SH {name}\n(.*?)(?=^\.SH |\Z)", text, re.M | re.S)
    return match[1] if match else ""


def plain(roff):
    """.B and .BI lines without their dress: their arguments, which quotes may hold together."""
    lines = []
    for line in roff.splitlines():
        match = re.match(r"\.(BI?|BR)\s+(.*)", line)
        if match:
            arguments = re.findall(r'"([^"]*)"|(\S+)', match[2])
            lines.append("".join(quoted or bare for quoted, bare in arguments))
    return "\n".join(line for line in lines if not line.startswith("#")).replace("\\-", "-")


def pages():
    for path in sorted(MAN.glob("*.3")):
        text = path.read_text()
        if not re.search(r"^\.so ", text, re.M):
            yield path.stem, text


def synopsis():
    wanted = header_prototypes()
    for page, text in pages():
        for name, have in prototypes(plain(section(text, "SYNOPSIS"))).items():
            if name not in wanted:
                yield f"{page}: {name} is in no header"
            elif have != wanted[name]:
                yield f"{page}: {' '.join(have)}\n  the header: {' '.join(wanted[name])}"


def named(text):
    """The functions of a page's NAME."""
    before = section(text, "NAME").replace("\\-", "\0").split("\0")[0]
    return set(re.findall(r"\bktls_\w+", before))


def exported_by(library):
    return set(re.findall(r"^\t(ktls_\w+);", pathlib.Path(f"lib/{library}.map").read_text(), re.M))


def names():
    everywhere = set()
    for page, text in pages():
        in_synopsis = set(prototypes(plain(section(text, "SYNOPSIS"))))
        everywhere |= in_synopsis
        for name in in_synopsis ^ named(text):
            yield f"{page}: {name} is not in both of NAME and SYNOPSIS"
        for name in named(text) - {page}:
            if not (MAN / f"{name}.3").exists():
                yield f"{page}: there is no {name}.3 that leads to it"
    exported = exported_by("libktls")
    embedded = exported_by("libktls-handshake")
    for name in (exported | embedded) - everywhere:
        yield f"{name} is exported, and in no page"
    for name in exported ^ set(header_prototypes(LIBKTLS)):
        yield f"{name} is not in both of libktls's headers and libktls.map"
    if len(exported) < 30 or not embedded:
        yield "the lists of symbols have not been read"


def links():
    texts = dict(pages())
    for path in sorted(MAN.glob("*.[1-8]")):
        text = path.read_text()
        target = re.search(r"^\.so man3/(\w+)\.3$", text, re.M)
        if target and path.stem not in named(texts.get(target[1], "")):
            yield f"{path.name} leads to {target[1]}, which does not name it"
        for name, number in re.findall(r"^\.BR (ktls[\w\\-]*(?:\.conf)?) \((\d)\)", text, re.M):
            if not (MAN / f"{name}.{number}".replace("\\-", "-")).exists():
                yield f"{path.name}: there is no {name}({number})"


def main():
    checks = {"synopsis": synopsis, "names": names, "links": links}
    wrong = list(checks[sys.argv[1]]())
    print("\n".join(wrong))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
