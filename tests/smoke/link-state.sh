#!/bin/bash
# Links go down and come up under traffic. Each change is logged once and shown in the statistics; packets are
# dropped as link_down before they use a sequence number, and the sender gets an ICMP error; traffic continues
# when the link is back.
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   fd00:1::2                                                           fd00:2::2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
make_live_network
conf_extra='stats: {period: 100ms}'
write_live_conf a
write_live_conf b
start_live_gateway a
a=$pid
start_live_gateway b
b=$pid
until_true 10 ping_both_families
times() { grep -c "$2" "$1.log" || true; } # GATEWAY TEXT: how often the log contains it

for round in 1 2; do
	# The wire: B's end is down, and A's has no carrier.
	inside "$ns_gw_b" ip link set wire down
	until_true 10 eval "[ $round -eq \$(times a 'uplink: link is down') ] && [ $round -eq \$(times b 'uplink: link is down') ]"
	until_true 10 eval "tac a.txt | grep -m 1 'port uplink (encrypted)' | grep -q ', link down'"
	sealed=$(counter a sa.0x00001001) lost=$(counter a drop.link_down)
	inside "$ns_pods_a" ping -n -c 3 -i 0.5 -W 3 10.244.2.2 >ping.out && fail "ping without a wire"
	grep -q "From 10.244.1.1 .*Unreachable" ping.out || { cat ping.out; fail "the pod got no ICMP error"; }
	until_true 10 eval "[ \$(counter a drop.link_down) -ge $((lost + 2)) ]"
	[ "$(counter a sa.0x00001001)" -eq "$sealed" ] || { cat a.txt; fail "sealed for a port without link"; }
	inside "$ns_gw_b" ip link set wire up
	until_true 10 eval "[ $round -eq \$(times a 'uplink: link is up') ] && [ $round -eq \$(times b 'uplink: link is up') ]"
	until_true 10 ping_both_families
	until_true 10 eval "! tac a.txt | grep -m 1 'port uplink (encrypted)' | grep -q ', link down'"
done

# B's pods: their end is down, and B sends the ICMP error through the tunnel.
inside "$ns_pods_b" ip link set eth0 down
until_true 10 grep -q " pods: link is down" b.log
inside "$ns_pods_a" ping -n -c 3 -i 0.5 -W 3 10.244.2.2 >ping.out && fail "ping without a pod"
grep -q "From 10.244.2.1 .*Unreachable" ping.out || { cat ping.out; fail "the remote pod got no ICMP error"; }
requests=$(counter b local.arp_request)
inside "$ns_pods_b" ip link set eth0 up
inside "$ns_pods_b" ip addr add fd00:2::2/64 dev eth0
inside "$ns_pods_b" ip route add 10.244.1.0/24 via 10.244.2.1
inside "$ns_pods_b" ip route add fd00:1::/64 via fd00:2::1
until_true 10 grep -q " pods: link is up" b.log
until_true 10 ping_both_families
until_true 10 eval "[ \$(counter b local.arp_request) -ge $((requests + 3)) ]" # two announcements, and a request for the pod

stop a "$a"
stop b "$b"
no_other_drops a multicast link_local link_down neighbor_failed
no_other_drops b multicast link_local link_down neighbor_failed
[ "$(times a 'link is')" -eq 4 ] && [ "$(times b 'link is')" -eq 6 ] || fail "not one log line per change"
echo "links: $(counter a drop.link_down) and $(counter b drop.link_down) packets dropped as link_down"
