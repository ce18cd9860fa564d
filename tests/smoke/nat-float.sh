#!/bin/bash
# udp_encap: {float: true}: B is behind a NAT that changes its mapping, and A follows B's address and port
# (RFC 7296 s2.23). A reload keeps them, and a replayed packet from elsewhere does not move them.
#
#   pods_a -- clear [A] wire --- outside [NAT] inside --- wire [B] clear -- pods_b
#                    192.0.2.1   192.0.2.9, .10   198.51.100.9   198.51.100.2
#                 2001:db8::1    2001:db8::9, ::10   2001:db8:1::9   2001:db8:1::2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"

make_namespaces pods_a gw_a nat gw_b pods_b
for gw in "$ns_gw_a" "$ns_gw_b"; do
	ip netns exec "$gw" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	ip netns exec "$gw" sysctl -qw net.ipv4.conf.all.arp_ignore=8
done
pods_side 1 "$ns_pods_a" "$ns_gw_a"
pods_side 2 "$ns_pods_b" "$ns_gw_b"
wire() { # GATEWAY_NAMESPACE MAC NAT_DEVICE ADDRESS...
	local address
	ip -n "$1" link add wire address "$2" type veth peer name "$3" netns "$ns_nat"
	ip -n "$1" link set wire up mtu 9000
	ip -n "$ns_nat" link set "$3" up
	for address in "${@:4}"; do
		ip -n "$ns_nat" addr add "$address" dev "$3"
	done
}
wire "$ns_gw_a" 02:00:00:00:00:0a outside 192.0.2.9/24 192.0.2.10/24 2001:db8::9/64 2001:db8::10/64
wire "$ns_gw_b" 02:00:00:00:00:0b inside 198.51.100.9/24 2001:db8:1::9/64
make_keys

side() { # a|b NUMBER LOCAL REMOTE UDP_ENCAP
	peer_extra="udp_encap: $5"
	write_live_conf "$1"
	sed -i -e "s|^    local: .*|    local: \"$3\"|" -e "s|^    remote: .*|    remote: \"$4\"|" "$1.yaml"
	echo 'stats: {period: 100ms}' >>"$1.yaml"
}

expect_ping() { # FROM_NAMESPACE ADDRESS: every request is answered
	ip netns exec "$1" ping -q -c 3 -i 0.05 -W 2 "$2" >ping.out || { cat ping.out a.log; fail "ping $2"; }
	grep -q ' 0% packet loss' ping.out || { cat ping.out; fail "ping $2 lost some"; }
}

# expect_moved ADDRESS: once B has sent, A uses the NAT's new mapping, with that address
expect_moved() {
	until_true 20 ip netns exec "$ns_pods_b" ping -q -c 1 -W 1 10.244.1.2
	mapping=$(tail -n 1 nat.out)
	[ "${mapping% *}" = "mapping $1" ] || fail "the NAT's mapping is $mapping"
	port=${mapping##* }
	[ "$outer" = 4 ] && at=$1:$port || at=[$1]:$port
	until_true 10 grep -qF "peer other: endpoint now $at" a.log
	expect_ping "$ns_pods_a" 10.244.2.2
	expect_ping "$ns_pods_a" fd00:2::2
}

rejected() { # packets that A dropped as replayed or forged
	echo $(($(counter a drop.esp_replay_old) + $(counter a drop.esp_replay_seen) + $(counter a drop.esp_auth)))
}

for outer in 4 6; do
	if [ $outer = 4 ]; then
		ends=(192.0.2.1 192.0.2.9 192.0.2.10 198.51.100.9 198.51.100.2)
	else
		ends=(2001:db8::1 2001:db8::9 2001:db8::10 2001:db8:1::9 2001:db8:1::2)
	fi
	side a 1 "${ends[0]}" "${ends[1]}" '{float: true}'
	side b 2 "${ends[4]}" "${ends[3]}" true
	sed -i 's|\[192.0.2.2/24, "2001:db8::2/64"\]|[198.51.100.2/24, "2001:db8:1::2/64"]|' b.yaml
	start_live_gateway a
	a=$pid
	start_live_gateway b
	b=$pid
	nsenter --net="/run/netns/$ns_nat" "$python" "$root/tests/smoke/nat.py" "${ends[3]}" "${ends[1]}" "${ends[2]}" "${ends[0]}" >nat.out &
	nat=$!
	pids+=("$nat")
	until_true 10 grep -q mapping nat.out

	expect_moved "${ends[1]}" # even the first port is not 4500
	kill -USR1 "$nat"
	until_true 10 eval '[ $(wc -l <nat.out) -eq 2 ]'
	expect_moved "${ends[1]}"
	kill -USR2 "$nat"
	until_true 10 eval '[ $(wc -l <nat.out) -eq 3 ]'
	expect_moved "${ends[2]}"

	# A replayed packet from elsewhere, and a reload: the endpoint stays.
	seen=$(rejected)
	kill -HUP "$nat"
	until_true 10 grep -q replayed nat.out
	until_true 10 eval '[ $(rejected) -gt $seen ]'
	expect_ping "$ns_pods_a" 10.244.2.2
	kill -HUP "$a"
	until_true 10 grep -q "configuration 2 in force" a.log
	expect_ping "$ns_pods_a" 10.244.2.2
	[ "$(grep -c 'endpoint now' a.log)" -eq 3 ] || { cat a.log; fail "not three moves"; }
	tail -n 60 a.txt | grep -F "endpoint $at" >/dev/null || { cat a.txt; fail "the statistics do not show $at"; }

	kill "$nat"
	wait_status "$nat" || true
	stop a "$a"
	stop b "$b"
	echo "outer IPv$outer: three mappings followed; a replayed packet and a reload changed nothing"
done
