#!/bin/bash
# Attacks on neighbour resolution, from the wire and from the pods: spoofed ARP and ND, floods, malformed
# messages, claims on the gateway's address, a scan through the tunnel. Traffic continues, every drop has a
# reason, and memory does not grow.
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   attacks ^                   attacks ^                            ^ scan
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=20
make_live_network
conf_extra='stats: {period: 200ms}'
write_live_conf a
write_live_conf b
serve b
start_live_gateway a
a=$pid
start_live_gateway b
b=$pid
wire_mac=02:00:00:00:00:0a  # A's
clear_mac=02:00:00:00:01:01

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$a/status"; }
attack() { # NAMESPACE INTERFACE ATTACK COUNT ADDRESS MAC
	ip netns exec "$1" "$python" "$root/tests/smoke/hostile_neighbor.py" "${@:2}" || fail "hostile_neighbor.py ${*:2}"
}
expect_undisturbed() { # COMMAND...: while it runs, a download by A's pod continues, and it completes unchanged
	ip netns exec "$ns_pods_a" curl -sS -g --limit-rate 8M --max-time 60 -o got.bin "$(url b 4)" &
	local curl=$!
	pids+=($curl)
	"$@"
	wait_status $curl || fail "the download failed: $*"
	cmp got.bin www-b/data.bin || fail "the download differs from the file: $*"
	rm got.bin
	ip netns exec "$ns_pods_a" ping -q -n -c 2 -i 0.1 -W 2 fd00:2::2 >ping.out || fail "IPv6 after: $*"
	echo "undisturbed: $*"
}

ip netns exec "$ns_pods_a" ping -q -n -c 2 -i 0.1 -W 2 fd00:2::2 >ping.out || fail "ping"
ip netns exec "$ns_pods_a" ping -q -n -c 2 -i 0.1 -W 2 10.244.2.2 >ping.out || fail "ping"
before=$(resident)

# On the wire, claims on the remote gateway's address: A's entry is fresh, and stays.
expect_undisturbed attack "$ns_gw_b" wire claim 150000 192.0.2.2 $wire_mac
expect_undisturbed attack "$ns_gw_b" wire answer 20000 192.0.2.2 $wire_mac
# On the pods' side, claims on the pod's address.
expect_undisturbed attack "$ns_pods_a" eth0 claim 150000 10.244.1.2 $clear_mac
expect_undisturbed attack "$ns_pods_a" eth0 answer 20000 fd00:1::2 $clear_mac
# Requests from endlessly many senders.
flood_s=$SECONDS answered=$(counter a local.arp_reply)
expect_undisturbed attack "$ns_gw_b" wire ask 20000 192.0.2.1 $wire_mac
wait_for_blocks a
flood_s=$((SECONDS - flood_s + 1)) answered=$(($(counter a local.arp_reply) - answered))
expect_undisturbed attack "$ns_pods_a" eth0 ask 20000 fd00:1::1 $clear_mac
# Malformed messages.
expect_undisturbed attack "$ns_pods_a" eth0 malformed 2000 10.244.1.1 $clear_mac
expect_undisturbed attack "$ns_pods_a" eth0 malformed 2000 fd00:1::1 $clear_mac
# Claims on the gateway's address.
expect_undisturbed attack "$ns_pods_a" eth0 claim 1000 10.244.1.1 $clear_mac
# A scan of A's pods through the tunnel, for addresses that nobody has.
scan() {
	ip netns exec "$ns_pods_b" "$python" - <<-EOF
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for _ in range(20):
		    for last in range(3, 255):
		        s.sendto(b"anybody?", (f"10.244.1.{last}", 9))
	EOF
	until_true 10 eval '[ "$(counter a drop.neighbor_failed)" -gt 0 ]'
}
expect_undisturbed scan

after=$(resident)
[ $((after - before)) -lt 8192 ] || fail "resident memory grew from $before to $after KiB"
stop a "$a"
stop b "$b"
for name in neighbor_claim discovery_rate bad_discovery duplicate_address neighbor_pending_full neighbor_failed; do
	[ "$(counter a drop.$name)" -gt 0 ] || { cat a.txt; fail "A dropped nothing as $name"; }
done
no_other_drops a multicast link_local tx_full not_our_mac neighbor_claim discovery_rate bad_discovery \
	duplicate_address neighbor_pending_full neighbor_failed
expect_line a.log "drop=duplicate_address port=pods"
grep -q "warning esp: drop=duplicate_address .* neighbor=10.244.1.1 mac=02:66:" a.log ||
	fail "the log does not name the station"
# Requests, and so answers, are limited to 2,000 per second.
[ "$answered" -lt $((2000 * flood_s + 300)) ] || fail "$answered answers to one flood in $flood_s s"
echo "resident memory: $before KiB before, $after KiB after"
