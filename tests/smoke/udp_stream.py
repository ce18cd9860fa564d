"""Streams of datagrams, numbered and stamped, and what of them arrives.

send ADDRESS PORT FLOWS PERIOD_MS: one datagram a flow and period, each flow from a port of its own,
from PORT + 1 on, until a signal ends it.
receive PORT: until a signal ends it; then one line a flow: its number, datagrams that came, those that
were lost between two that came, and the longest time from one that came to the next that did, in ms."""
import signal
import socket
import struct
import sys
import time

HEAD = struct.Struct("!IQQ")  # flow, number, when it was sent (ns)


class Ended(Exception):
    pass


def end(*_):
    raise Ended


signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)


def send(address, port, flows, period):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sockets = []
    for n in range(flows):
        sockets.append(socket.socket(family, socket.SOCK_DGRAM))
        if family == socket.AF_INET6:
            sockets[n].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sockets[n].bind(("", port + 1 + n))
        sockets[n].connect((address, port))
    number, due = 0, time.monotonic()
    print("ready", flush=True)
    while True:
        number += 1
        for n, s in enumerate(sockets):
            try:
                s.send(HEAD.pack(n, number, time.monotonic_ns()))
            except OSError:  # the neighbour's ICMP, or a full buffer: one that is lost
                pass
        due += period
        time.sleep(max(0, due - time.monotonic()))


def receive(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(("::", port))
    print("ready", flush=True)
    came = {}
    try:
        while True:
            data, (address, *_) = s.recvfrom(2048)
            flow, number, sent = HEAD.unpack_from(data)
            came.setdefault((address, flow), []).append((number, sent))
    except Ended:
        pass
    for (address, flow), stamps in sorted(came.items()):
        stamps.sort()
        pairs = list(zip(stamps, stamps[1:]))
        lost = sum(b[0] - a[0] - 1 for a, b in pairs if b[0] > a[0])
        gap = max((b[1] - a[1] for a, b in pairs), default=0)
        print(address, flow, len(stamps), lost, round(gap / 1e6))


try:
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]) / 1000)
    else:
        receive(int(sys.argv[2]))
except Ended:
    pass
