#!/bin/bash
# Real programs talk through two gateways that know no neighbour beforehand: ARP and ND do it all. The
# network is drawn in live.inc.sh. On the wire there is ESP, ARP, ND, and nothing else.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
make_live
write_live_conf a
write_live_conf b
listen "$ns_gw_b" from-a.pcap
heard_a=$listener
listen "$ns_gw_a" from-b.pcap
heard_b=$listener
live_gateway a
a=$pid
live_gateway b
b=$pid

pods_talk
for kind in arp_request arp_reply nd_solicit nd_advert; do
	asked_kinds+=("own.$kind")
done

stop a "$a"
stop b "$b"
for kind in "${asked_kinds[@]}"; do
	[ "$(counter a "$kind")" -gt 0 ] || { cat a.txt; fail "no $kind was sent"; }
done
no_other_drops a multicast link_local
no_other_drops b multicast link_local
only_esp from-a.pcap $heard_a
only_esp from-b.pcap $heard_b
