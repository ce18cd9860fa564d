"""Send and receive flows of numbered, timestamped datagrams, until SIGTERM or SIGINT.

send ADDRESS PORT FLOWS PERIOD_MS: send one datagram per flow and period, each flow from a port of its own,
starting at PORT + 1.
receive PORT: at the end print one line per flow: source address, flow number, datagrams received, datagrams
lost between received ones, and the longest gap between two received ones, in ms (by the sender's clock)."""
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
            except OSError:  # an ICMP error or a full buffer: counts as lost
                pass
        due += period
        time.sleep(max(0, due - time.monotonic()))


def receive(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    s.bind(("::", port))
    print("ready", flush=True)
    received = {}
    try:
        while True:
            data, (address, *_) = s.recvfrom(2048)
            flow, number, sent = HEAD.unpack_from(data)
            received.setdefault((address, flow), []).append((number, sent))
    except Ended:
        pass
    for (address, flow), stamps in sorted(received.items()):
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
