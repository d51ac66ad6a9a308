#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A client of ktlsd in another language: Documentation/handoff-protocol.md is all it was made from.

usage: handoff.py [options] --connect HOST:PORT | --accept PORT      (see --help)

Hands a TCP socket over, prints ktlsd's reply as one line of JSON, then carries standard input to
the socket and the socket to standard output until the peer says close_notify, whatever keys it
changes meanwhile. Status 0: all went well, 1: no handshake (the reply says why), 2: the stream ended without close_notify.
"""
import argparse
import json
import os
import select
import socket
import struct
import sys

MANDATORY = 0x8000
GREETING, REQUEST, REPLY, CANCEL, SERVICE = 1, 2, 3, 4, 5
TEXT, BYTES = "text", "bytes"  # how a value is written; or a format of struct
ASKED = {"server_name": (1, TEXT), "role": (16, "B"), "profile": (17, TEXT),
         "deadline_ms": (18, "I"), "records": (19, "B"), "hardware": (20, "B"),
         "alpn": (21, BYTES), "received": (22, BYTES), "export": (23, BYTES),
         "bindings": (24, "B"), "session": (2, BYTES), "listen": (25, "H"), "renew": (26, "B"),
         "ticket": (27, BYTES), "count": (28, "H"), "flags": (29, "B")}
TOLD = {1: ("server_name", TEXT), 2: ("session", BYTES), 32: ("reason", "H"),
        33: ("alert_origin", "B"), 34: ("alert", "B"), 35: ("text", TEXT), 36: ("version", "H"),
        37: ("suite", "H"), 38: ("group", "H"), 39: ("scheme", "H"), 40: ("tx", "B"),
        41: ("rx", "B"), 42: ("time_us", "Q"), 43: ("alpn", TEXT), 44: ("certificates", BYTES),
        45: ("descriptor", "B"), 46: ("resumed", "B"), 47: ("more", "B"), 48: ("names", BYTES),
        49: ("names_left_out", "H"), 50: ("client_scheme", "H"), 51: ("exported", BYTES),
        52: ("tls_exporter", BYTES), 53: ("tls_server_end_point", BYTES),
        54: ("key_tx", BYTES), 55: ("key_rx", BYTES), 56: ("records_max", "Q"),
        57: ("session_age", "I"), 58: ("peer_address", BYTES), 59: ("local_address", BYTES),
        60: ("tx_no_hw", "B"), 61: ("rx_no_hw", "B"), 64: ("protocol", "H"), 65: ("lanes", "H"),
        66: ("lane", "H"), 67: ("message_max", "I"), 68: ("in_flight_max", "I"),
        69: ("deadline_max", "I"), 70: ("received_max", "I"), 71: ("capabilities", "Q"),
        72: ("daemon_version", TEXT)}


def encode(kind, value):
    if kind == BYTES:
        return value
    return value.encode() if kind == TEXT else struct.pack(">" + kind, value)


def decode(kind, raw):
    if kind == BYTES:
        return raw
    return raw.decode() if kind == TEXT else struct.unpack(">" + kind, raw)[0]


def build(message, number, **attributes):
    body = b""
    for name, value in attributes.items():
        if value is not None:
            kind, how = ASKED[name]
            raw = encode(how, value)
            body += struct.pack(">HH", kind | MANDATORY, len(raw)) + raw
    return struct.pack(">2sBBIQ", b"KT", 1, message, 16 + len(body), number) + body


def parse(packet):
    magic, version, message, length, number = struct.unpack(">2sBBIQ", packet[:16])
    if (magic, version, length) != (b"KT", 1, len(packet)):
        raise ValueError("not the hand-off protocol")
    fields, at = {"message": message, "id": number, "certificates": [], "names": [],
                  "exported": []}, 16
    while at < length:
        kind, size = struct.unpack(">HH", packet[at:at + 4])
        raw, at = packet[at + 4:at + 4 + size], at + 4 + size
        name, how = TOLD.get(kind & ~MANDATORY, (None, None))
        if name is None and kind & MANDATORY:
            raise ValueError(f"unknown attribute {kind}")
        if name in ("certificates", "exported"):
            fields[name].append(raw)
        elif name == "names":
            fields[name].append((raw[0], raw[1:].decode("ascii")))
        elif name:
            fields[name] = decode(how, raw)
    return fields


class Ktlsd:
    """One connection to ktlsd."""

    def __init__(self, path="/run/ktlsd/ktlsd.sock"):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.last_id = 0
        self.greeting = self.receive(GREETING)

    def receive(self, message=REPLY):
        packet = self.socket.recv(65536)
        if not packet:
            raise ConnectionError("ktlsd closed the connection")
        fields = parse(packet)
        if fields["message"] != message:
            raise ConnectionError(f"ktlsd said {fields}")
        return fields

    def request(self, sock, **asked):
        self.last_id += 1
        socket.send_fds(self.socket, [build(REQUEST, self.last_id, **asked)], [sock.fileno()])
        return self.last_id

    def service(self, sock, session, **asked):
        self.last_id += 1
        packet = build(SERVICE, self.last_id, session=session, **asked)
        socket.send_fds(self.socket, [packet], [sock.fileno()])
        return self.receive()

    def cancel(self, number):
        self.socket.send(build(CANCEL, number))

    def handshake(self, sock, **asked):
        self.request(sock, **asked)
        return self.receive()


# Of a suite: the kernel's cipher, bytes of its key, bytes of the IV that are called salt.
CIPHERS = {0x1301: (51, 16, 4), 0x1302: (52, 32, 4), 0x1303: (54, 32, 0)}
SOL_TLS, TLS_TX, TLS_RX, RENEW_TX, RENEW_RX = 282, 1, 2, 1, 2


class Connection:
    """What there is to do behind the handshake; the session is all that has to be known for it."""

    def __init__(self, ktlsd, sock, session):
        self.ktlsd, self.sock, self.session = ktlsd, sock, session

    def renew(self, which):
        """Puts the key that follows in the place of the one that ktlsd saw, if it is still there."""
        told = self.ktlsd.service(self.sock, self.session, renew=which)
        if told["reason"]:
            raise OSError(f"ktlsd gives no new key: reason {told['reason']}")
        self.session = told["session"]
        option, value = ((TLS_TX, told["key_tx"]) if which == RENEW_TX else
                         (TLS_RX, told["key_rx"]))
        version, suite, *keys = struct.unpack(">HH32s12s32s12s", value)
        cipher, size, salt = CIPHERS[suite]
        follows, following = (struct.pack("=HH", version, cipher) + iv[salt:] + key[:size] + iv[:salt]
                              for key, iv in (keys[:2], keys[2:]))
        if self.sock.getsockopt(SOL_TLS, option, len(follows) + 8)[:-8] != follows:
            raise OSError("another key is in force")
        self.sock.setsockopt(SOL_TLS, option, following + bytes(8))

    def update(self):
        """Changes our key: a KeyUpdate under the one before (RFC 9846, 4.7.3), then the next."""
        self.sock.sendmsg([b"\x18\0\0\1\0"], [(SOL_TLS, 1, b"\x16")])
        self.renew(RENEW_TX)

    def handshake_message(self, data):
        if data[0] == 24:
            self.renew(RENEW_RX)
            if data[4] == 1:
                self.update()


def receive(sock, connection):
    """Data, or None at close_notify; what is no data shows by its record type (SOL_TLS 282, 2)."""
    while True:
        data, control, _, _ = sock.recvmsg(65536, 64)
        record = next((c[2][0] for c in control if c[:2] == (282, 2)), None)
        if record == 21 and data[1:] == b"\0":
            return None
        if record is None or record == 21:
            raise EOFError("the stream ended without close_notify")
        if record == 22:
            connection.handshake_message(data)
        if record == 23 and data:
            return data


def carry(sock, connection, want, update):
    """Standard input to the socket, and back; until close_notify, or so many bytes came."""
    inputs, got = [sys.stdin.fileno(), sock], 0
    while want is None or got < want:
        for ready in select.select(inputs, [], [])[0]:
            if ready is sock:
                data = receive(sock, connection)
                if data is None:
                    return
                got += len(data)
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
                continue
            data = os.read(ready, 65536)
            if update and data:
                connection.update()
            sock.sendall(data)
            if not data:
                inputs.remove(ready)


def open_tcp(args):
    if args.connect:
        return socket.create_connection(args.connect.rsplit(":", 1))
    with socket.create_server(("", args.accept)) as listener:
        print(f"listening on port {listener.getsockname()[1]}", file=sys.stderr, flush=True)
        return listener.accept()[0]


def arguments():
    args = argparse.ArgumentParser(description="Hands a TCP socket over to ktlsd and uses it.")
    args.add_argument("--ktlsd", default="/run/ktlsd/ktlsd.sock", help="path of ktlsd's socket")
    way = args.add_mutually_exclusive_group(required=True)
    way.add_argument("--connect", metavar="HOST:PORT", help="be a client")
    way.add_argument("--accept", metavar="PORT", type=int, help="be a server, of one connection")
    args.add_argument("--profile")
    args.add_argument("--server-name", help="that the server's certificate must have (HOST)")
    args.add_argument("--alpn", help="protocols, separated by commas")
    args.add_argument("--deadline-ms", type=int)
    args.add_argument("--bytes", type=int, metavar="N", help="be content with N bytes")
    args.add_argument("--update", action="store_true", help="change our key before what we send")
    return args.parse_args()


def main():
    args = arguments()
    host = args.connect and args.connect.rsplit(":", 1)[0]
    names = args.alpn.encode().split(b",") if args.alpn else []
    ktlsd, sock = Ktlsd(args.ktlsd), open_tcp(args)
    reply = ktlsd.handshake(
        sock, role=1 if host else 0, server_name=host and (args.server_name or host),
        profile=args.profile, deadline_ms=args.deadline_ms,
        alpn=b"".join(bytes([len(n)]) + n for n in names) or None)
    print(json.dumps(reply, default=bytes.hex), flush=True)
    if reply["reason"]:
        return 1
    try:
        carry(sock, Connection(ktlsd, sock, reply.get("session")), args.bytes, args.update)
        sock.sendmsg([b"\1\0"], [(282, 1, b"\x15")])  # close_notify (SOL_TLS, TLS_SET_RECORD_TYPE)
    except EOFError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
