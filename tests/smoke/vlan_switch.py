#!/usr/bin/python3
"""A switch with one trunk and one access port per VLAN: vlan_switch.py TRUNK VLAN=PORT...

The kernel reports the VLAN of each frame on the trunk; untagged frames and frames of other VLANs are
discarded. Prints "ready" once it forwards."""
import selectors
import socket
import struct
import sys

SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 1, 8, 23
PACKET_MR_PROMISC, TP_STATUS_VLAN_VALID, ETH_P_ALL = 1, 0x10, 3
AUXDATA = struct.Struct("=IIIHHHH")


def listen(name):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((name, 0))
    index = socket.if_nametoindex(name)
    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b""))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
    return sock


def receive(sock):
    """Return (VLAN or None, the frame without its tag)."""
    frame, notes, _, _ = sock.recvmsg(65536, socket.CMSG_SPACE(AUXDATA.size))
    for level, kind, data in notes:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tci, _ = AUXDATA.unpack(data[: AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                return tci & 0xFFF, frame
    return None, frame


def send(sock, frame):
    try:
        sock.send(frame)
    except OSError:  # the other end is down, or its queue is full
        pass


def main():
    trunk = listen(sys.argv[1])
    access = {}
    names = dict(arg.split("=") for arg in sys.argv[2:])
    waits = selectors.DefaultSelector()
    waits.register(trunk, selectors.EVENT_READ)
    for vlan, name in names.items():
        access[int(vlan)] = listen(name)
        waits.register(access[int(vlan)], selectors.EVENT_READ, int(vlan))
    print("ready", flush=True)
    while True:
        for key, _ in waits.select():
            vlan, frame = receive(key.fileobj)
            if key.data is None:
                if vlan in access:
                    send(access[vlan], frame)
            elif vlan is None:
                send(trunk, frame[:12] + struct.pack("!HH", 0x8100, key.data) + frame[12:])


main()
