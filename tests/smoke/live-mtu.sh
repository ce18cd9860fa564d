#!/bin/bash
# Packets that do not fit: "packet too big" arrives with the very number that explain --mtu shows, at
# the sender and at the far sender through the tunnel, and downloads finish, with MSS clamping and
# without; what may be fragmented is. The network is drawn in live.inc.sh; the pods' links carry 1500
# bytes.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=3
pods_mtu=1500
make_live
serve a
serve b

told() { # PODS_NAMESPACE ADDRESS: the number in "too big", asked with a packet of 1500 bytes
	local payload=1472
	[[ $2 != *:* ]] || payload=1452
	ip netns exec "$1" ping -n -c 1 -W 2 -M do -s $payload "$2" >ping.out 2>&1 || true
	sed -nE 's/.*[Ff]rag needed and DF set \(mtu = ([0-9]+)\).*/\1/p; s/.*too big: mtu=([0-9]+).*/\1/p' ping.out |
		head -n 1
}

for wire_mtu in 1400 1500; do
	for outer in 4 6; do
		for clamp in false true; do
			peer_extra="mss_clamp: $clamp"
			write_live_conf a
			write_live_conf b
			"$espgate" explain -c a.yaml --mtu other >mtu.out
			room=$(awk '$1 == "=" { print $2 }' mtu.out)
			live_gateway a
			a=$pid
			live_gateway b
			b=$pid
			for pods in "$ns_pods_a" "$ns_pods_b"; do
				ip -n "$pods" route flush cache
				ip -n "$pods" -6 route flush cache
			done
			for address in 10.244.2.2 fd00:2::2; do # and its neighbours are known from here on
				ip netns exec "$ns_pods_a" ping -q -n -c 2 -i 0.2 -W 2 "$address" >ping.out ||
					fail "ping $address"
			done
			for version in 4 6; do
				download a $version
				download b $version
			done
			for way in "$ns_pods_a 10.244.2.2" "$ns_pods_b 10.244.1.2" "$ns_pods_a fd00:2::2" "$ns_pods_b fd00:1::2"; do
				ip -n "${way% *}" route flush cache
				ip -n "${way% *}" -6 route flush cache
				got=$(told $way)
				[ "$got" = "$room" ] || { cat ping.out; fail "told \"$got\" to ${way#* }, not $room"; }
			done
			for size in 1472 1800; do # the latter as one: af_packet has the kernel reassemble
				ip netns exec "$ns_pods_a" ping -q -n -c 3 -i 0.1 -W 5 -M dont -s $size 10.244.2.2 >ping.out ||
					{ cat ping.out; fail "ping without DF, $size bytes"; }
			done
			stop a "$a"
			stop b "$b"
			[ "$(counter a own.fragment)" -ge 6 ] || { cat a.txt; fail "A fragmented nothing"; }
			big=$(counter a drop.too_big)
			echo "wire $wire_mtu, outer IPv$outer, clamping $clamp: room $room, $big too big at A"
			if $clamp; then # none but what ping sent
				[ "$big" -le 2 ] || { cat a.txt; fail "clamped, but too big"; }
			else
				[ "$big" -gt 2 ] || { cat a.txt; fail "not clamped, but nothing was too big"; }
			fi
		done
	done
done
