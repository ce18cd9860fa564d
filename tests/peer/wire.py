"""Packets and capture files as bytes, shared by the tools of this folder. No cryptography."""
import difflib
import ipaddress
import struct
from typing import NamedTuple

LINKTYPE_ETHERNET, LINKTYPE_RAW = 1, 101
ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x86DD
VLAN_TAGS = (0x8100, 0x88A8)
PROTO_IPIP, PROTO_UDP, PROTO_IPV6, PROTO_IPV6_FRAGMENT = 4, 17, 41, 44
PROTO_ESP, PROTO_ICMPV6, PROTO_NONE = 50, 58, 59
ETHERNET_MIN = 60  # without the frame check sequence; shorter frames are padded up to it


class Malformed(Exception):
    """The bytes contradict their headers."""


# --- capture files: classic pcap, either byte order, micro- or nanoseconds ---

def read_pcap(path):
    """Return (link type, [(microseconds, bytes)])."""
    with open(path, "rb") as f:
        data = f.read()
    magics = {b"\xd4\xc3\xb2\xa1": ("<", 1), b"\xa1\xb2\xc3\xd4": (">", 1),
              b"\x4d\x3c\xb2\xa1": ("<", 1000), b"\xa1\xb2\x3c\x4d": (">", 1000)}
    if len(data) < 24 or data[:4] not in magics:
        raise Malformed(f"{path}: not a classic pcap file")
    order, per_us = magics[data[:4]]
    link_type = struct.unpack_from(order + "I", data, 20)[0] & 0x0FFFFFFF
    packets, at = [], 24
    while at < len(data):
        if at + 16 > len(data):
            raise Malformed(f"{path}: ends inside a record header")
        sec, frac, captured, length = struct.unpack_from(order + "4I", data, at)
        at += 16
        if captured != length or at + captured > len(data):
            raise Malformed(f"{path}: packet {len(packets) + 1} is cut off")
        packets.append((sec * 1_000_000 + frac // per_us, data[at:at + captured]))
        at += captured
    return link_type, packets


def write_pcap(path, link_type, packets):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link_type))
        for us, data in packets:
            f.write(struct.pack("<4I", *divmod(us, 1_000_000), len(data), len(data)) + data)


# --- link layer ---

def l3_of(link_type, frame):
    """Return (ethertype, bytes after it). VLAN tags are removed, padding is not."""
    if link_type == LINKTYPE_RAW:
        if not frame:
            raise Malformed("empty packet")
        return (ETHERTYPE_IPV6 if frame[0] >> 4 == 6 else ETHERTYPE_IPV4), frame
    if link_type != LINKTYPE_ETHERNET:
        raise Malformed(f"link type {link_type} is neither Ethernet nor raw IP")
    at = 12
    while True:
        if at + 2 > len(frame):
            raise Malformed("frame ends inside its Ethernet header")
        ethertype = int.from_bytes(frame[at:at + 2], "big")
        at += 2
        if ethertype not in VLAN_TAGS:
            return ethertype, frame[at:]
        at += 2


# --- IP ---

def checksum(data):
    """RFC 1071; zero over a header that contains its correct checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


class Ip(NamedTuple):
    version: int
    tos: int          # DSCP and ECN
    ttl: int          # or hop limit
    protocol: int     # or next header of the fixed header
    src: object
    dst: object
    df: bool          # of IPv4; False for IPv6
    fragment: bool
    header_bytes: int
    data: bytes       # the packet, without the frame's padding

    @property
    def payload(self):
        return self.data[self.header_bytes:]


def parse_ip(data):
    if not data or data[0] >> 4 not in (4, 6):
        raise Malformed("neither IPv4 nor IPv6")
    if data[0] >> 4 == 4:
        if len(data) < 20:
            raise Malformed("shorter than an IPv4 header")
        _, tos, total, _, frag, ttl, proto, _, src, dst = struct.unpack_from("!BBHHHBBH4s4s", data)
        header = (data[0] & 15) * 4
        if not 20 <= header <= total <= len(data):
            raise Malformed(f"IPv4 lengths disagree: header {header}, total {total}, "
                            f"present {len(data)}")
        if checksum(data[:header]):
            raise Malformed("wrong IPv4 header checksum")
        return Ip(4, tos, ttl, proto, ipaddress.IPv4Address(src), ipaddress.IPv4Address(dst),
                  bool(frag & 0x4000), bool(frag & 0x3FFF), header, data[:total])
    if len(data) < 40:
        raise Malformed("shorter than an IPv6 header")
    word, length, proto, ttl, src, dst = struct.unpack_from("!IHBB16s16s", data)
    if 40 + length > len(data):
        raise Malformed(f"IPv6 payload length {length}, present {len(data) - 40}")
    return Ip(6, word >> 20 & 0xFF, ttl, proto, ipaddress.IPv6Address(src),
              ipaddress.IPv6Address(dst), False, proto == PROTO_IPV6_FRAGMENT, 40,
              data[:40 + length])


IPV6_EXTENSIONS = {0, 43, PROTO_IPV6_FRAGMENT, 60}


def esp_place(ip):
    """Return (bytes of headers before ESP, offset of their last next-header byte): RFC 4303 s3.1.1, with
    destination options after ESP if they are the last."""
    if ip.version == 4:
        return ip.header_bytes, 9
    at, next_at = 40, 6
    place = at, next_at
    while ip.data[next_at] in IPV6_EXTENSIONS:
        kind, next_at = ip.data[next_at], at
        at += 8 if kind == PROTO_IPV6_FRAGMENT else 8 + 8 * ip.data[at + 1]
        if kind != 60:
            place = at, next_at
    return place


def with_next(headers, next_at, protocol, payload):
    """Return the headers with another protocol and payload."""
    data = headers[:next_at] + bytes([protocol]) + headers[next_at + 1:] + payload
    if data[0] >> 4 == 4:
        data = data[:2] + struct.pack("!H", len(data)) + data[4:]
        return with_ipv4_checksum(data)
    return data[:4] + struct.pack("!H", len(data) - 40) + data[6:]


def with_ipv4_checksum(data):
    header = (data[0] & 15) * 4
    zeroed = data[:10] + b"\0\0" + data[12:header]
    return zeroed[:10] + struct.pack("!H", checksum(zeroed)) + zeroed[12:] + data[header:]


def with_ttl(data, ttl):
    """Return the packet with another TTL or hop limit and a correct checksum."""
    if data[0] >> 4 == 6:
        return data[:7] + bytes([ttl]) + data[8:]
    return with_ipv4_checksum(data[:8] + bytes([ttl]) + data[9:])


def udp_checksum(ip, datagram):
    """Zero over a datagram that contains its correct checksum."""
    return checksum(ip.src.packed + ip.dst.packed
                    + struct.pack("!II", len(datagram), PROTO_UDP) + datagram)


def routable(link_type, frame):
    """Return the frame's IP packet if a router may forward it (RFC 1812 s4.2.2, s5.3; RFC 4291 s2.5.6),
    else None: malformed, not IP, group-addressed on either layer, link-local, or with a TTL of 1."""
    try:
        ethertype, data = l3_of(link_type, frame)
        if ethertype not in (ETHERTYPE_IPV4, ETHERTYPE_IPV6):
            return None
        if link_type == LINKTYPE_ETHERNET and frame[0] & 1:
            return None
        ip = parse_ip(data)
    except Malformed:
        return None
    for address in (ip.src, ip.dst):
        if (address.is_multicast or address.is_link_local or address.is_unspecified
                or address.is_loopback or address == ipaddress.IPv4Address("255.255.255.255")):
            return None
    return ip if ip.ttl > 1 else None


def within(address, subnets):
    return any(address in net for net in subnets)


# --- comparing ---

def flow_of(data):
    """What the gateway keeps in order: the packets of a TCP or UDP connection in one direction, except those whose
    header does not show it (fragments, options, extension headers); of everything else, all together."""
    ip = parse_ip(data)
    plain = len(ip.data) - len(ip.payload) == (20 if ip.version == 4 else 40)
    whole = ip.version == 6 or not int.from_bytes(data[6:8], "big") & 0x3fff
    if not plain or not whole or ip.protocol not in (6, 17):
        return ()
    return str(ip.src), str(ip.dst), ip.protocol, ip.payload[:4]


def in_flow_order(packets, at):
    """Both lists, sorted so that two captures are equal if each flow's packets are in the same order."""
    order = sorted(range(len(packets)), key=lambda n: repr(flow_of(packets[n])))
    return [packets[n] for n in order], [at[n] for n in order]


def describe(data):
    try:
        ip = parse_ip(data)
    except Malformed as e:
        return f"{len(data)} bytes, {e}"
    return f"{ip.src} > {ip.dst} protocol {ip.protocol}, {len(ip.data)} bytes, TTL {ip.ttl}"


def differences(expected, got, expected_at, got_at):
    """List the differences between two sequences of packets, one line per packet. The *_at lists name each
    packet's origin. A lost packet is one difference, not a difference of all that follow."""
    if expected == got:
        return []
    found = []
    matcher = difflib.SequenceMatcher(None, expected, got, autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        while i < i_end and j < j_end:
            a, b = expected[i], got[j]
            offset = next((n for n, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
            found.append(f"{got_at[j]} differs from {expected_at[i]} at byte {offset}: "
                         f"got {describe(b)}; expected {describe(a)}")
            i, j = i + 1, j + 1
        found += [f"{expected_at[n]} is missing: {describe(expected[n])}" for n in range(i, i_end)]
        found += [f"{got_at[n]} is unexpected: {describe(got[n])}" for n in range(j, j_end)]
    return found
