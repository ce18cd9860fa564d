#!/usr/bin/python3
"""Clients of a control socket that misbehave, all at once: hostile_clients.py SOCKET. Prints what became of each
kind; exit status 1 if the gateway does not serve an honest client in between."""
import json
import os
import socket
import sys
import threading

path = sys.argv[1]


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)  # waits while the backlog is full
    s.settimeout(60)
    return s


def honest():
    s = connect()
    lines = s.makefile("rb")
    assert json.loads(lines.readline())["protocol"] == 1
    for number, what in enumerate(("health", "sas", "drops", "config")):
        s.sendall(json.dumps({"id": number, "verb": "show", "what": what}).encode() + b"\n")
        answer = json.loads(lines.readline())
        assert answer["id"] == number and answer["result"]["rows"], answer
    s.close()


def many():
    kept = []
    for _ in range(1000):
        kept.append(connect())
    return f"{len(kept)} connections, of which most were closed"


def endless():
    s, sent = connect(), 0
    block = b"x" * 65536
    try:
        while sent < 100_000_000:
            sent += s.send(block)
    except OSError:
        return f"closed after {sent} of 100000000 bytes"
    raise AssertionError("100 MB were taken")


def garbage():
    answered = 0
    for _ in range(200):
        s = connect()
        try:
            s.sendall(os.urandom(2000).replace(b"\n", b" ") + b"\n")
            s.shutdown(socket.SHUT_WR)
            answered += b"bad_json" in b"".join(iter(lambda: s.recv(65536), b""))
        except OSError:
            pass  # it gave way to another connection
        s.close()
    return "garbage is answered with bad_json" if answered else "no garbage was answered"


def hang():
    hung = [connect() for _ in range(20)]
    for s in hung:
        try:
            s.setblocking(False)
            for _ in range(500):
                s.send(b'{"id":1,"verb":"show","what":"drops"}\n')
        except OSError:
            pass
    return hung and "20 clients asked and did not read"


def flood():
    n = 0
    for _ in range(20):
        s = connect()
        try:
            for _ in range(200):
                s.sendall(b'{"id":1,"verb":"show","what":"workers"}\n')
                s.recv(65536)
                n += 1
        except OSError:
            pass
        s.close()
    return "flooded" if n else "no request was served"


def middle():
    for n in range(300):
        s = connect()
        try:
            s.send(b'{"id":1,"verb":"show","what":"drops"}\n'[:n % 38])
        except OSError:
            pass
        s.close()
    return "300 connections ended in the middle of a request"


failed = []


def attempt(attack):
    try:
        print(f"{attack.__name__}: {attack()}")
    except Exception as e:
        failed.append(f"{attack.__name__}: {e!r}")


threads = [threading.Thread(target=attempt, args=(attack,)) for attack in (many, endless, garbage, hang, flood, middle)]
for thread in threads:
    thread.start()
served = 0
while any(thread.is_alive() for thread in threads):
    try:
        honest()
        served += 1
    except (OSError, ValueError):
        pass  # it may give way to one of 1,000 new connections
for thread in threads:
    thread.join()
honest()
print(f"an honest client was served {served + 1} times")
for text in failed:
    print("FAILED", text)
sys.exit(bool(failed))
