# SPDX-License-Identifier: MIT
"""What a client of the example server httpd sees, over TLS or not: python3 httpd.py CASES PORT WWW [CA]

Prints a line for each case: "ok NAME", or "not ok NAME" and why. A port with ":PID" behind it is a
server's that is to be stopped.
"""

import http.client
import os
import random
import signal
import socket
import ssl
import sys
import time

PATIENCE = 60


def connect(buffer=0):
    s = socket.socket(socket.AF_INET6)
    if buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    s.settimeout(PATIENCE)
    s.connect(("::1", PORT))
    return CONTEXT.wrap_socket(s, server_hostname="localhost") if CONTEXT else s


def client():
    c = http.client.HTTPConnection("localhost", PORT, timeout=PATIENCE)
    c.sock = connect()
    return c


def file(name):
    with open(os.path.join(WWW, name), "rb") as f:
        return f.read()


def ask(c, path, method="GET", **fields):
    c.request(method, path, headers={k.replace("_", "-"): v for k, v in fields.items()})
    answer = c.getresponse()
    return answer, answer.read()


def to_the_end(s):
    """All bytes up to the end, which must have been announced: over TLS, by close_notify."""
    data = bytearray()
    while part := s.recv(1 << 16):
        data += part
    return bytes(data)


def header_of(status):
    return b"HTTP/1.1 %d " % status


# ---- cases --------------------------------------------------------------------------------------


def one_connection():
    c = client()
    sock = c.sock
    want = file("file")
    for _ in range(3):
        answer, body = ask(c, "/file?x")
        assert answer.status == 200 and body == want, answer.status
    answer, body = ask(c, "/file", "HEAD")
    assert answer.status == 200 and body == b"" and answer.getheader("Content-Length") == str(len(want))
    answer, body = ask(c, "/none")
    assert answer.status == 404 and body == b"Not Found\n"
    answer, body = ask(c, "/none", "HEAD")
    assert answer.status == 404 and body == b""
    answer, body = ask(c, "/empty")
    assert answer.status == 200 and body == b""
    answer, body = ask(c, "/")
    assert answer.getheader("Content-Type").startswith("text/html") and body == file("index.html")
    assert c.sock is sock
    answer, _ = ask(c, "/file", Connection="close")
    assert answer.getheader("Connection") == "close" and c.sock is None


def ranges():
    c = client()
    want = file("file")
    size = len(want)
    for text, start, end in (
        ("0-0", 0, 1),
        ("10-19", 10, 20),
        ("4000-", 4000, size),
        ("-7", size - 7, size),
        (f"10-{size * 2}", 10, size),
        (f"-{size * 2}", 0, size),
    ):
        answer, body = ask(c, "/file", Range="bytes=" + text)
        assert answer.status == 206 and body == want[start:end], text
        assert answer.getheader("Content-Range") == f"bytes {start}-{end - 1}/{size}", text
    for text in (f"{size}-", "-0"):
        answer, _ = ask(c, "/file", Range="bytes=" + text)
        assert answer.status == 416 and answer.getheader("Content-Range") == f"bytes */{size}", text
    for text in ("bytes=5-4", "bytes=1-2,3-4", "lines=1-2"):
        answer, body = ask(c, "/file", Range=text)
        assert answer.status == 200 and body == want, text
    for name in ("ETag", "Last-Modified"):
        answer, body = ask(c, "/file", Range="bytes=1-2", If_Range=answer.getheader(name))
        assert answer.status == 206 and body == want[1:3], name
    answer, body = ask(c, "/file", Range="bytes=1-2", If_Range='"another"')
    assert answer.status == 200 and body == want
    answer, body = ask(c, "/big", Range="bytes=1000001-2999990")
    assert body == file("big")[1000001:2999991]


def pipelined():
    """Forty requests in one go, and the same in pieces: answers in the order of the requests."""
    random.seed(1)
    names = [random.choice(("file", "empty", "index.html", "none", "middle")) for _ in range(40)]
    text = b"".join(b"GET /%s HTTP/1.1\r\nHost: a\r\n\r\n" % n.encode() for n in names[:-1])
    text += b"GET /%s HTTP/1.0\r\n\r\n" % names[-1].encode()
    for piece in (len(text), 37):
        s = connect()
        for at in range(0, len(text), piece):
            s.sendall(text[at : at + piece])
        rest = to_the_end(s)
        for n in names:
            header, rest = rest.split(b"\r\n\r\n", 1)
            want = b"Not Found\n" if n == "none" else file(n)
            assert header.startswith(header_of(404 if n == "none" else 200)), header
            assert rest.startswith(want), n
            rest = rest[len(want) :]
        assert rest == b""


def many_behind_a_big_one():
    """More requests than fit a buffer while an answer is being sent, and none is read meanwhile."""
    s = connect(8192)
    text = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET /empty HTTP/1.1\r\nHost: a\r\n\r\n" * 500
    s.sendall(text + b"GET /empty HTTP/1.0\r\n\r\n")
    data = to_the_end(s)
    assert data.count(b"HTTP/1.1 200 OK\r\n") == 502
    assert file("big") in data


def refusals():
    for text, status in (
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET", 501),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nGET", 413),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 10000, 431),
        (b"GET /" + b"a" * 1500 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    ):
        s = connect()
        s.sendall(text)
        answer = to_the_end(s)
        assert answer.startswith(header_of(status)) and b"Connection: close\r\n" in answer, answer


def not_below():
    os.symlink("../secret", os.path.join(WWW, "link"))
    os.mkfifo(os.path.join(WWW, "fifo"))
    c = client()
    for path in ("/../secret", "/%2e%2e/secret", "/%2f..%2fsecret", "/link", "/fifo", "//etc/passwd", "/sub"):
        answer, body = ask(c, path)
        assert answer.status == 404 and b"secret" not in body, path
    answer, body = ask(c, "/sub/../file")
    assert answer.status == 200 and body == file("file")


def shrinks():
    """What there was comes, and then the end, although more was announced.

    Plain TCP has pages of the file on their way, and of one that is cut in two the rest becomes zeros:
    so it is cut where no page is.
    """
    size, left = 24 << 20, 2 << 20
    block = bytes(range(1, 251)) * (size // 250 + 1)
    with open(os.path.join(WWW, "shrinking"), "wb") as f:
        f.write(block[:size])
    s = connect(8192)
    s.sendall(b"GET /shrinking HTTP/1.1\r\nHost: a\r\n\r\n")
    data = s.recv(1000)
    time.sleep(0.3)
    os.truncate(os.path.join(WWW, "shrinking"), left)
    data += to_the_end(s)
    header, body = data.split(b"\r\n\r\n", 1)
    assert b"Content-Length: %d\r\n" % size in header
    assert left <= len(body) < size, len(body)
    assert body == block[: len(body)]


def too_slow():
    """The server's time is four seconds. One says nothing, one half a request, one reads nothing."""
    deaf, silent, half = connect(4096), connect(), connect()
    deaf.sendall(b"GET /huge HTTP/1.1\r\nHost: a\r\n\r\n")
    start = time.monotonic()
    for byte in b"GET / HTTP/1.1\r\nHos":
        half.send(bytes([byte]))
        time.sleep(0.1)
    assert to_the_end(silent) == b"" and to_the_end(half) == b""
    # Every byte came in time, and the request did not.
    assert 2 < time.monotonic() - start, "too early"
    time.sleep(1)
    try:
        assert len(to_the_end(deaf)) < 30 << 20
    except OSError:
        pass


def beyond_the_limit():
    """The server has four connections at most. The fifth waits until one is over."""
    first = [connect() for _ in range(4)]
    for s in first:
        s.sendall(b"GET /empty HTTP/1.1\r\nHost: a\r\n\r\n")
        assert s.recv(1000).startswith(header_of(200))
    fifth = connect()
    fifth.sendall(b"GET /empty HTTP/1.0\r\n\r\n")
    fifth.settimeout(0.5)
    try:
        assert not fifth.recv(1000), "the fifth was served"
        raise AssertionError("the fifth was closed")
    except TimeoutError:
        pass
    first.pop().close()
    fifth.settimeout(PATIENCE)
    assert to_the_end(fifth).startswith(header_of(200))


def stops():
    """What has begun is finished, who waits is let go, who comes is not served."""
    idle, busy = connect(), connect(8192)
    busy.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
    data = busy.recv(5000)
    os.kill(PID, signal.SIGTERM)
    assert to_the_end(idle) == b""
    data += to_the_end(busy)
    assert data.split(b"\r\n\r\n", 1)[1] == file("big")
    try:
        s = connect()
        s.sendall(b"GET /empty HTTP/1.0\r\n\r\n")
        assert s.recv(1) == b""
    except OSError:
        pass


CASES = (one_connection, ranges, pipelined, many_behind_a_big_one, refusals, not_below, shrinks)


def main():
    """Asks for what the arguments say, and says what came of it."""
    for name in sys.argv[1].split(","):
        for case in CASES if name == "all" else (globals()[name],):
            label = case.__name__.replace("_", " ")
            try:
                case()
                print("ok", label, flush=True)
            except Exception as e:  # pylint: disable=broad-except
                print("not ok", label, repr(e)[:500], "line", e.__traceback__.tb_next.tb_lineno, flush=True)


PORT, _, PID = sys.argv[2].partition(":")
PORT, PID = int(PORT), int(PID or 0)
WWW = sys.argv[3]
CONTEXT = ssl.create_default_context(cafile=sys.argv[4]) if len(sys.argv) > 4 else None
if CONTEXT:
    CONTEXT.suppress_ragged_eofs = False
main()
