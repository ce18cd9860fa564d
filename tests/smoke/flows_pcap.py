#!/usr/bin/env python3
"""Write a capture of the first packets of some flows: flows_pcap.py FILE SRC,DST,PROTO,PORT...

PROTO is tcp (a SYN), udp or icmp (an echo request). IPv4 and IPv6."""
import ipaddress
import struct
import sys


def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack(f'>{len(data) // 2}H', data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def layer4(proto, port):
    if proto == 'tcp':
        return 6, struct.pack('>HHIIBBHHH', 40000, port, 1, 0, 0x50, 2, 1000, 0, 0)
    if proto == 'udp':
        return 17, struct.pack('>HHHH', 40000, port, 8, 0)
    return 1, struct.pack('>BBHHH', 8, 0, 0, port, 1)


def packet(src, dst, proto, port):
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    number, body = layer4(proto, int(port))
    if a.version == 6:
        number = 58 if number == 1 else number
        return 0x86dd, struct.pack('>IHBB', 6 << 28, len(body), number, 64) + a.packed + b.packed + body
    head = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(body), 7, 0, 64, number, 0, a.packed, b.packed)
    return 0x800, head[:10] + struct.pack('>H', checksum(head)) + head[12:] + body


def main():
    with open(sys.argv[1], 'wb') as out:
        out.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for flow in sys.argv[2:]:
            kind, data = packet(*flow.split(','))
            frame = bytes.fromhex('020000000001020000000101') + struct.pack('>H', kind) + data
            out.write(struct.pack('<IIII', 0, 0, len(frame), len(frame)) + frame)


main()
