# SPDX-License-Identifier: MIT
"""What handoff_doc.sh checks, by name: the document of the hand-off protocol against what was made
from it (the Python client), and against what it was made from (the C code); the manual pages and
the list of symbols against the header."""
import re
import struct
import sys

sys.path.insert(0, "tests/interop")
import handoff  # noqa: E402


def read(name):
    with open(name, encoding="utf-8") as f:
        return f.read()


DOC = read("Documentation/handoff-protocol.md")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")]
        for line in DOC.split("\n") if re.match(r"\| \d+ \| [A-Z_]+ \| \w+ \|", line)]
EXAMPLES = [bytes.fromhex("".join(line.split("  ")[0] for line in packet.split("\n")))
            for block in re.findall(r"\n```\n(.*?)\n```", DOC, re.S)
            for packet in block.split("\n\n")]
FORMATS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q",
           "name": handoff.TEXT, "text": handoff.TEXT, "bytes": handoff.BYTES}


def attributes():
    asked = {(kind, how) for kind, how in handoff.ASKED.values()}
    told = {(kind, how) for kind, (_, how) in handoff.TOLD.items()}
    seen = set()
    for number, _, value, length, *_ in ROWS:
        how = FORMATS[value]
        # Two that the client reads or writes in another form.
        seen.add((int(number), {2: handoff.BYTES, 43: handoff.TEXT}.get(int(number), how)))
        assert how in (handoff.TEXT, handoff.BYTES) or length == str(struct.calcsize(">" + how))
    assert len(ROWS) == 59, len(ROWS)
    assert seen == asked | told, seen ^ (asked | told)


def numbers():
    source = read("lib/handoff/protocol.c")
    for name, heading in (("REQUEST", "request"), ("REPLY", "reply"), ("GREETING", "greeting")):
        code = re.findall(rf"^\t{name}\(\s*(\d+),", source, re.M)
        section = DOC.split(f"### In a {heading}\n")[1].split("\n#")[0].split("bit of")[0]
        assert sorted(code) == sorted(re.findall(r"^\| (\d+) \|", section, re.M)), name


def examples():
    request, reply, greeting = EXAMPLES
    assert request == handoff.build(
        handoff.REQUEST, 0x0102030405060708, server_name="example.org", role=1, profile="web",
        deadline_ms=2500, records=1, alpn=b"\2h2\x08http/1.1", received=b"\x16\3\3")
    told = handoff.parse(reply)
    assert (told["reason"], told["alert_origin"], told["alert"]) == (80, 2, 48)
    told = handoff.parse(greeting)
    assert (told["lanes"], told["lane"], told["daemon_version"]) == (4, 3, "0.1.0")
    assert (told["message_max"], told["in_flight_max"]) == (65536, 4096)
    assert (told["deadline_max"], told["received_max"]) == (300000, 32768)


def known_answers():
    calls = re.findall(r"expect_packet\((.*?),\s*handoff_", read("tests/unit/protocol.c"), re.S)
    known = [bytes.fromhex("".join(re.findall('"(.*?)"', call))) for call in calls]
    assert len(known) == 4
    assert EXAMPLES[0] in known and EXAMPLES[2] in known
    assert EXAMPLES[1][16:] in [packet[16:] for packet in known]


def limits():
    source = read("lib/include/ktls.h") + read("lib/handoff/protocol.h")
    define = {name: int(value, 0)
              for name, value in re.findall(r"#define (\w+)\s+(0x\w+|\d+)\b", source)}
    length = {row[1]: row[3] for row in ROWS}
    for name, low, limit in (
            ("SERVER_NAME", 1, "KTLS_SERVER_NAME_MAX"), ("PROFILE", 1, "KTLS_PROFILE_MAX"),
            ("ALPN", 2, "KTLS_ALPN_MAX"), ("RECEIVED", 1, "KTLS_RECEIVED_MAX"),
            ("TEXT", 1, "HANDOFF_TEXT_MAX"), ("SESSION", 1, "HANDOFF_SESSION_MAX"),
            ("CERTIFICATE", 1, "HANDOFF_CHAIN_MAX")):
        assert length[name] == f"{low} to {define[limit]}", name
    assert length["PEER_NAME"] == f"2 to {define['HANDOFF_NAMES_LEN_MAX'] + 1}"
    assert f"At most {define['HANDOFF_NAMES_MAX']}, together" in DOC
    assert f"At most {define['HANDOFF_CERTS_MAX']}, together" in DOC
    assert f"1 to {define['KTLS_DEADLINE_MAX']};" in DOC
    assert f"| {define['KTLS_DEADLINE_DEFAULT']} | milliseconds" in DOC
    assert f"1 to {define['HANDOFF_LANES_MAX']} |" in DOC
    assert (define["HANDOFF_MAGIC"], define["HANDOFF_VERSION"]) == (0x4b54, 1)


globals()[sys.argv[1]]()
