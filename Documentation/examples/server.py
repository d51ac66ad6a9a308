#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serves the files of a folder over HTTPS, in Python, without a TLS library and without libktls.

usage: server.py [--ktlsd PATH] [--profile NAME] [--relay] PORT [FOLDER]
       curl --cacert ca.pem https://localhost:PORT/file

ktlsd performs the handshakes; from then on sockets are written and given to sendfile() as if they
were plain TCP, and the kernel encrypts. Class Ktlsd talks to ktlsd (Documentation/
handoff-protocol.md), class Connection does what is due after the handshake (Documentation/
after-the-handshake.md): records that are no data, new keys, the end. --relay: where the kernel has
no TLS, a process of ktlsd may carry the records.
"""
import argparse
import itertools
import os
import queue
import socket
import struct
import sys
import threading
import urllib.parse

SOL_TLS, TX, RX = 282, 1, 2  # of <linux/tls.h>, and TX and RX in ktlsd's RENEW
SET_TYPE, GET_TYPE = 1, 2  # control messages: the type of a record that is no data
ALERT, HANDSHAKE, DATA = 21, 22, 23  # types of records (RFC 9846, 5.1)
HELLO, KEY_UPDATE = 1, 24  # types of handshake messages (4)
CIPHERS = {0x1301: (51, 16), 0x1302: (52, 32), 0x1303: (54, 32)}  # suite: kernel's number, key
INFO_LEN = {51: 40, 52: 56, 54: 56}  # bytes of what getsockopt(SOL_TLS, TX) says


class Ktlsd:
    """ktlsd, for any number of threads. A lane is a connection to one of its workers."""

    REQUEST, REPLY, SERVICE = 2, 3, 5
    SESSION, ROLE, PROFILE, DEADLINE, RECORDS, ALPN, RENEW = 2, 16, 17, 18, 19, 21, 26
    REASON, TEXT, KEYS, RECORDS_MAX = 32, 35, {TX: 54, RX: 55}, 56
    MANDATORY = 0x8000  # ktlsd shall refuse what it does not know

    def __init__(self, path, profile, relay):
        self.path, self.ids, self.waiting = path, itertools.count(1), {}
        self.lock, self.lane = threading.Lock(), None
        self.wanted = {self.ROLE: b"\0", self.PROFILE: profile.encode(),
                       self.DEADLINE: struct.pack(">I", 30000),
                       self.RECORDS: bytes([relay]), self.ALPN: b"\x08http/1.1"}
        self.join()

    def join(self):
        """The lane for the next request, a new one where there is none."""
        with self.lock:
            if not self.lane:
                self.lane = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                self.lane.connect(self.path)
                self.lane.recv(65536)  # the greeting
                threading.Thread(target=self.collect, args=(self.lane,), daemon=True).start()
            return self.lane

    def leave(self, lane):
        """The next request goes elsewhere; replies still come."""
        self.lane = None if self.lane is lane else self.lane

    def collect(self, lane):
        """Replies come in the order in which handshakes end."""
        while True:
            packet, fds, _, _ = socket.recv_fds(lane, 65536, 1)
            if not packet:
                break
            (kind, number), at, found = struct.unpack_from(">3xB4xQ", packet), 16, {"fds": fds}
            while at < len(packet):
                what, size = struct.unpack_from(">HH", packet, at)
                found[what & ~self.MANDATORY] = packet[at + 4:at + 4 + size]
                at += 4 + size
            if kind == self.REPLY and (lane, number) in self.waiting:
                self.waiting.pop((lane, number)).put(found)
        self.leave(lane)
        for key in [key for key in self.waiting if key[0] is lane]:
            self.waiting.pop(key).put(None)  # the worker has ended, and these are lost

    def ask(self, kind, sock, asked):
        """
        The reply. Where a worker takes no more requests, for ktlsd has a new configuration, sending
        fails: the next lane leads to another one.
        """
        body = b"".join(struct.pack(">HH", what | self.MANDATORY, len(value)) + value
                        for what, value in asked.items())
        for _ in range(3):
            lane, number, waiter = self.join(), next(self.ids), queue.SimpleQueue()
            header = struct.pack(">2sBBIQ", b"KT", 1, kind, 16 + len(body), number)
            self.waiting[lane, number] = waiter
            try:
                socket.send_fds(lane, [header + body], [sock.fileno()])
            except (BrokenPipeError, ConnectionResetError):
                self.waiting.pop((lane, number), None)
                self.leave(lane)
                continue
            reply = waiter.get()  # nobody reads, writes or polls the socket meanwhile
            if not reply:
                raise ConnectionError("ktlsd's worker has ended")
            reason, = struct.unpack(">H", reply[self.REASON])
            if reason:
                raise ConnectionError(f"ktlsd: {reason} {reply.get(self.TEXT, b'').decode()}")
            return reply
        raise ConnectionError("ktlsd takes no requests")


class Connection:
    """A connection after its handshake, for one thread."""

    def __init__(self, ktlsd, sock):
        reply = ktlsd.ask(ktlsd.REQUEST, sock, ktlsd.wanted)
        self.ktlsd, self.sock, self.relayed = ktlsd, sock, bool(reply["fds"])
        if self.relayed:  # a relay has the records; this takes the socket's place
            os.dup2(reply["fds"][0], sock.fileno(), inheritable=False)
            os.close(reply["fds"][0])
        self.sealed, self.messages, self.owed = reply.get(ktlsd.SESSION), b"", False
        self.records_max, = struct.unpack(">Q", reply.get(ktlsd.RECORDS_MAX, bytes(8)))

    def recv(self, size):
        """Data, or b"" at the end that the client has announced."""
        while True:
            # Without room for a control message, a record that is no data would be EIO.
            data, control, _, _ = self.sock.recvmsg(size, 64)
            kind = next((c[2][0] for c in control if c[:2] == (SOL_TLS, GET_TYPE)), None)
            if self.relayed or (kind == DATA and data) or (kind, data[1:]) == (ALERT, b"\0"):
                return data if kind != ALERT else b""
            if kind is None:
                raise EOFError("cut off: no close_notify")
            if kind == HANDSHAKE:
                self.handshake(data)
            elif kind != DATA:
                raise ConnectionError(f"a record of type {kind}: {data.hex()}")

    def handshake(self, data):
        """Messages may be spread over records, and records hold several of them."""
        self.messages += data
        while len(self.messages) >= 4:
            size = 4 + int.from_bytes(self.messages[1:4], "big")
            if len(self.messages) < size:
                return
            message, self.messages = self.messages[:size], self.messages[size:]
            if message[0] == KEY_UPDATE and size == 5:
                self.renew(RX)
                self.owed = self.owed or message[4] == 1
            elif message[0] == HELLO and not self.sealed:  # TLS 1.2: no_renegotiation
                self.record(ALERT, b"\1\x64")
            else:
                raise ConnectionError(f"a message of type {message[0]}")

    def renew(self, direction):
        """The key that follows, in one direction, if the one before is still in force."""
        if not self.sealed:  # TLS 1.2, or a kernel before 6.14
            raise ConnectionError("keys cannot be changed")
        reply = self.ktlsd.ask(Ktlsd.SERVICE, self.sock, {Ktlsd.SESSION: self.sealed,
                                                          Ktlsd.RENEW: bytes([direction])})
        self.sealed, keys = reply[Ktlsd.SESSION], reply[Ktlsd.KEYS[direction]]
        number, size = CIPHERS[struct.unpack_from(">2xH", keys)[0]]
        infos = []
        for at in 4, 48:
            key, iv, salt = keys[at:at + size], keys[at + 32:at + 44], 0 if number == 54 else 4
            infos.append(struct.pack("=HH", 0x304, number) + iv[salt:] + key + iv[:salt])
        if self.sock.getsockopt(SOL_TLS, direction, INFO_LEN[number])[:-8] != infos[0]:
            raise ConnectionError("somebody else has changed the key")
        if direction == TX:  # the last under the old key
            self.record(HANDSHAKE, bytes([KEY_UPDATE, 0, 0, 1, 0]))
        self.sock.setsockopt(SOL_TLS, direction, infos[1] + bytes(8))

    def record(self, kind, data):
        self.sock.sendmsg([data], [(SOL_TLS, SET_TYPE, bytes([kind]))])

    def maintain(self):
        """Before data: our new key, where the client has asked for one or it is time for it."""
        if self.relayed:
            return
        _, number = struct.unpack("=HH", self.sock.getsockopt(SOL_TLS, TX, 4))
        used = int.from_bytes(self.sock.getsockopt(SOL_TLS, TX, INFO_LEN[number])[-8:], "big")
        if self.owed or used > self.records_max // 2 > 0:
            self.renew(TX)
            self.owed = False

    def send(self, data):
        self.maintain()
        self.sock.sendall(data)

    def sendfile(self, file, size):
        left = self.records_max // 4 + 1 if self.records_max else 1 << 16  # of a key, in records
        piece = min(1 << 30, left << 14)
        for at in range(0, size, piece):
            self.maintain()
            self.sock.sendfile(file, at, min(piece, size - at))  # no byte comes up here

    def finish(self):
        """
        close_notify (RFC 9846, 6.1): the client knows that it has got everything. Then what it has
        still said is read, for closing a socket with unread bytes in it is a reset.
        """
        if not self.relayed:  # a relay does all that
            self.record(ALERT, b"\1\0")
            self.sock.settimeout(5)
            while self.recv(65536):
                pass


def open_below(folder, request):
    """The file that a GET asks for, never one outside of the folder; FileNotFoundError else."""
    path = urllib.parse.unquote((request.split() + [b"", b""])[1].decode("latin-1"))
    full = os.path.realpath(os.path.join(folder, path.split("?")[0].lstrip("/")))
    if os.path.commonpath([full, folder]) != folder or not os.path.isfile(full):
        raise FileNotFoundError(path)
    return open(full, "rb")


def serve(sock, ktlsd, folder):
    request, head = b"", b"HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    with sock:
        try:
            connection = Connection(ktlsd, sock)
            while b"\r\n\r\n" not in request and (data := connection.recv(4096)):
                request += data
            try:
                with open_below(folder, request) as file:
                    size = os.fstat(file.fileno()).st_size
                    connection.send(head % (b"200 OK", size))
                    connection.sendfile(file, size)
            except FileNotFoundError:
                connection.send(head % (b"404 Not Found", 0))
            connection.finish()
        except (OSError, EOFError) as error:
            print(f"connection ended: {error}", file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser(description="Serves files over HTTPS by way of ktlsd.")
    parser.add_argument("--ktlsd", default="/run/ktlsd/ktlsd.sock", metavar="PATH")
    parser.add_argument("--profile", default="default")
    parser.add_argument("--relay", action="store_true")
    parser.add_argument("port", type=int)
    parser.add_argument("folder", nargs="?", default=".")
    args = parser.parse_args()
    ktlsd = Ktlsd(args.ktlsd, args.profile, args.relay)
    with socket.create_server(("", args.port)) as listener:
        print(f"https://localhost:{args.port}/", flush=True)
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, daemon=True,
                             args=(sock, ktlsd, os.path.realpath(args.folder))).start()


if __name__ == "__main__":
    main()
