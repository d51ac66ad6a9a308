#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serves the files of a folder over HTTPS, in Python, without a TLS library.

usage: server.py [--ktlsd PATH] [--profile NAME] PORT [FOLDER]

ktlsd performs the handshakes; from then on sockets are read, written and given to sendfile() as if
they were plain TCP, and the kernel encrypts. Everything about ktlsd is in class Ktlsd: one Unix
socket, a request that carries a descriptor, a reply (Documentation/handoff-protocol.md).

    curl --cacert ca.pem https://localhost:PORT/file
"""
import argparse
import itertools
import os
import socket
import struct
import sys
import threading
import urllib.parse

SOL_TLS, SET_RECORD_TYPE, ALERT = 282, 1, 21


class Waiter:
    def __init__(self):
        self.done, self.reply = threading.Event(), None


class Lane:
    """A connection to one of ktlsd's workers."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(path)
        self.socket.recv(65536)  # the greeting
        self.waiting = {}  # id of a request: who waits for its reply


class Ktlsd:
    """ktlsd, for any number of threads."""

    REQUEST, REPLY = 2, 3
    ROLE, PROFILE, DEADLINE, ALPN = 16, 17, 18, 21
    REASON, TEXT = 32, 35
    MANDATORY = 0x8000  # ktlsd shall refuse what it does not know

    def __init__(self, path, profile):
        self.path, self.profile = path, profile.encode()
        self.ids = itertools.count(1)
        self.lock, self.lane = threading.Lock(), None
        self.join(Waiter(), 0)

    def join(self, waiter, number):
        """The lane for a request, a new one where there is none."""
        with self.lock:
            if not self.lane:
                self.lane = Lane(self.path)
                threading.Thread(target=self.collect, args=(self.lane,), daemon=True).start()
            if number:
                self.lane.waiting[number] = waiter
            return self.lane

    def leave(self, lane, number=None):
        """The next request goes elsewhere; replies still come."""
        with self.lock:
            lane.waiting.pop(number, None)
            if self.lane is lane:
                self.lane = None

    @staticmethod
    def attribute(number, value):
        return struct.pack(">HH", number | Ktlsd.MANDATORY, len(value)) + value

    @staticmethod
    def attributes(packet):
        at, found = 16, {}
        while at < len(packet):
            number, size = struct.unpack_from(">HH", packet, at)
            found[number & ~Ktlsd.MANDATORY] = packet[at + 4:at + 4 + size]
            at += 4 + size
        return found

    def collect(self, lane):
        """Replies come in the order in which handshakes end."""
        while packet := lane.socket.recv(65536):
            kind, number = struct.unpack(">3xB4xQ", packet[:16])
            waiter = lane.waiting.pop(number, None) if kind == self.REPLY else None
            if waiter:
                waiter.reply = self.attributes(packet)
                waiter.done.set()
        self.leave(lane)
        for waiter in lane.waiting.values():  # the worker has ended: these are lost
            waiter.done.set()

    def handshake(self, sock, protocols=(b"http/1.1",), deadline_ms=10000):
        """
        None, or why there is no TLS on the socket. Where a worker takes no more requests, for ktlsd
        has a new configuration, sending fails: the next lane leads to another one.
        """
        body = (self.attribute(self.ROLE, b"\0") +
                self.attribute(self.PROFILE, self.profile) +
                self.attribute(self.DEADLINE, struct.pack(">I", deadline_ms)) +
                self.attribute(self.ALPN, b"".join(bytes([len(p)]) + p for p in protocols)))
        for _ in range(3):
            waiter, number = Waiter(), next(self.ids)
            header = struct.pack(">2sBBIQ", b"KT", 1, self.REQUEST, 16 + len(body), number)
            lane = self.join(waiter, number)
            try:
                socket.send_fds(lane.socket, [header + body], [sock.fileno()])
            except (BrokenPipeError, ConnectionResetError):
                self.leave(lane, number)
                continue
            waiter.done.wait()  # nobody reads, writes or polls the socket meanwhile
            return self.outcome(waiter.reply)
        return "ktlsd takes no requests"

    def outcome(self, reply):
        if reply is None:
            return "ktlsd's worker has ended"
        reason, = struct.unpack(">H", reply[self.REASON])
        return reply.get(self.TEXT, b"").decode() or f"reason {reason}" if reason else None


def request_path(sock):
    """The path that a GET asks for, or None."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 16384:
        data = sock.recv(4096)
        if not data:
            return None
        head += data
    method, _, rest = head.partition(b" ")
    return urllib.parse.unquote(rest.split(b" ")[0].decode("latin-1")) if method == b"GET" else None


def open_below(folder, path):
    """The file, never one outside of the folder; OSError else."""
    full = os.path.realpath(os.path.join(folder, path.split("?")[0].lstrip("/")))
    if os.path.commonpath([full, folder]) != folder or not os.path.isfile(full):
        raise FileNotFoundError(path)
    return open(full, "rb")


def answer(sock, folder):
    path = request_path(sock)
    if path is None:
        return
    try:
        file = open_below(folder, path)
    except OSError:
        sock.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return
    with file:
        size = os.fstat(file.fileno()).st_size
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % size)
        sock.sendfile(file)  # the kernel reads, encrypts and sends: no byte comes up here


def serve(sock, ktlsd, folder):
    with sock:
        wrong = ktlsd.handshake(sock)
        if wrong:
            print(f"no TLS: {wrong}", file=sys.stderr, flush=True)
            return
        try:
            answer(sock, folder)
            # close_notify (RFC 9846, 6.1): the peer knows that it has got everything.
            sock.sendmsg([b"\1\0"], [(SOL_TLS, SET_RECORD_TYPE, bytes([ALERT]))])
        except OSError as error:  # EIO: the peer sent something that is no data, an alert say
            print(f"connection ended: {error}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description="Serves files over HTTPS by way of ktlsd.")
    parser.add_argument("--ktlsd", default="/run/ktlsd/ktlsd.sock", metavar="PATH")
    parser.add_argument("--profile", default="default")
    parser.add_argument("port", type=int)
    parser.add_argument("folder", nargs="?", default=".")
    args = parser.parse_args()
    ktlsd = Ktlsd(args.ktlsd, args.profile)
    with socket.create_server(("", args.port)) as listener:
        print(f"https://localhost:{args.port}/", flush=True)
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, daemon=True,
                             args=(sock, ktlsd, os.path.realpath(args.folder))).start()


if __name__ == "__main__":
    main()
