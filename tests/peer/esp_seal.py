#!/usr/bin/python3
"""Seal the packets of a capture in ESP as a gateway's peer would, or deliberately wrongly.

The configuration is the receiving gateway's. Packets from a peer's subnets to elsewhere are sealed on that
peer's first `dir: in` SA (or --spi) with the TTL decremented, as a forwarding peer does. With --bad, every
Nth packet is accompanied by a bad one. The good packets stay valid, so a correct receiver delivers the whole
input and drops exactly the bad ones. IVs repeat from run to run: only for keys that protect nothing."""
import argparse
import functools
import random
import struct
import sys

import gateway_conf
import suites
import wire

NEXT_HEADER = {4: wire.PROTO_IPIP, 6: wire.PROTO_IPV6}
UNASSIGNED_NEXT_HEADER = 253  # RFC 3692
ESP_PORT = 4500
TFC_BYTES = 100


class Sender:
    """A peer in the receiving gateway's configuration: its `remote` is our outer source."""

    def __init__(self, peer, sa, first_seq, macs):
        self.peer, self.sa, self.seq, self.macs = peer, sa, first_seq, macs
        self.suite, self.cipher = suites.SUITES[sa.suite], sa.cipher()
        self.iv = self.ip_id = 0

    def take_seq(self):
        self.seq += 1
        return self.seq - 1

    def seal(self, payload, next_header, seq=None, padding=None):
        """RFC 4303 s3.3."""
        seq = self.take_seq() if seq is None else seq
        self.iv += 1
        if padding is None:
            padding = self.padding(payload)
        iv = self.iv.to_bytes(16, "big")[16 - self.suite.iv_bytes:]
        spi, low = struct.pack("!I", self.sa.spi), struct.pack("!I", seq & 0xFFFFFFFF)
        clear = payload + padding + bytes([len(padding), next_header])
        return spi + low + iv + self.cipher.seal(spi, low, self.sa.high(seq), iv, clear)

    def seal_packet(self, inner, tfc=b""):
        if not self.peer.transport:
            return self.seal(inner.data + tfc, NEXT_HEADER[inner.version])
        at, next_at = wire.esp_place(inner)
        return self.seal(inner.data[at:], inner.data[next_at])

    def padding(self, payload):
        """1, 2, 3, ... to the suite's alignment (RFC 4303 s2.4)."""
        return bytes(range(1, -(len(payload) + 2) % self.suite.align_bytes + 1))

    def l3(self, inner, payload, protocol, fragment=0):
        """Prepend the outer header; TOS is the inner packet's (RFC 4301 s5.1.2), DF by policy (s8.1)."""
        df = {"copy": inner.df or inner.version == 6, "set": True, "clear": False}[self.peer.df]
        src, dst = self.peer.remote.packed, self.peer.local.packed
        if self.peer.local.version == 6 and protocol == wire.PROTO_UDP:
            pseudo = src + dst + struct.pack("!II", len(payload), protocol)
            check = wire.checksum(pseudo + payload) or 0xFFFF
            payload = payload[:6] + struct.pack("!H", check) + payload[8:]
        if self.peer.transport:
            at, next_at = wire.esp_place(inner)
            return wire.with_next(inner.data[:at], next_at, protocol, payload)
        if self.peer.local.version == 6:
            return struct.pack("!IHBB", 6 << 28 | inner.tos << 20, len(payload), protocol,
                               64) + src + dst + payload
        return wire.with_ipv4_checksum(
            struct.pack("!BBHHHBBH", 0x45, inner.tos, 20 + len(payload), self.ip_id & 0xFFFF,
                        fragment or (0x4000 if df else 0), 64, protocol, 0)
            + src + dst + payload)

    def l4(self, esp):
        if not self.peer.udp_encap:
            return wire.PROTO_ESP, esp
        # Checksum zero: RFC 3948 s2.1; over IPv6 l3() sets it (RFC 8200 s8.1).
        ports = self.peer.source_ports
        return (wire.PROTO_UDP, struct.pack("!HHHH", ports[self.ip_id % len(ports)], ESP_PORT,
                                            8 + len(esp), 0) + esp)

    def ethernet(self, l3):
        ethertype = wire.ETHERTYPE_IPV6 if l3[0] >> 4 == 6 else wire.ETHERTYPE_IPV4
        return self.macs + struct.pack("!H", ethertype) + l3

    def frame(self, inner, esp):
        self.ip_id += 1
        protocol, payload = self.l4(esp)
        return self.ethernet(self.l3(inner, payload, protocol))

    def fragments(self, inner, esp):
        """Yield the packet in two fragments, the first smaller than any legitimate sender's."""
        self.ip_id += 1
        protocol, payload = self.l4(esp)
        half = min(len(payload) // 2 & ~7, 128)
        for part, offset, more in ((payload[:half], 0, 1), (payload[half:], half // 8, 0)):
            if self.peer.local.version == 6:
                part = struct.pack("!BBHI", protocol, 0, offset << 3 | more, self.ip_id) + part
                yield self.ethernet(self.l3(inner, part, wire.PROTO_IPV6_FRAGMENT))
            else:
                yield self.ethernet(self.l3(inner, part, protocol, more << 13 | offset))


def flip(data, at):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


# --- bad packets: each function takes (sender, inner packet, its good ESP packet) and returns (frames before
# the good one, frames after it). A forgery precedes the packet whose sequence number it copies, so that a
# window moved before authentication would lose the good packet (RFC 4303 s3.4.3). ---

def corrupt_icv(sender, inner, esp):
    return [sender.frame(inner, flip(esp, -1))], []


def corrupt_byte(sender, inner, esp):
    return [sender.frame(inner, flip(esp, 20))], []


def truncate(sender, inner, esp):
    # Header, IV and ICV, with nothing between them.
    return [sender.frame(inner, esp[:8 + sender.suite.iv_bytes + sender.suite.icv_bytes])], []


def wrong_spi(sender, inner, esp):
    known = {sa.spi for sa in sender.peer.sas}
    spi = next(spi for spi in range(0xBAD00001, 0xBAE00000) if spi not in known)
    return [sender.frame(inner, struct.pack("!I", spi) + esp[4:])], []


def esp_fragment(sender, inner, esp):
    return list(sender.fragments(inner, esp))[:1], []


def replay(sender, inner, esp):
    return [], [sender.frame(inner, esp)]


def wrong_inner_source(sender, inner, esp):
    if inner.version == 6:
        at, stranger = 8, bytes.fromhex("20010db8dead00000000000000000066")
    else:
        at, stranger = 12, bytes([203, 0, 113, 66])
    data = inner.data[:at] + stranger + inner.data[at + len(stranger):]
    data = wire.with_ttl(data, inner.ttl)
    return [], [sender.frame(inner, sender.seal(data, NEXT_HEADER[inner.version]))]


def bad_padding(sender, inner, esp):
    size = len(sender.padding(inner.data)) or sender.suite.align_bytes
    padding = bytes(range(2, size + 2))
    return [], [sender.frame(inner, sender.seal(inner.data, NEXT_HEADER[inner.version],
                                                padding=padding))]


def bad_next_header(sender, inner, esp):
    return [], [sender.frame(inner, sender.seal(inner.data, UNASSIGNED_NEXT_HEADER))]


def dummy(sender, inner, esp):
    # RFC 4303 s2.6: the payload of a dummy packet is arbitrary.
    return [], [sender.frame(inner, sender.seal(bytes(64), wire.PROTO_NONE))]


def old_seq(sender, inner, esp):
    # An unused number, correctly sealed, just left of the window. With ESN, the receiver takes it as one of the
    # next 2^32 (RFC 4303 A2.2), and the ICV fails.
    seq = sender.old_seq
    sender.old_seq += 1
    return [], [sender.frame(inner, sender.seal(inner.data, NEXT_HEADER[inner.version], seq))]


def seq_zero(sender, inner, esp):
    return [sender.frame(inner, sender.seal(inner.data, NEXT_HEADER[inner.version], 0))], []


BAD = {f.__name__.replace("_", "-"): f for f in (
    corrupt_icv, corrupt_byte, truncate, replay, wrong_spi, wrong_inner_source, bad_padding,
    bad_next_header, esp_fragment, dummy, seq_zero, old_seq)}
TFC = "tfc"  # valid but rare: padding follows the inner packet (RFC 4303 s2.7)


def seal_all(args, sender_for):
    """Return the frames with their times, and the numbers of good and bad ones."""
    link_type, frames = wire.read_pcap(args.input)
    sealed, n_good, n_bad = [], 0, 0
    for us, frame in frames:
        ip = wire.routable(link_type, frame)
        sender = ip and sender_for(ip)
        if not sender:
            continue
        inner = wire.parse_ip(wire.with_ttl(ip.data, ip.ttl - 1))
        # Zero is wrong only at the start: with ESN, the low half is zero every 2^32 packets.
        due = n_good == 0 if args.bad == "seq-zero" else n_good % args.every == 0
        tfc = bytes(TFC_BYTES) if args.bad == TFC and due else b""
        n_bad += bool(tfc)
        esp = sender.seal_packet(inner, tfc)
        before, after = [], []
        if args.bad in BAD and due:
            before, after = BAD[args.bad](sender, inner, esp)
            n_bad += 1
        sealed += [(us, f) for f in before + [sender.frame(inner, esp)] + after]
        n_good += 1
    return sealed, n_good, n_bad


def shuffle(sealed, distance, seed):
    """Reorder, but let no packet overtake one that is `distance` or more ahead of it."""
    rng = random.Random(seed)
    places = [n + rng.random() * (distance - 1) for n in range(len(sealed))]
    order = sorted(range(len(sealed)), key=places.__getitem__)
    return [(sealed[n][0], sealed[m][1]) for n, m in enumerate(order)]


def main(argv=None):
    args = parse_args(argv)
    peers = gateway_conf.load(args.conf)
    macs = bytes.fromhex((args.dst_mac + args.src_mac).replace(":", ""))

    @functools.cache
    def sender_of(name):
        peer = next(p for p in peers if p.name == name)
        sas = [sa for sa in peer.sas_of("in") if args.spi in (None, sa.spi)]
        if not sas:
            return None
        first_seq = args.esn_start
        if args.bad == "old-seq":
            first_seq = max(first_seq, sas[0].replay_window + 1)
        sender = Sender(peer, sas[0], first_seq, macs)
        sender.old_seq = first_seq - sas[0].replay_window
        return sender

    def sender_for(ip):
        peer = gateway_conf.peer_for(peers, ip.src)
        return sender_of(peer.name) if peer and not wire.within(ip.dst, peer.subnets) else None

    sealed, n_good, n_bad = seal_all(args, sender_for)
    if args.shuffle:
        sealed = shuffle(sealed, args.shuffle, args.seed)
    wire.write_pcap(args.out, wire.LINKTYPE_ETHERNET, sealed)
    print(f"esp_seal: {n_good} packets sealed, {n_bad} {args.bad or 'bad'}, {len(sealed)} frames")
    return 0 if n_good else 2


def parse_args(argv):
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--input", required=True, metavar="PCAP", help="clear packets")
    p.add_argument("--conf", required=True, metavar="YAML",
                   help="the receiving gateway's configuration")
    p.add_argument("--out", required=True, metavar="PCAP", help="where to write the ESP packets")
    p.add_argument("--bad", choices=[*BAD, TFC],
                   help="add a bad packet of this kind to every Nth packet")
    p.add_argument("--every", type=int, default=10, metavar="N", help="N of --bad (10)")
    p.add_argument("--shuffle", type=int, default=0, metavar="N",
                   help="reorder, with no packet late by N or more: fits a window of N")
    p.add_argument("--seed", type=int, default=1, help="seed of --shuffle (1)")
    p.add_argument("--esn-start", type=lambda s: int(s, 0), default=1, metavar="SEQ",
                   help="first sequence number, for instance 0xffffff00. A new receiver with a "
                        "window of W takes SEQ for an old number if 2^32 - SEQ < W")
    p.add_argument("--spi", type=lambda s: int(s, 0), help="use this SA instead of the peer's first")
    p.add_argument("--src-mac", default="02:00:00:00:00:02")
    p.add_argument("--dst-mac", default="02:00:00:00:00:01")
    return p.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
