#!/usr/bin/python3
"""Compare two captures from the IP header on: the same packets, byte for byte, each flow's in the same order
(with --any-order, in any).

B's TTLs and hop limits must be lower by exactly --ttl-delta. IPv4 header checksums must be correct in both.
Frames that are not IP are ignored. Exit status 0: equal."""
import argparse
import ipaddress
import sys

import wire


def ip_packets(path, name, subnets, ttl_delta):
    """Return the packets as B should have them (TTL reduced by ttl_delta), their places, and faults."""
    link_type, frames = wire.read_pcap(path)
    packets, at, faults = [], [], []
    for number, (_, frame) in enumerate(frames, 1):
        try:
            ethertype, data = wire.l3_of(link_type, frame)
            if ethertype not in (wire.ETHERTYPE_IPV4, wire.ETHERTYPE_IPV6):
                continue
            ip = wire.parse_ip(data)
        except wire.Malformed as e:
            faults.append(f"{path}:{number}: {e}")
            continue
        if subnets and not wire.within(ip.dst, subnets):
            continue
        # A packet that n routers forwarded arrived at the first with a TTL above n.
        if ttl_delta and (ip.ttl <= ttl_delta or not wire.routable(link_type, frame)):
            continue
        packets.append(wire.with_ttl(ip.data, ip.ttl - ttl_delta) if ttl_delta else ip.data)
        at.append(f"{name} packet {number}")
    return packets, at, faults


def in_byte_order(packets, at):
    pairs = sorted(zip(packets, at))
    return [packet for packet, _ in pairs], [where for _, where in pairs]


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("a", metavar="A")
    p.add_argument("b", metavar="B")
    p.add_argument("--ttl-delta", type=int, default=0, metavar="N",
                   help="number of routers between A and B; packets of A that routers do not "
                        "forward, such as neighbour discovery, are then ignored")
    p.add_argument("--to", action="append", default=[], type=ipaddress.ip_network,
                   metavar="PREFIX", help="only packets to these destinations (repeatable)")
    p.add_argument("--any-order", action="store_true", help="the same packets in any order")
    p.add_argument("--show", type=int, default=10, metavar="N",
                   help="print at most N differences (10)")
    args = p.parse_args(argv)

    a, a_at, a_faults = ip_packets(args.a, "A", args.to, args.ttl_delta)
    b, b_at, b_faults = ip_packets(args.b, "B", args.to, 0)
    if args.any_order:
        a, a_at = in_byte_order(a, a_at)
        b, b_at = in_byte_order(b, b_at)
    else:
        a, a_at = wire.in_flow_order(a, a_at)
        b, b_at = wire.in_flow_order(b, b_at)
    report = a_faults + b_faults + wire.differences(a, b, a_at, b_at)
    for line in report[:args.show]:
        print(line)
    print(f"pcap_equal: {len(a)} and {len(b)} packets, {len(report)} differences")
    return 1 if report else 0


if __name__ == "__main__":
    sys.exit(main())
