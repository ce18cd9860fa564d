#!/bin/bash
# Neighbour resolution: two gateways without static neighbours find pods and each other by ARP and ND, and
# answer echo, expired TTLs and missing routes themselves. On the wire there is only ESP, ARP and ND.
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   fd00:1::2       10.244.1.1    192.0.2.1 | 192.0.2.2     10.244.2.1   fd00:2::2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
make_live_network
write_live_conf a
write_live_conf b
start_captured_pair

expect_pods_talk
for kind in arp_request arp_reply nd_solicit nd_advert; do
	kinds+=("local.$kind")
done

# The gateways answer echo requests, locally and through the tunnel.
for address in 10.244.1.1 fd00:1::1 10.244.2.1 fd00:2::1; do
	ip netns exec "$ns_pods_a" ping -q -c 5 -i 0.01 -W 2 "$address" >ping.out ||
		{ cat ping.out; fail "ping of the gateway at $address"; }
done
# Time exceeded: at A, then at B through the tunnel.
for address in 10.244.2.2 fd00:2::2; do
	for hop in 1 2; do
		ip netns exec "$ns_pods_a" ping -n -c 1 -W 2 -t $hop "$address" >ping.out || true
		gateway=10.244.$hop.1
		[ "$address" = 10.244.2.2 ] || gateway=fd00:$hop::1
		grep -qiE "from $gateway.* (Time to live|Time) exceeded" ping.out ||
			{ cat ping.out; fail "hop $hop to $address is not $gateway"; }
	done
done
# No route to 10.99.0.1: A sends an ICMP error.
ip -n "$ns_pods_a" route add 10.99.0.0/16 via 10.244.1.1
ip netns exec "$ns_pods_a" ping -n -c 1 -W 2 10.99.0.1 >ping.out || true
grep -q "From 10.244.1.1 .*Destination Net Unreachable" ping.out || { cat ping.out; fail "no ICMP error for a missing route"; }

stop a "$a"
stop b "$b"
for kind in "${kinds[@]}"; do
	[ "$(counter a "$kind")" -gt 0 ] || { cat a.txt; fail "no $kind was sent"; }
done
no_other_drops a multicast link_local tx_full ttl_expired no_route
no_other_drops b multicast link_local tx_full ttl_expired
expect_only_esp from-a.pcap $capture_a
expect_only_esp from-b.pcap $capture_b
