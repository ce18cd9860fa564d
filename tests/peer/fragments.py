#!/usr/bin/python3
"""Fragment and reassemble IP packets in capture files with scapy, independently of espgate.

fragments.py join IN OUT            reassemble; exit status 1 if a packet stays incomplete
fragments.py cut IN OUT MTU [SEED]  fragment every packet longer than MTU and clear DF; with a seed, the
                                    fragments of a packet are in random order
Prints the number of packets and fragments in and out."""
import random
import sys

from scapy.all import (IP, Ether, IPv6, IPv6ExtHdrFragment, Raw, defragment, defragment6, fragment,
                       rdpcap, wrpcap)


def is_fragment(packet):
    if IP in packet:
        return bool(packet[IP].flags.MF or packet[IP].frag)
    return IPv6 in packet and packet[IPv6].nh == 44


def key_of(packet):
    if IP in packet:
        ip = packet[IP]
        return ip.src, ip.dst, ip.id, ip.proto
    ip = packet[IPv6]
    return ip.src, ip.dst, packet[IPv6ExtHdrFragment].id, 0


def place_of(packet):
    """Return (offset, bytes, more fragments)."""
    if IP in packet:
        ip = packet[IP]
        return ip.frag * 8, ip.len - ip.ihl * 4, bool(ip.flags.MF)
    ext = packet[IPv6ExtHdrFragment]
    return ext.offset * 8, packet[IPv6].plen - 8, bool(ext.m)


def join_one(pieces):
    """Return the packet, or None if fragments are missing."""
    pieces = sorted(pieces, key=place_of)
    offset, size, more = place_of(pieces[-1])
    if more or sum(place_of(p)[1] for p in pieces) != offset + size:
        return None
    if IP in pieces[0]:
        return defragment(pieces)[0]
    whole = defragment6([p[IPv6] for p in pieces])  # expects them sorted
    return Ether(src=pieces[0].src, dst=pieces[0].dst) / whole


def join(packets):
    """Put each packet where its last fragment was."""
    out, waiting = [], {}
    for packet in packets:
        if not is_fragment(packet):
            out.append(packet)
            continue
        pieces = waiting.setdefault(key_of(packet), [])
        pieces.append(packet)
        whole = join_one(pieces)
        if whole is not None:
            whole.time = packet.time
            out.append(whole)
            del waiting[key_of(packet)]
    return out, len(waiting)


def cut_one(packet, mtu, ident):
    if IP in packet:
        if packet[IP].len <= mtu:
            return [packet]
        packet = packet.copy()
        packet[IP].flags.DF = 0
        packet[IP].id = ident & 0xFFFF
        return fragment(packet, fragsize=mtu - 20)
    if IPv6 not in packet or packet[IPv6].plen + 40 <= mtu:
        return [packet]
    # Not scapy's fragment6, which recomputes upper-layer checksums.
    ip, payload, pieces = packet[IPv6], bytes(packet[IPv6].payload), []
    each = (mtu - 48) & ~7
    for at in range(0, len(payload), each):
        head = IPv6(src=ip.src, dst=ip.dst, tc=ip.tc, fl=ip.fl, hlim=ip.hlim, nh=44)
        ext = IPv6ExtHdrFragment(nh=ip.nh, offset=at // 8, m=int(at + each < len(payload)), id=ident)
        pieces.append(Ether(src=packet.src, dst=packet.dst) / head / ext / Raw(payload[at:at + each]))
    return pieces


def main():
    verb, source, target, *more = sys.argv[1:]
    packets = rdpcap(source)
    if verb == "join":
        out, missing = join(packets)
    else:
        rng = random.Random(more[1]) if len(more) > 1 else None
        out, missing = [], 0
        for ident, packet in enumerate(packets, 1):
            pieces = cut_one(packet, int(more[0]), ident)
            if rng:
                rng.shuffle(pieces)
            for piece in pieces:
                piece.time = packet.time
            out.extend(pieces)
    wrpcap(target, out)
    print(f"{len(packets)} packets in, {sum(map(is_fragment, packets))} of them fragments, "
          f"{len(out)} out, {sum(map(is_fragment, out))} of them fragments, {missing} incomplete")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
