#!/bin/bash
# Real programs between pods, over IPv4 and IPv6: HTTP downloads in both directions, DNS by UDP and TCP, a
# thousand TCP connections at once, iperf3, and SCTP if the kernel has it. Packets are dropped only by full
# queues, and on the wire there is only ESP, ARP and ND.
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   fd00:1::2                                                           fd00:2::2
#
# EG_LIVE_MEGABYTES: size of each download (default 100).
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl dnsmasq dig iperf3
megabytes=${EG_LIVE_MEGABYTES:-100}
make_live_network
write_live_conf a
write_live_conf b
start_captured_pair

serve a
serve b
for version in 4 6; do
	download a $version
	download b $version
done
echo "downloads of $megabytes MB in both directions, IPv4 and IPv6: complete"

ip netns exec "$ns_pods_b" dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null \
	--pid-file --user=root --listen-address=10.244.2.2,fd00:2::2 --bind-interfaces \
	--host-record=shop.example,198.51.100.7,2001:db8:7::7 --txt-record=long.example,"$(printf 'x%.0s' {1..200})" \
	>dnsmasq.out 2>&1 &
pids+=($!)
resolves() { # SERVER NAME TYPE ANSWER [dig options]
	local server=$1 name=$2 type=$3 want=$4 got
	shift 4
	got=$(ip netns exec "$ns_pods_a" dig +short +tries=3 +time=2 "$@" @"$server" "$name" "$type")
	[ "$got" = "$want" ] || { cat dnsmasq.out; fail "DNS $name $type at $server: $got"; }
}
until_true 5 resolves 10.244.2.2 shop.example A 198.51.100.7
for server in 10.244.2.2 fd00:2::2; do
	for transport in +notcp +tcp; do
		resolves $server shop.example A 198.51.100.7 $transport
		resolves $server shop.example AAAA 2001:db8:7::7 $transport
		resolves $server long.example TXT "\"$(printf 'x%.0s' {1..200})\"" $transport
	done
done
echo "DNS by UDP and TCP, IPv4 and IPv6"

for program in many_connections sctp_echo; do
	ip netns exec "$ns_pods_b" "$python" "$root/tests/smoke/$program.py" serve 4000 >$program.out &
	pids+=($!)
	until_true 5 grep -qE "ready|has no" $program.out
done
for address in 10.244.2.2 fd00:2::2; do
	ip netns exec "$ns_pods_a" "$python" "$root/tests/smoke/many_connections.py" ask $address 4000 1000 ||
		fail "1000 connections to $address"
	ip netns exec "$ns_pods_a" "$python" "$root/tests/smoke/sctp_echo.py" ask $address 4000 ||
		fail "SCTP to $address"
done

ip netns exec "$ns_pods_b" iperf3 -s --forceflush >iperf3-server.out &
pids+=($!)
until_true 5 grep -q "Server listening" iperf3-server.out
for options in "-t 2" "-t 2 -R" "-t 2 -P 4" "-t 2 -u -b 20M -l 1200" "-t 2 -6" "-t 2 -6 -u -b 20M -l 1200"; do
	address=10.244.2.2
	[[ "$options" != *-6* ]] || address=fd00:2::2
	ip netns exec "$ns_pods_a" iperf3 -c $address $options >iperf3.out 2>&1 ||
		{ cat iperf3.out; fail "iperf3 $options"; }
	echo "iperf3 $options: $(grep receiver iperf3.out | tail -n 1)"
done

stop a "$a"
stop b "$b"
no_other_drops a multicast link_local tx_full
no_other_drops b multicast link_local tx_full
expect_only_esp from-a.pcap $capture_a
expect_only_esp from-b.pcap $capture_b
