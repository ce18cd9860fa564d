#!/bin/bash
# net_af_packet with static neighbours: ping and UDP between pods in network namespaces pass through two
# gateways, and tcpdump sees nothing but ESP on the wire between them.
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   fd00:1::2                  192.0.2.1 | 192.0.2.2                     fd00:2::2
. "$(dirname "$0")/lib.sh"
need_driver af_packet
need ethtool tcpdump
make_namespaces pods_a gw_a gw_b pods_b

# The gateways' ports have no addresses, so neighbours are static on both sides.
pods_side() { # NUMBER PODS_NAMESPACE GATEWAY_NAMESPACE
	local n=$1 pods=$2 gw=$3 other=$((3 - $1))
	inside "$gw" ip link add clear address 02:00:00:00:0$n:01 type veth \
		peer name eth0 netns "$pods" address 02:00:00:00:0$n:02
	inside "$pods" ethtool -K eth0 tx off >offload.out # complete checksums, as on a real wire
	inside "$gw" ip link set clear up
	inside "$pods" ip link set eth0 up mtu 1400
	inside "$pods" ip addr add 10.244.$n.2/24 dev eth0
	inside "$pods" ip addr add fd00:$n::2/64 dev eth0
	inside "$pods" ip neigh add 10.244.$n.1 lladdr 02:00:00:00:0$n:01 dev eth0
	inside "$pods" ip neigh add fd00:$n::1 lladdr 02:00:00:00:0$n:01 dev eth0
	inside "$pods" ip route add 10.244.$other.0/24 via 10.244.$n.1
	inside "$pods" ip route add fd00:$other::/64 via fd00:$n::1
}
for gw in "$ns_gw_a" "$ns_gw_b"; do # the kernel stays silent; only the gateway sends
	inside "$gw" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
done
pods_side 1 "$ns_pods_a" "$ns_gw_a"
pods_side 2 "$ns_pods_b" "$ns_gw_b"
inside "$ns_gw_a" ip link add wire address 02:00:00:00:00:0a type veth \
	peer name wire netns "$ns_gw_b" address 02:00:00:00:00:0b
inside "$ns_gw_a" ip link set wire up
inside "$ns_gw_b" ip link set wire up

# Capture at the receiving end: a tcpdump at the sending end misses what bypasses the queueing discipline.
start_capture() { # NAMESPACE FILE
	nsenter --net="/run/netns/$1" tcpdump -i wire -Q in --immediate-mode -U -Z root -s 0 -w "$2" 2>"$2.log" &
	pids+=($!)
	until_true 5 grep -q listening "$2.log"
}
start_capture "$ns_gw_b" from-a.pcap
capture_a=$!
start_capture "$ns_gw_a" from-b.pcap
capture_b=$!

make_keys
promiscuous=false
af_packet() { echo "net_af_packet$1,iface=$2"; }
start_in_namespace() { # NAME SIDE NAMESPACE POD_MAC OTHER_GATEWAY_MAC CPU
	pods_mac=$4 uplink_mac=$5
	write_conf "$1" "$2" "$(af_packet 0 clear)" "$(af_packet 1 wire)"
	within=(nsenter --net="/run/netns/$3")
	sed -i 's/mtu: 9000/mtu: 1500/; s/\.254/.2/; s/::fe"/::2"/' "$1.yaml" # the pod instead of a router
	on_cpu "$6"
	start "$1"
}
start_in_namespace a a "$ns_gw_a" 02:00:00:00:01:02 02:00:00:00:00:0b 0
a=$pid
start_in_namespace b b "$ns_gw_b" 02:00:00:00:02:02 02:00:00:00:00:0a 1
b=$pid

expect_pods_talk

stop a "$a"
stop b "$b"
no_other_drops a multicast link_local # the kernels' own packets
no_other_drops b multicast link_local
packets() { tcpdump -n -r "$1" "${@:2}" 2>/dev/null; } # FILE [FILTER]
captured_all() { [ "$(packets "$1" | wc -l)" -eq "$(counter "$2" uplink.tx)" ]; }
expect_esp() { # FILE SENDER TCPDUMP_PID: everything the sender counted is in the file, as ESP by RFC 4303
	until_true 5 captured_all "$1" "$2"
	kill -INT "$3"
	wait_status "$3" || fail "tcpdump: $(cat "$1.log")"
	[ -z "$(packets "$1" not esp)" ] || fail "on the wire: $(packets "$1" not esp)"
	esp_open --expect-only --esp "$1" --conf "$2.yaml"
	echo "on the wire from $2: $(packets "$1" | wc -l) packets, all ESP"
}
expect_esp from-a.pcap a $capture_a
expect_esp from-b.pcap b $capture_b
