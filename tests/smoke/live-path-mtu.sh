#!/bin/bash
# Path MTU discovery: the MTU of the path between the gateways falls during downloads. The router reports it by
# ICMP, and A adapts. Forged ICMP and floods of fragments, overlapping and tiny ones included, change nothing.
# A router connects the gateways of live.inc.sh:
#
#   pods_a       gw_a              router             gw_b           pods_b
#   10.244.1.2   192.0.2.1     wa .254 | .254 wb   198.51.100.2    10.244.2.2
#   fd00:1::2    2001:db8::1      ::fe | ::fe      2001:db8:1::2   fd00:2::2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=12
pods_mtu=1500
make_live_network
make_namespaces router
ip -n "$ns_gw_a" link del wire
for side in "a 192.0.2.254/24 2001:db8::fe/64" "b 198.51.100.254/24 2001:db8:1::fe/64"; do
	read -r name ip4 ip6 <<<"$side"
	gw=ns_gw_$name
	ip -n "${!gw}" link add wire address "02:00:00:00:00:0$name" type veth peer name "w$name" netns "$ns_router"
	ip -n "${!gw}" link set wire up mtu 9000
	ip -n "$ns_router" link set "w$name" up mtu 9000
	ip -n "$ns_router" addr add "$ip4" dev "w$name"
	ip -n "$ns_router" addr add "$ip6" dev "w$name"
done
ip netns exec "$ns_router" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
serve a

write_path_conf() { # a|b
	uplink_extra='gateway: [192.0.2.254, "2001:db8::fe"]'
	wire_mtu=1500
	if [ "$1" = b ]; then # packets back fit from the start: a veth drops frames longer than its MTU
		uplink_extra='gateway: [198.51.100.254, "2001:db8:1::fe"]'
		wire_mtu=1280
		local peer_extra=$peer_extra$'\n    mss_clamp: false'
	fi
	write_live_conf "$1"
	sed -i 's/192\.0\.2\.2\b/198.51.100.2/; s/2001:db8::2\b/2001:db8:1::2/' "$1.yaml"
}

attack() { # ATTACK COUNT: from the router, with the remote gateway's or another router's address
	local ends="192.0.2.1 198.51.100.2"
	[ "$outer" = 4 ] || ends="2001:db8::1 2001:db8:1::2"
	ip netns exec "$ns_router" "$python" "$root/tests/smoke/hostile_path.py" wa 02:00:00:00:00:0a "$@" $ends ||
		fail "hostile_path.py $*"
}

begin_download() { # IP_VERSION: in the background, slowly; sets $curl
	rm -f got.bin
	ip netns exec "$ns_pods_b" curl -sS -g --limit-rate 5M --max-time 60 -o got.bin "$(url a "$1")" &
	curl=$!
	pids+=($curl)
	until_true 20 eval '[ "$(stat -c %s got.bin 2>/dev/null || echo 0)" -gt 1000000 ]'
}

finish_download() { # EVENT
	wait_status $curl || fail "the download failed: $1"
	cmp got.bin www-a/data.bin || fail "the download differs from the file: $1"
}

flush_learned_mtus() { # NAMESPACE
	ip -n "$1" route flush cache
	ip -n "$1" -6 route flush cache
}

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$a/status"; }

reported_mtu() { # ADDRESS: send a packet of 1500 bytes; print the MTU in the ICMP error
	local payload=1472
	[[ $1 != *:* ]] || payload=1452
	flush_learned_mtus "$ns_pods_a"
	ip netns exec "$ns_pods_a" ping -n -c 3 -i 0.2 -W 10 -M do -s $payload "$1" >ping.out 2>&1 || true
	sed -nE 's/.*[Ff]rag needed and DF set \(mtu = ([0-9]+)\).*/\1/p; s/.*too big: mtu=([0-9]+).*/\1/p' ping.out |
		head -n 1
}

for outer in 4 6; do
	ip -n "$ns_router" link set wb mtu 1500
	flush_learned_mtus "$ns_router"
	flush_learned_mtus "$ns_pods_a"
	peer_extra="fragment: $([ $outer = 4 ] && echo before || echo after)"
	write_path_conf a
	write_path_conf b
	start_live_gateway a
	a=$pid
	start_live_gateway b
	b=$pid
	for address in 10.244.2.2 fd00:2::2; do
		until_true 10 ip netns exec "$ns_pods_a" ping -q -n -c 1 -W 1 "$address" >ping.out
	done
	before=$(resident)
	for mtu in 1380 1280; do
		version=$([ $mtu = 1380 ] && echo 4 || echo 6)
		begin_download "$version"
		ip -n "$ns_router" link set wb mtu $mtu
		finish_download "the path fell to $mtu"
		until_true 5 grep -q "peer other: the path to .* carries $mtu bytes" a.log
		want=$((((mtu - (outer == 4 ? 52 : 72)) & ~3) - 2))
		got=$(reported_mtu 10.244.2.2)
		[ "$got" = $want ] || { cat ping.out; fail "MTU \"$got\" reported, not $want"; }
		for target in "10.244.2.2 1472" "fd00:2::2 1132"; do
			ip netns exec "$ns_pods_a" ping -q -n -c 3 -i 0.1 -W 5 -M dont -s "${target#* }" "${target% *}" >ping.out ||
				{ cat ping.out; fail "ping without DF, $target"; }
		done
	done
	[ "$(grep -c 'the path to' a.log)" -eq 2 ] || fail "not one line per change"
	# No host has to send IPv6 packets of less than 1280 bytes.
	got=$(reported_mtu fd00:2::2)
	[ "$got" = 1280 ] || { cat ping.out; fail "MTU \"$got\" reported over IPv6, not 1280"; }
	ip netns exec "$ns_pods_a" ping -q -n -c 3 -i 0.1 -W 5 -s 1232 fd00:2::2 >ping.out ||
		{ cat ping.out; fail "1280 bytes of IPv6"; }

	begin_download 4
	attack toobig 20000
	if [ $outer = 6 ]; then # with IPv4, the kernel reassembles fragments before af_packet
		attack fragments 20000
		attack overlaps 5000
		attack tiny 2000
	fi
	finish_download "under a flood"
	after=$(resident)
	[ $((after - before)) -lt 8192 ] || fail "resident memory grew from $before to $after KiB"
	kill -HUP "$a"
	until_true 10 grep -q "configuration 2 in force" a.log
	got=$(reported_mtu 10.244.2.2)
	[ "$got" = $want ] || { cat ping.out; fail "MTU \"$got\" reported after a reload, not $want"; }
	stop a "$a"
	stop b "$b"
	[ "$(grep -c 'the path to' a.log)" -eq 2 ] || fail "a forged message was believed"
	# A burst of 32 is examined, then one per second.
	[ "$(counter a drop.path_mtu_forged)" -ge 32 ] || { cat a.txt; fail "too few forged messages were examined"; }
	[ $(($(counter a drop.path_mtu_forged) + $(counter a drop.path_mtu_rate))) -ge 2000 ] ||
		{ cat a.txt; fail "too few forged messages were counted"; }
	[ "$(counter a local.fragment)" -gt 0 ] || { cat a.txt; fail "A fragmented nothing"; }
	if [ $outer = 6 ]; then
		for name in full overlap bad; do
			[ "$(counter a drop.reassembly_$name)" -gt 0 ] || { cat a.txt; fail "A dropped nothing as reassembly_$name"; }
		done
		[ "$(counter b local.reassembled)" -gt 0 ] || { cat b.txt; fail "B reassembled nothing"; }
	fi
	no_other_drops a multicast link_local tx_full too_big path_mtu_forged path_mtu_rate esp_auth esp_unknown_spi esp_short \
		esp_replay_seen esp_replay_old reassembly_full reassembly_overlap reassembly_bad \
		reassembly_timeout reassembly_duplicate bad_ip_length plain_on_encrypted
	echo "outer IPv$outer: 1380, 1280; resident memory: $before KiB before, $after KiB after"
done
