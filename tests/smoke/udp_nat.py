#!/usr/bin/python3
"""A NAT for UDP port 4500 that changes its mapping when told to.

    udp_nat.py INSIDE OUTSIDE OUTSIDE2 FAR

What comes to INSIDE:4500 goes on to FAR:4500 from a port of OUTSIDE, and what comes back there goes
to whoever sent last. One line on standard output for each mapping: "mapping ADDRESS PORT".
SIGUSR1: another port. SIGUSR2: another address and port, OUTSIDE2. SIGHUP: the first datagram that
was ever forwarded goes to FAR once more, from a port that is no mapping: what an attacker can do who
has recorded it ("replayed ADDRESS PORT")."""
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
asked = []
for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP):
    signal.signal(number, lambda n, _: asked.append(n))
wake = socket.socketpair()
for end in wake:
    end.setblocking(False)
signal.set_wakeup_fd(wake[0].fileno())
first = client = None
kept = []  # closed, their ports could be taken again
while True:
    ready, _, _ = select.select([inside, outside, wake[1]], [], [])
    if wake[1] in ready:
        wake[1].recv(4096)
    while asked:
        number = asked.pop(0)
        if number == signal.SIGHUP:
            other = udp(outside_ip)
            other.sendto(first, (far_ip, 4500))
            print("replayed", *other.getsockname()[:2], flush=True)
            kept.append(other)
            continue
        kept.append(outside)
        outside = mapping(second_ip if number == signal.SIGUSR2 else outside_ip)
        ready = []
    if inside in ready:
        data, client = inside.recvfrom(65536)
        if first is None and len(data) > 1:
            first = data
        outside.sendto(data, (far_ip, 4500))
    if outside in ready and client:
        inside.sendto(outside.recv(65536), client)
