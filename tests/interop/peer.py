#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Python's ssl module at one end of a connection.

usage: peer.py client HOST PORT CA DATA OUT [WORD...]     sends DATA by PUT, the answer goes to OUT
       peer.py server CERT KEY CA [WORD...]               echoes; prints its port first

Words are those of peers.sh and cells.sh, and for the client
    get          no more than a GET
    glued        its Finished and all its data leave in one segment
"""

import socket
import ssl
import sys

# X25519 is the first choice anyway and cannot be set.
CURVES = {"secp256r1": "prime256v1", "secp384r1": "secp384r1"}


def words_of(arguments):
    return {name: value for name, _, value in (a.partition("=") for a in arguments)}


def watch_alerts(connection, direction, version, content_type, message_type, data):
    if content_type == 21 and direction == "read":
        print(f"alert {int(message_type)}", file=sys.stderr, flush=True)


def configure(context, words):
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if "tls1.2" in words:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if "tls1.3" in words:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if "cert" in words:
        context.load_cert_chain(words["cert"] + ".pem", words["cert"] + ".key")
    group = words.get("group", "")
    if group in CURVES:
        context.set_ecdh_curve(CURVES[group])
    if "alpn" in words:
        context.set_alpn_protocols(words["alpn"].split(","))
    context._msg_callback = watch_alerts


def request(path):
    with open(path, "rb") as f:
        data = f.read()
    return b"PUT /data HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(data) + data


def body(answer):
    return answer[answer.index(b"\r\n\r\n") + 4:]


def talk(context, host, address, sent, session=None):
    """The answer and the session, which may be resumed."""
    answer = b""
    with socket.create_connection(address, timeout=60) as plain:
        with context.wrap_socket(plain, server_hostname=host, session=session) as connection:
            connection.sendall(sent)
            while chunk := connection.recv(65536):
                answer += chunk
            session = connection.session
            connection.unwrap()
    return body(answer), session


def talk_once(*arguments):
    return talk(*arguments)[0]


def talk_twice(*arguments):
    _, session = talk(*arguments)
    return talk(*arguments, session)[0]


def talk_glued(context, host, address, sent):
    """The same, by hand: nothing leaves between the Finished and the data."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = context.wrap_bio(incoming, outgoing, server_hostname=host)
    answer, pending = b"", [end.do_handshake, lambda: end.write(sent)]
    with socket.create_connection(address, timeout=60) as plain:
        while True:
            try:
                if pending:
                    pending[0]()
                    pending.pop(0)
                    continue
                chunk = end.read(65536)
                if not chunk:
                    break
                answer += chunk
                continue
            except ssl.SSLWantReadError:
                pass
            if outgoing.pending:
                plain.sendall(outgoing.read())
            incoming.write(plain.recv(65536))
        end.unwrap()
        plain.sendall(outgoing.read())
    return body(answer)


def client(host, port, ca, data, out, *arguments):
    words = words_of(arguments)
    context = ssl.create_default_context(cafile=ca)
    configure(context, words)
    run = talk_glued if "glued" in words else talk_twice if "resume" in words else talk_once
    sent = b"GET / HTTP/1.0\r\n\r\n" if "get" in words else request(data)
    answer = run(context, host, ("127.0.0.1", int(port)), sent)
    with open(out, "wb") as f:
        f.write(answer)


def echo(connection):
    try:
        connection.do_handshake()
        while data := connection.recv(65536):
            connection.sendall(data)
        connection.unwrap()
    except (OSError, ssl.SSLError) as error:
        print(error, file=sys.stderr, flush=True)
    connection.close()


def server(cert, key, ca, *arguments):
    words = words_of(arguments)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    configure(context, words)
    context.load_cert_chain(cert, key)
    if "ask" in words:
        context.verify_mode = ssl.CERT_OPTIONAL
    if "demand" in words:
        context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print("port", listener.getsockname()[1], flush=True)
        while True:
            plain, _ = listener.accept()
            plain.settimeout(60)
            echo(context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False))


{"client": client, "server": server}[sys.argv[1]](*sys.argv[2:])
