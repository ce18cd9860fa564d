#!/bin/bash
# Daemons live on the gateways' nodes, behind exception ports. Each gateway has an interface of its
# kernel on both sides:
#
#   pods_a            gw_a                              gw_b            pods_b
#              k-pods 10.244.1.1  k-wire 192.0.2.1   k-wire 192.0.2.2  k-pods 10.244.2.1
#   10.244.1.2  <-->  clear [A] wire  <---ESP + what is allowed--->  wire [B] clear  <-->  10.244.2.2
#
# Programs on the nodes are reached by pods of both sides, and reach them; BGP's port passes the wire in
# clear by the allow list, SSH's does not; the wire shows nothing else. A kernel device that is down or
# gone loses its own packets, by name, and traffic goes on.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need_driver tap
[ -c /dev/net/tun ] || skip "no /dev/net/tun"
need curl
# Two workers each: who receives is not who serves the kernel's devices.
on_cpu() {
	local cpu=$(($1 % $(nproc)))
	eal=(--lcores "0@$cpu,1@$cpu,2@$cpu" --main-lcore=0)
}
make_live
# The kernels have addresses now: what af_packet shows espgate they must not take from the wire, too.
for gw in "$ns_gw_a" "$ns_gw_b"; do
	ip netns exec "$gw" sysctl -qw net.ipv4.conf.clear.rp_filter=1 net.ipv4.conf.wire.rp_filter=1 \
		net.ipv6.conf.default.disable_ipv6=0
done
pods_extra='kernel: {device: "net_tap0,iface=k-pods"}'
uplink_extra='kernel: {device: "net_tap1,iface=k-wire", allow: [ike, icmp, bgp]}'
write_live_conf a
uplink_extra='kernel: {device: "net_tap1,iface=k-wire", allow: [ike, icmp, bgp, ssh]}'
write_live_conf b
start_heard

# espgate has set them up: MAC, MTU, addresses, up.
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

serve_at() { # NAMESPACE PORT: the www folder, both families
	ip netns exec "$1" "$python" -m http.server --bind :: --directory www "$2" >"www-$2.log" 2>&1 &
	pids+=($!)
	until_true 10 ip netns exec "$1" "$python" -c \
		"import socket; socket.create_connection(('::1', $2), 1)"
}
get() { # NAMESPACE ADDRESS PORT: whole, or fails
	local host=$2
	[[ $host != *:* ]] || host="[$host]"
	rm -f got.bin
	ip netns exec "$1" curl -sS -g --max-time "${patience:-20}" -o got.bin "http://$host:$3/data.bin" 2>curl.err &&
		cmp -s got.bin www/data.bin
}
mkdir www
head -c 1000000 /dev/urandom >www/data.bin

# A program on A's node, reached from the pods beside it and by the tunnel.
serve_at "$ns_gw_a" 22
for address in 10.244.1.1 fd00:1::1; do
	get "$ns_pods_a" $address 22 || fail "A's node at $address from its pods: $(cat curl.err)"
	get "$ns_pods_b" $address 22 || fail "A's node at $address from far pods: $(cat curl.err)"
	get "$ns_gw_b" $address 22 || fail "A's node at $address from B's: $(cat curl.err)"
done
# The nodes' own programs reach pods, near and far.
serve_at "$ns_pods_b" 80
for address in 10.244.2.2 fd00:2::2; do
	get "$ns_gw_b" $address 80 || fail "pods at $address from B's node: $(cat curl.err)"
	get "$ns_gw_a" $address 80 || fail "pods at $address from A's node: $(cat curl.err)"
done
echo "nodes and pods reach each other, IPv4 and IPv6"

# In clear on the wire: BGP's port both ways, echo; no other.
serve_at "$ns_gw_a" 179
for address in 192.0.2.1 2001:db8::1; do
	get "$ns_gw_b" $address 179 || fail "port 179 at $address: $(cat curl.err)"
	ip netns exec "$ns_gw_b" ping -q -n -c 3 -i 0.1 -W 2 $address >ping.out || fail "ping $address"
	# B lets SSH out, A does not let it in.
	patience=2 get "$ns_gw_b" $address 22 && fail "port 22 at $address was reached over the wire"
done
for address in 192.0.2.2 2001:db8::2; do
	# A lets it not even out, and says so to who asked.
	get "$ns_gw_a" $address 22 && fail "port 22 at $address was reached over the wire"
	! grep -q "timed out" curl.err || fail "A does not say that it is prohibited: $(cat curl.err)"
done
pods_talk

# A reload lets SSH in, and moves an address of the port.
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
echo "reloaded: SSH allowed, an address come and gone"

# Policy stands before the node, and lets the node reach its own pods (a pod of A's, isolated both ways,
# may open port 179 of the node).
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
	expect_line explain-$port.txt "route: the gateway itself: to the kernel by k-pods"
done
expect_line explain-179.txt ALLOWED
expect_line explain-22.txt DENIED
serve a
get "$ns_pods_a" 10.244.1.1 179 || fail "the node's port 179 from its pod: $(cat curl.err)"
patience=1 get "$ns_pods_a" 10.244.1.1 22 && fail "the node's port 22, which policy denies, was reached"
get_from_pod() { ip netns exec "$1" curl -sS -g --max-time "$2" -o got.bin http://10.244.1.2/data.bin 2>curl.err; }
get_from_pod "$ns_gw_a" 20 || fail "the node does not reach its own pod: $(cat curl.err)"
get_from_pod "$ns_gw_b" 1 && fail "another node reached an isolated pod"
get "$ns_pods_b" 10.244.1.1 22 || fail "A's node from far pods under policy: $(cat curl.err)"
echo "policy stands between pods and the node"
sed -i '/^policy:/d' a.yaml
kill -HUP "$a"
until_true 10 grep -q "configuration 5 in force" a.log

# A kernel device that is down, and one that is gone: pods talk on.
ip -n "$ns_gw_a" link set k-pods down
patience=1 get "$ns_pods_a" 10.244.1.1 22 && fail "reached by a device that is down"
ip -n "$ns_gw_a" link del k-wire
patience=1 get "$ns_gw_b" 192.0.2.1 179 && fail "reached by a device that is gone"
until_true 5 grep -q "pods: kernel device: its interface is down" a.log
until_true 5 grep -q "uplink: kernel device: its interface is down" a.log
ip netns exec "$ns_pods_a" ping -q -c 5 -i 0.01 -W 2 10.244.2.2 >ping.out || fail "no way between pods"
ip netns exec "$ns_pods_a" ping -q -c 5 -i 0.01 -W 2 10.244.1.1 >ping.out || fail "A does not answer echo"

stop a "$a"
stop b "$b"
for name in exception_denied kernel_denied exception_full policy_egress policy_ingress; do
	[ "$(counter a drop.$name)" -gt 0 ] || { cat a.txt; fail "A dropped nothing by $name"; }
done
no_other_drops a multicast link_local exception_denied kernel_denied exception_full exception_rate tx_full \
	policy_egress policy_ingress
no_other_drops b multicast link_local exception_rate tx_full
for key in pods/kernel.rx pods/kernel.tx uplink/kernel.rx uplink/kernel.tx; do
	[ "$(counter a $key)" -gt 0 ] || { cat a.txt; fail "no $key"; }
done
grep -qE "in clear, as allowed: bgp in [1-9][0-9]* out [1-9][0-9]*, ssh in [1-9]" a.txt || { cat a.txt; fail "not counted by kind"; }
grep -qE "in clear, as allowed: icmp in [1-6] out 6, bgp in .*, ssh in [1-9][0-9]* out [1-9]" b.txt || { cat b.txt; fail "not counted by kind"; }
# Nothing but ESP, neighbours, echo and what was allowed, either way.
allowed='(tcp port 179 or tcp port 22 or icmp or icmp6) and (net 192.0.2.0/24 or net 2001:db8::/64)'
only_esp from-a.pcap $heard_a "$allowed"
only_esp from-b.pcap $heard_b "$allowed"
