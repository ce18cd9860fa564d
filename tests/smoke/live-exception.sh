#!/bin/bash
# Exception ports: daemons run on the gateways' nodes, behind kernel interfaces on both sides of each gateway.
#
#   pods_a            gw_a                              gw_b            pods_b
#              k-pods 10.244.1.1  k-wire 192.0.2.1   k-wire 192.0.2.2  k-pods 10.244.2.1
#   10.244.1.2  <-->  clear [A] wire  <---ESP + what is allowed--->  wire [B] clear  <-->  10.244.2.2
#
# Programs on the nodes and pods on both sides reach each other. The allow list lets BGP's port pass the wire
# in clear, but not SSH's; nothing else is on the wire. If a kernel device is down or deleted, its packets are
# dropped under a named reason, and other traffic continues.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need_driver tap
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
need curl
# Two workers each: the one that receives need not be the one that serves the kernel devices.
on_cpu() {
	local cpu=$(($1 % $(nproc)))
	eal=(--lcores "0@$cpu,1@$cpu,2@$cpu" --main-lcore=0)
}
make_live_network
# The kernels have addresses here: they must not also accept the frames that af_packet delivers to espgate.
for gw in "$ns_gw_a" "$ns_gw_b"; do
	ip netns exec "$gw" sysctl -qw net.ipv4.conf.clear.rp_filter=1 net.ipv4.conf.wire.rp_filter=1 \
		net.ipv6.conf.default.disable_ipv6=0
done
pods_extra='kernel: {device: "net_tap0,iface=k-pods"}'
uplink_extra='kernel: {device: "net_tap1,iface=k-wire", allow: [ike, icmp, bgp]}'
write_live_conf a
uplink_extra='kernel: {device: "net_tap1,iface=k-wire", allow: [ike, icmp, bgp, ssh]}'
write_live_conf b
start_captured_pair

# espgate has configured the interfaces: MAC, MTU, addresses, up.
addresses_of() { ip netns exec "$1" ip -o addr show dev "$2"; }
addresses_of "$ns_gw_a" k-wire >k-wire.txt
ip netns exec "$ns_gw_a" ip -o link show dev k-wire >>k-wire.txt
for word in 192.0.2.1/24 2001:db8::1/64 "mtu $wire_mtu" 02:00:00:00:00:0a ",UP"; do
	expect_line k-wire.txt "$word"
done
for n in 1 2; do
	gw=ns_gw_a other=2
	[ $n = 1 ] || { gw=ns_gw_b other=1; }
	ip -n "${!gw}" route add 10.244.$other.0/24 dev k-pods src 10.244.$n.1
	ip -n "${!gw}" route add fd00:$other::/64 dev k-pods src fd00:$n::1
done

serve_at() { # NAMESPACE PORT: serve the www folder over both families
	ip netns exec "$1" "$python" -m http.server --bind :: --directory www "$2" >"www-$2.log" 2>&1 &
	pids+=($!)
	until_true 10 ip netns exec "$1" "$python" -c \
		"import socket; socket.create_connection(('::1', $2), 1)"
}
get() { # NAMESPACE ADDRESS PORT: download the whole file, or fail
	local host=$2
	[[ $host != *:* ]] || host="[$host]"
	rm -f got.bin
	ip netns exec "$1" curl -sS -g --max-time "${patience:-20}" -o got.bin "http://$host:$3/data.bin" 2>curl.err &&
		cmp -s got.bin www/data.bin
}
mkdir www
head -c 1000000 /dev/urandom >www/data.bin

# A program on A's node is reached from local pods and through the tunnel.
serve_at "$ns_gw_a" 22
for address in 10.244.1.1 fd00:1::1; do
	get "$ns_pods_a" $address 22 || fail "A's node at $address from its pods: $(cat curl.err)"
	get "$ns_pods_b" $address 22 || fail "A's node at $address from remote pods: $(cat curl.err)"
	get "$ns_gw_b" $address 22 || fail "A's node at $address from B's node: $(cat curl.err)"
done
# Programs on the nodes reach local and remote pods.
serve_at "$ns_pods_b" 80
for address in 10.244.2.2 fd00:2::2; do
	get "$ns_gw_b" $address 80 || fail "pods at $address from B's node: $(cat curl.err)"
	get "$ns_gw_a" $address 80 || fail "pods at $address from A's node: $(cat curl.err)"
done
echo "nodes and pods reach each other, IPv4 and IPv6"

# In clear on the wire: BGP's port and echo in both directions, nothing else.
serve_at "$ns_gw_a" 179
for address in 192.0.2.1 2001:db8::1; do
	get "$ns_gw_b" $address 179 || fail "port 179 at $address: $(cat curl.err)"
	ip netns exec "$ns_gw_b" ping -q -n -c 3 -i 0.1 -W 2 $address >ping.out || fail "ping $address"
	# B allows SSH out, A does not allow it in.
	patience=2 get "$ns_gw_b" $address 22 && fail "port 22 at $address was reached over the wire"
done
for address in 192.0.2.2 2001:db8::2; do
	# A does not allow it out, and sends an ICMP error.
	get "$ns_gw_a" $address 22 && fail "port 22 at $address was reached over the wire"
	! grep -q "timed out" curl.err || fail "no ICMP error from A: $(cat curl.err)"
done
expect_pods_talk

# A reload allows SSH in, and adds and removes an address of the port.
sed -i 's/bgp\]/bgp, ssh]/; s|"fd00:1::1/64"\]|"fd00:1::1/64", 10.250.1.1/24]|' a.yaml
kill -HUP "$a"
until_true 10 grep -q "configuration 2 in force" a.log
until_true 10 eval 'addresses_of "$ns_gw_a" k-pods | grep -q 10.250.1.1/24'
for address in 192.0.2.1 2001:db8::1; do
	get "$ns_gw_b" $address 22 || fail "port 22 at $address after the reload: $(cat curl.err)"
done
sed -i 's|, 10.250.1.1/24\]|]|' a.yaml
kill -HUP "$a"
until_true 10 grep -q "configuration 3 in force" a.log
until_true 10 eval '! addresses_of "$ns_gw_a" k-pods | grep -q 10.250.1.1'
get "$ns_pods_b" 10.244.1.1 22 || fail "A's node after reloads: $(cat curl.err)"
echo "reloaded: SSH allowed, an address added and removed"

# Policy applies to traffic to the node, and lets the node reach its own pods. (A's pod, isolated in both
# directions, may open port 179 of the node.)
mkdir inventory policies
cat >inventory/all.yaml <<-EOF
	{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
	---
	{apiVersion: v1, kind: Node, metadata: {name: a}, status: {addresses: [{type: InternalIP, address: 10.244.1.1}]}}
	---
	{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: shop}, spec: {nodeName: a},
	 status: {phase: Running, podIP: 10.244.1.2, podIPs: [{ip: 10.244.1.2}]}}
	---
	{apiVersion: v1, kind: Node, metadata: {name: b}, status: {addresses: [{type: InternalIP, address: 10.244.2.1}]}}
	---
	{apiVersion: v1, kind: Namespace, metadata: {name: far}}
	---
	{apiVersion: v1, kind: Pod, metadata: {name: q, namespace: far}, spec: {nodeName: b},
	 status: {phase: Running, podIP: 10.244.2.2, podIPs: [{ip: 10.244.2.2}]}}
EOF
cat >policies/p.yaml <<-EOF
	apiVersion: networking.k8s.io/v1
	kind: NetworkPolicy
	metadata: {name: p, namespace: shop}
	spec:
	  podSelector: {}
	  policyTypes: [Ingress, Egress]
	  egress: [{to: [{ipBlock: {cidr: 10.244.1.1/32}}], ports: [{port: 179}]}]
EOF
echo "policy: {dirs: [policies], inventory: [inventory]}" >>a.yaml
kill -HUP "$a"
until_true 10 grep -q "configuration 4 in force" a.log
megabytes=1
for port in 179 22; do
	"$espgate" explain -c a.yaml 10.244.1.2 10.244.1.1 tcp $port >explain-$port.txt 2>&1 || true
	expect_line explain-$port.txt "route: the gateway itself: to the kernel through k-pods"
done
expect_line explain-179.txt ALLOWED
expect_line explain-22.txt DENIED
serve a
get "$ns_pods_a" 10.244.1.1 179 || fail "the node's port 179 from its pod: $(cat curl.err)"
patience=1 get "$ns_pods_a" 10.244.1.1 22 && fail "the node's port 22, which policy denies, was reached"
get_from_pod() { ip netns exec "$1" curl -sS -g --max-time "$2" -o got.bin http://10.244.1.2/data.bin 2>curl.err; }
get_from_pod "$ns_gw_a" 20 || fail "the node does not reach its own pod: $(cat curl.err)"
get_from_pod "$ns_gw_b" 1 && fail "another node reached an isolated pod"
get "$ns_pods_b" 10.244.1.1 22 || fail "A's node from remote pods under policy: $(cat curl.err)"
echo "policy applies between pods and the node"
sed -i '/^policy:/d' a.yaml
kill -HUP "$a"
until_true 10 grep -q "configuration 5 in force" a.log

# One kernel device is down, one is deleted: pods still reach each other.
ip -n "$ns_gw_a" link set k-pods down
patience=1 get "$ns_pods_a" 10.244.1.1 22 && fail "reached through a device that is down"
ip -n "$ns_gw_a" link del k-wire
patience=1 get "$ns_gw_b" 192.0.2.1 179 && fail "reached through a deleted device"
until_true 5 grep -q "pods: kernel device: its interface is down" a.log
until_true 5 grep -q "uplink: kernel device: its interface is down" a.log
ip netns exec "$ns_pods_a" ping -q -c 5 -i 0.01 -W 2 10.244.2.2 >ping.out || fail "no connectivity between pods"
ip netns exec "$ns_pods_a" ping -q -c 5 -i 0.01 -W 2 10.244.1.1 >ping.out || fail "A does not answer echo"

stop a "$a"
stop b "$b"
for name in exception_denied kernel_denied exception_full policy_egress policy_ingress; do
	[ "$(counter a drop.$name)" -gt 0 ] || { cat a.txt; fail "A dropped nothing as $name"; }
done
no_other_drops a multicast link_local exception_denied kernel_denied exception_full exception_rate tx_full \
	policy_egress policy_ingress
no_other_drops b multicast link_local exception_rate tx_full
for key in pods/kernel.rx pods/kernel.tx uplink/kernel.rx uplink/kernel.tx; do
	[ "$(counter a $key)" -gt 0 ] || { cat a.txt; fail "no $key"; }
done
grep -qE "allowed in clear: bgp in [1-9][0-9]* out [1-9][0-9]*, ssh in [1-9]" a.txt || { cat a.txt; fail "not counted by kind"; }
grep -qE "allowed in clear: icmp in [1-6] out 6, bgp in .*, ssh in [1-9][0-9]* out [1-9]" b.txt || { cat b.txt; fail "not counted by kind"; }
# Only ESP, ARP, ND, echo and what was allowed, in either direction.
allowed='(tcp port 179 or tcp port 22 or icmp or icmp6) and (net 192.0.2.0/24 or net 2001:db8::/64)'
expect_only_esp from-a.pcap $capture_a "$allowed"
expect_only_esp from-b.pcap $capture_b "$allowed"
