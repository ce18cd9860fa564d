#!/bin/bash
# Hostile neighbours on the wire and among the pods: spoofed ARP and ND, floods, malformed messages, an
# address of the gateway in another's mouth, scans of a network through the tunnel. Traffic goes on,
# every loss has its name, memory stays. The network is drawn in live.inc.sh.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=20
make_live
conf_extra='stats: {period: 200ms}'
write_live_conf a
write_live_conf b
serve b
live_gateway a
a=$pid
live_gateway b
b=$pid
wire_mac=02:00:00:00:00:0a  # A's
clear_mac=02:00:00:00:01:01

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$a/status"; }
hostile() { # NAMESPACE INTERFACE WHAT COUNT ADDRESS MAC
	ip netns exec "$1" "$python" "$root/tests/smoke/hostile.py" "${@:2}" || fail "hostile.py ${*:2}"
}
talk() { # while COMMAND... runs, a download of A's pod goes on, and finishes whole
	ip netns exec "$ns_pods_a" curl -sS -g --limit-rate 8M --max-time 60 -o got.bin "$(url b 4)" &
	local curl=$!
	pids+=($curl)
	"$@"
	status_of $curl || fail "the download ended: $*"
	cmp got.bin www-b/data.bin || fail "what came is not what was sent: $*"
	rm got.bin
	ip netns exec "$ns_pods_a" ping -q -n -c 2 -i 0.1 -W 2 fd00:2::2 >ping.out || fail "IPv6 after: $*"
	echo "went on: $*"
}

ip netns exec "$ns_pods_a" ping -q -n -c 2 -i 0.1 -W 2 fd00:2::2 >ping.out || fail "ping"
ip netns exec "$ns_pods_a" ping -q -n -c 2 -i 0.1 -W 2 10.244.2.2 >ping.out || fail "ping"
before=$(resident)

# On the wire, in the far gateway's name: A's neighbour is fresh, and stays.
talk hostile "$ns_gw_b" wire claim 150000 192.0.2.2 $wire_mac
talk hostile "$ns_gw_b" wire answer 20000 192.0.2.2 $wire_mac
# Beside the pods, in the pod's name.
talk hostile "$ns_pods_a" eth0 claim 150000 10.244.1.2 $clear_mac
talk hostile "$ns_pods_a" eth0 answer 20000 fd00:1::2 $clear_mac
# Strangers without end.
asked_s=$SECONDS answered=$(counter a own.arp_reply)
talk hostile "$ns_gw_b" wire ask 20000 192.0.2.1 $wire_mac
next_block a
asked_s=$((SECONDS - asked_s + 1)) answered=$(($(counter a own.arp_reply) - answered))
talk hostile "$ns_pods_a" eth0 ask 20000 fd00:1::1 $clear_mac
# Nonsense.
talk hostile "$ns_pods_a" eth0 malformed 2000 10.244.1.1 $clear_mac
talk hostile "$ns_pods_a" eth0 malformed 2000 fd00:1::1 $clear_mac
# The gateway's own address.
talk hostile "$ns_pods_a" eth0 claim 1000 10.244.1.1 $clear_mac
# A scan of A's pods through the tunnel: nobody is there.
scan() {
	ip netns exec "$ns_pods_b" "$python" - <<-EOF
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		for turn in range(20):
		    for last in range(3, 255):
		        s.sendto(b"anybody?", (f"10.244.1.{last}", 9))
	EOF
	until_true 10 eval '[ "$(counter a drop.neighbor_failed)" -gt 0 ]'
}
talk scan

after=$(resident)
[ $((after - before)) -lt 8192 ] || fail "from $before to $after KiB resident"
stop a "$a"
stop b "$b"
for name in neighbor_claim discovery_rate bad_discovery duplicate_address neighbor_pending_full neighbor_failed; do
	[ "$(counter a drop.$name)" -gt 0 ] || { cat a.txt; fail "A dropped nothing by $name"; }
done
no_other_drops a multicast link_local tx_full not_our_mac neighbor_claim discovery_rate bad_discovery \
	duplicate_address neighbor_pending_full neighbor_failed
expect_line a.log "drop=duplicate_address port=pods"
grep -q "warning esp: drop=duplicate_address .* neighbor=10.244.1.1 mac=02:66:" a.log ||
	fail "the log does not name the station"
# Answers are bounded too, to 2,000 per second: what was not heard was not answered.
[ "$answered" -lt $((2000 * asked_s + 300)) ] || fail "$answered answers to one flood in $asked_s s"
echo "resident: $before KiB before, $after after"
