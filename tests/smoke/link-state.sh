#!/bin/bash
# Links go down and come up under traffic: said once in the log, shown in the statistics, dropped by
# name without using a sequence number, told to the sender; and all goes on when they are back. The
# network is drawn in live.inc.sh.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
make_live
conf_extra='stats: {period: 100ms}'
write_live_conf a
write_live_conf b
live_gateway a
a=$pid
live_gateway b
b=$pid
talk() { inside "$ns_pods_a" ping -q -n -c 1 -W 1 10.244.2.2 && inside "$ns_pods_a" ping -q -n -c 1 -W 1 fd00:2::2; }
until_true 10 talk
times() { grep -c "$2" "$1.log" || true; } # GATEWAY TEXT

for round in 1 2; do
	# The wire: B's own end is down, A's has no carrier.
	inside "$ns_gw_b" ip link set wire down
	until_true 10 eval "[ $round -eq \$(times a 'uplink: link is down') ] && [ $round -eq \$(times b 'uplink: link is down') ]"
	until_true 10 eval "tac a.txt | grep -m 1 'port uplink (encrypted)' | grep -q ', link down'"
	sealed=$(counter a sa.0x00001001) lost=$(counter a drop.link_down)
	inside "$ns_pods_a" ping -n -c 3 -i 0.5 -W 3 10.244.2.2 >ping.out && fail "ping without a wire"
	grep -q "From 10.244.1.1 .*Unreachable" ping.out || { cat ping.out; fail "the pod was not told"; }
	until_true 10 eval "[ \$(counter a drop.link_down) -ge $((lost + 2)) ]"
	[ "$(counter a sa.0x00001001)" -eq "$sealed" ] || { cat a.txt; fail "sealed for a port without link"; }
	inside "$ns_gw_b" ip link set wire up
	until_true 10 eval "[ $round -eq \$(times a 'uplink: link is up') ] && [ $round -eq \$(times b 'uplink: link is up') ]"
	until_true 10 talk
	until_true 10 eval "! tac a.txt | grep -m 1 'port uplink (encrypted)' | grep -q ', link down'"
done

# B's pods: their end is gone, and B says so into the tunnel.
inside "$ns_pods_b" ip link set eth0 down
until_true 10 grep -q " pods: link is down" b.log
inside "$ns_pods_a" ping -n -c 3 -i 0.5 -W 3 10.244.2.2 >ping.out && fail "ping without a pod"
grep -q "From 10.244.2.1 .*Unreachable" ping.out || { cat ping.out; fail "the far pod was not told"; }
asked=$(counter b own.arp_request)
inside "$ns_pods_b" ip link set eth0 up
inside "$ns_pods_b" ip addr add fd00:2::2/64 dev eth0
inside "$ns_pods_b" ip route add 10.244.1.0/24 via 10.244.2.1
inside "$ns_pods_b" ip route add fd00:1::/64 via fd00:2::1
until_true 10 grep -q " pods: link is up" b.log
until_true 10 talk
until_true 10 eval "[ \$(counter b own.arp_request) -ge $((asked + 3)) ]" # announced twice, and the pod asked for

stop a "$a"
stop b "$b"
no_other_drops a multicast link_local link_down neighbor_failed
no_other_drops b multicast link_local link_down neighbor_failed
[ "$(times a 'link is')" -eq 4 ] && [ "$(times b 'link is')" -eq 6 ] || fail "links were told of otherwise than once a change"
echo "links: $(counter a drop.link_down) and $(counter b drop.link_down) packets lost by name"
