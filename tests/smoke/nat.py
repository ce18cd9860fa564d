#!/usr/bin/python3
"""A NAT for UDP port 4500 that changes its mapping on a signal.

    nat.py INSIDE OUTSIDE OUTSIDE2 FAR

Forwards datagrams that arrive at INSIDE:4500 to FAR:4500 from a port of OUTSIDE, and replies to the last
sender. Prints one line for each mapping: "mapping ADDRESS PORT".
SIGUSR1: use another port. SIGUSR2: use another address and port, of OUTSIDE2. SIGHUP: send the first
datagram that was ever forwarded to FAR again, from a port that is not a mapping, as an attacker who
recorded it would; prints "replayed ADDRESS PORT"."""
import signal
import socket
import select
import sys

inside_ip, outside_ip, second_ip, far_ip = sys.argv[1:]
family = socket.AF_INET6 if ":" in far_ip else socket.AF_INET


def udp(address, port=0):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((address, port))
    return s


def mapping(address):
    s = udp(address)
    print("mapping", address, s.getsockname()[1], flush=True)
    return s


inside = udp(inside_ip, 4500)
outside = mapping(outside_ip)
pending = []
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
    signal.signal(number, lambda n, _: pending.append(n))
wake = socket.socketpair()
for end in wake:
    end.setblocking(False)
signal.set_wakeup_fd(wake[0].fileno())
first = client = None
old_sockets = []  # kept open, so that their ports are not reused
while True:
    ready, _, _ = select.select([inside, outside, wake[1]], [], [])
    if wake[1] in ready:
        wake[1].recv(4096)
    while pending:
        number = pending.pop(0)
        if number == signal.SIGHUP:
            other = udp(outside_ip)
            other.sendto(first, (far_ip, 4500))
            print("replayed", *other.getsockname()[:2], flush=True)
            old_sockets.append(other)
            continue
        old_sockets.append(outside)
        outside = mapping(second_ip if number == signal.SIGUSR2 else outside_ip)
        ready = []
    if inside in ready:
        data, client = inside.recvfrom(65536)
        if first is None and len(data) > 1:
            first = data
        outside.sendto(data, (far_ip, 4500))
    if outside in ready and client:
        inside.sendto(outside.recv(65536), client)
