#!/usr/bin/python3
"""Open the ESP packets that a gateway sent, and check them against RFC 4303, the RFCs of their suites
(suites.py) and the gateway's input.

An independent implementation, written from the RFCs; it shares no code with espgate. The configuration is
the sending gateway's, and its `dir: out` SAs are opened. Prints one line per fault, with the frame's number
and a name: outer spi sequence iv length icv padding next-header inner dscp ecn df input leak unexpected.
Exit status 0: no faults; 1: faults; 2: nothing to check."""
import argparse
import collections
import struct
import sys

from cryptography.exceptions import InvalidTag

import gateway_conf
import suites
import wire

ESP_HEADER_BYTES, TRAILER_BYTES = 8, 2
ESP_PORT = 4500  # RFC 3948 s2.1
INNER_VERSION = {wire.PROTO_IPIP: 4, wire.PROTO_IPV6: 6}


class Fault(Exception):
    def __init__(self, name, text):
        super().__init__(f"{name}: {text}")


class Stream:
    """Packets of one SA, in the order they were sent."""

    def __init__(self, peer, sa, first_seq):
        self.peer, self.sa, self.next_seq = peer, sa, first_seq
        self.suite, self.cipher = suites.SUITES[sa.suite], sa.cipher()
        self.ivs, self.seqs = set(), set()

    def full_sequence(self, low):
        """The 64-bit number with this low half that is nearest to the expected one: the result of RFC
        4303 appendix A2.2 for any window smaller than half the number space."""
        if not self.sa.esn:
            return low
        high = self.next_seq >> 32
        candidates = [(h << 32) + low for h in (high - 1, high, high + 1) if h >= 0]
        return min(candidates, key=lambda seq: abs(seq - self.next_seq))

    def open(self, esp, faults, any_order):
        """Return (payload without padding, next header). Faults that leave the rest readable are
        appended to `faults`."""
        text = ESP_HEADER_BYTES + self.suite.iv_bytes
        iv, sealed = esp[ESP_HEADER_BYTES:text], esp[text:]
        n = len(sealed) - self.suite.icv_bytes
        if n < TRAILER_BYTES:
            raise Fault("length", f"{len(esp)} bytes are too short for ESP")
        # RFC 4303 s2.4: pad length and next header end on a 4-byte boundary, or on the cipher's.
        if n % self.suite.align_bytes:
            if self.suite.align_bytes > 4:
                raise Fault("length", f"{n} bytes are not a whole number of blocks")
            faults.append(f"padding: {n} bytes sealed, not a multiple of {self.suite.align_bytes}")
        seq = self.full_sequence(int.from_bytes(esp[4:8], "big"))
        try:
            clear = self.cipher.open(esp[:4], esp[4:8], self.sa.high(seq), iv, sealed)
        except InvalidTag:
            raise Fault("icv", f"SPI {self.sa.spi:#x} sequence {seq} does not verify") from None
        # Only after authentication may a number change the state (RFC 4303 s3.4.3).
        self.record(seq, iv, faults, any_order)

        pad_length, next_header = clear[-2:]
        if pad_length > len(clear) - TRAILER_BYTES:
            raise Fault("padding", f"length {pad_length} of {len(clear)} bytes")
        end = len(clear) - TRAILER_BYTES - pad_length
        if clear[end:-TRAILER_BYTES] != bytes(range(1, pad_length + 1)):
            faults.append("padding: bytes are not 1, 2, 3, ... (RFC 4303 s2.4)")
        return clear[:end], next_header

    def record(self, seq, iv, faults, any_order):
        if iv and iv in self.ivs:
            faults.append(f"iv: {iv.hex()} used twice (RFC 4106 s3.1)")
        self.ivs.add(iv)
        if seq == 0:
            faults.append("sequence: 0, but the first is 1 (RFC 4303 s2.2)")
        elif seq in self.seqs:
            faults.append(f"sequence: {seq} used twice")
        elif seq != self.next_seq and not any_order:
            faults.append(f"sequence: {seq}, expected {self.next_seq}")
        self.seqs.add(seq)
        self.next_seq = max(self.next_seq, seq + 1)


class Opener:
    def __init__(self, peers, first_seq=1, any_order=False, expect_only=False):
        self.peers, self.any_order, self.expect_only = peers, any_order, expect_only
        # Receivers choose SPIs, so two peers may use the same one (RFC 4301 s4.1).
        self.streams = {(peer.remote, sa.spi): Stream(peer, sa, first_seq)
                        for peer in peers for sa in peer.sas_of("out")}

    def frame(self, link_type, frame, faults):
        """Return (peer, inner packet), or None if the frame does not belong to a tunnel."""
        ethertype, l3 = wire.l3_of(link_type, frame)
        if ethertype not in (wire.ETHERTYPE_IPV4, wire.ETHERTYPE_IPV6):
            if self.expect_only and ethertype != wire.ETHERTYPE_ARP:
                raise Fault("unexpected", f"ethertype {ethertype:#06x}")
            return None
        ip = wire.parse_ip(l3)
        if ip.fragment and any(peer.remote == ip.dst for peer in self.peers):
            raise Fault("outer", "a fragment")
        at, next_at = wire.esp_place(ip)
        ip = ip._replace(header_bytes=at, protocol=ip.data[next_at])
        encapsulated = ip.protocol == wire.PROTO_UDP and self.is_esp_in_udp(ip)
        if ip.protocol != wire.PROTO_ESP and not encapsulated:
            if not self.is_keepalive(ip):
                self.check_other(ip)
            return None

        self.check_link(link_type, frame, l3, ip)
        stream, esp = self.outer(ip, encapsulated)
        payload, next_header = stream.open(esp, faults, self.any_order)
        if stream.peer.transport:
            headers = ip.data[:at]
            return stream.peer, wire.parse_ip(
                wire.with_next(headers, next_at, next_header, payload)).data
        inner = self.inner(stream.peer, payload, next_header)
        self.check_copied(ip, inner, stream.peer.df, faults)
        return stream.peer, inner.data

    def is_esp_in_udp(self, ip):
        # RFC 3948 s2.2, s2.3: IKE starts with four zero bytes, a keepalive is a single 0xff.
        return (int.from_bytes(ip.payload[2:4], "big") == ESP_PORT and len(ip.payload) > 9
                and ip.payload[8:12] != bytes(4))

    def is_keepalive(self, ip):
        return (ip.protocol == wire.PROTO_UDP and ip.payload[8:] == b"\xff"
                and int.from_bytes(ip.payload[2:4], "big") == ESP_PORT
                and any(peer.udp_encap and peer.remote == ip.dst for peer in self.peers))

    def check_other(self, ip):
        if gateway_conf.peer_for(self.peers, ip.dst):
            raise Fault("leak", f"{wire.describe(ip.data)} left in clear")
        neighbour_discovery = (ip.protocol == wire.PROTO_ICMPV6
                               and ip.payload[:1] in (b"\x87", b"\x88"))
        if self.expect_only and not neighbour_discovery:
            raise Fault("unexpected", wire.describe(ip.data))

    def check_link(self, link_type, frame, l3, ip):
        padding = l3[len(ip.data):]
        if padding and (len(frame) > wire.ETHERNET_MIN or any(padding)):
            raise Fault("outer", f"{len(padding)} bytes follow the packet in its frame")
        if link_type == wire.LINKTYPE_ETHERNET:
            for mac in (frame[:6], frame[6:12]):
                if mac == bytes(6) or mac[0] & 1:
                    raise Fault("outer", f"{mac.hex(':')} is not a unicast MAC address")

    def outer(self, ip, encapsulated):
        """Return the SA's stream and the ESP packet."""
        if ip.ttl == 0:
            raise Fault("outer", "TTL 0")
        peers = [peer for peer in self.peers if peer.remote == ip.dst]
        if ip.src not in [peer.local for peer in peers]:
            raise Fault("outer", f"no tunnel has the addresses {ip.src} > {ip.dst}")
        esp = ip.payload
        if encapsulated:
            length, checksum = struct.unpack_from("!HH", esp, 4)
            if not checksum and ip.version == 6:  # RFC 8200 s8.1: every receiver accepts it
                raise Fault("outer", "no UDP checksum over IPv6")
            if length != len(esp):
                raise Fault("outer", f"UDP length {length} of {len(esp)} bytes")
            # RFC 3948 s2.1: over IPv4 it should be zero, and must not be wrong.
            if checksum and wire.udp_checksum(ip, esp):
                raise Fault("outer", "wrong UDP checksum")
            esp = esp[8:]
        if len(esp) < ESP_HEADER_BYTES:
            raise Fault("length", f"{len(esp)} bytes are too short for ESP")
        spi = int.from_bytes(esp[:4], "big")
        stream = self.streams.get((ip.dst, spi))
        if not stream:
            raise Fault("spi", f"no SA to {ip.dst} has SPI {spi:#x}")
        if encapsulated and int.from_bytes(ip.payload[:2], "big") not in stream.peer.source_ports:
            raise Fault("outer", f"UDP source port {int.from_bytes(ip.payload[:2], 'big')}")
        if stream.peer.udp_encap != encapsulated:
            raise Fault("outer", f"UDP encapsulation is {encapsulated}, configured "
                                 f"{stream.peer.udp_encap}")
        return stream, esp

    def inner(self, peer, payload, next_header):
        if next_header not in INNER_VERSION:
            raise Fault("next-header", f"{next_header} is not tunnel mode (RFC 4303 s2.6)")
        try:
            inner = wire.parse_ip(payload)
        except wire.Malformed as e:
            raise Fault("inner", str(e)) from None
        if inner.version != INNER_VERSION[next_header]:
            raise Fault("next-header", f"{next_header} with IPv{inner.version} inside")
        if len(inner.data) != len(payload):
            raise Fault("length", f"inner packet of {len(inner.data)} bytes in {len(payload)}")
        if not wire.within(inner.dst, peer.subnets):
            raise Fault("inner", f"{inner.dst} is not in {peer.name}'s subnets")
        return inner

    def check_copied(self, outer, inner, df, faults):
        """Check the fields copied to the outer header (RFC 4301 s5.1.2; for ECN RFC 6040 s4.1, normal
        mode)."""
        if outer.tos >> 2 != inner.tos >> 2:
            faults.append(f"dscp: outer {outer.tos >> 2}, inner {inner.tos >> 2}")
        if outer.tos & 3 != inner.tos & 3:
            faults.append(f"ecn: outer {outer.tos & 3}, inner {inner.tos & 3}")
        # RFC 4301 s8.1. Inner IPv6 is never fragmented in transit, as if DF were set.
        want = {"copy": inner.df or inner.version == 6, "set": True, "clear": False}[df]
        if outer.version == 4 and outer.df != want:
            faults.append(f"df: outer {outer.df}, inner {inner.df}, policy {df}")


def expected_from(path, peers):
    """Peer name -> the packets it must receive, as forwarded; and peer name -> their places in the input."""
    expected, at = collections.defaultdict(list), collections.defaultdict(list)
    link_type, frames = wire.read_pcap(path)
    for number, (_, frame) in enumerate(frames, 1):
        ip = wire.routable(link_type, frame)
        peer = ip and gateway_conf.peer_for(peers, ip.dst)
        if peer:
            expected[peer.name].append(wire.with_ttl(ip.data, ip.ttl - 1))
            at[peer.name].append(f"input packet {number}")
    return expected, at


def main(argv=None):
    args = parse_args(argv)
    peers = gateway_conf.load(args.conf)
    opener = Opener(peers, args.first_seq, args.any_order, args.expect_only)
    link_type, frames = wire.read_pcap(args.esp)

    report, opened = [], []
    got, got_at = collections.defaultdict(list), collections.defaultdict(list)
    for number, (us, frame) in enumerate(frames, 1):
        faults = []
        try:
            result = opener.frame(link_type, frame, faults)
            if result:
                peer, inner = result
                opened.append((us, inner))
                got[peer.name].append(inner)
                got_at[peer.name].append(f"opened packet {number}")
        except wire.Malformed as e:
            faults.append(f"outer: {e}")
        except Fault as e:
            faults.append(str(e))
        report += [f"{args.esp}:{number}: {fault}" for fault in faults]

    n_input = 0
    if args.input:
        expected, at = expected_from(args.input, peers)
        n_input = sum(map(len, expected.values()))
        for peer in peers:  # order is promised within a flow
            want, want_at = wire.in_flow_order(expected[peer.name], at[peer.name])
            here, here_at = wire.in_flow_order(got[peer.name], got_at[peer.name])
            report += [f"{args.esp}: input: {line}" for line in wire.differences(want, here, want_at, here_at)]
    if args.opened:
        wire.write_pcap(args.opened, wire.LINKTYPE_RAW, opened)

    for line in report[:args.show]:
        print(line)
    if len(report) > args.show:
        print(f"... and {len(report) - args.show} more")
    print(f"esp_open: {len(opened)} packets opened, {n_input} input packets, "
          f"{len(report)} differences")
    return 1 if report else 0 if opened else 2


def parse_args(argv):
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--esp", required=True, metavar="PCAP", help="capture of what the gateway sent")
    p.add_argument("--conf", required=True, metavar="YAML", help="that gateway's configuration")
    p.add_argument("--input", metavar="PCAP",
                   help="capture of what it received: must equal the inner packets, each flow in order")
    p.add_argument("--opened", metavar="PCAP", help="write the inner packets to PCAP, as raw IP")
    p.add_argument("--expect-only", action="store_true",
                   help="anything on the wire but ESP, ARP and neighbour discovery is a fault")
    p.add_argument("--first-seq", type=lambda s: int(s, 0), default=1, metavar="N",
                   help="first sequence number of each SA (1)")
    p.add_argument("--any-order", action="store_true",
                   help="sequence numbers must be unique, but may be in any order")
    p.add_argument("--show", type=int, default=20, metavar="N", help="print at most N faults (20)")
    return p.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
