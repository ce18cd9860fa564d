#!/bin/bash
# NetworkPolicy between real programs: one client is allowed, another denied. With policy.reject the denied
# client gets an ICMP error at once, without it a timeout. Denied at A, next to the client, and at B, whose
# ICMP error comes back through the tunnel.
#
#   client 10.244.1.2    gw_a                          gw_b
#   stranger 10.244.1.3  clear [A] wire  <---ESP--->  wire [B] clear  <-->  server 10.244.2.2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=1
make_live_network
ip -n "$ns_pods_a" addr add 10.244.1.3/24 dev eth0
ip -n "$ns_pods_a" addr add fd00:1::3/64 dev eth0
serve b

pod() { # NAME LABEL ADDRESS...
	cat <<-EOF
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: $1, namespace: shop, labels: {app: $2}}
		spec: {nodeName: n}
		status: {phase: Running, podIP: $3, podIPs: [{ip: $3}, {ip: "$4"}]}
	EOF
}
mkdir inventory policies
{
	echo "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"
	pod client client 10.244.1.2 fd00:1::2
	pod stranger stranger 10.244.1.3 fd00:1::3
	pod server server 10.244.2.2 fd00:2::2
} >inventory/all.yaml
cat >policies/server.yaml <<-EOF
	apiVersion: networking.k8s.io/v1
	kind: NetworkPolicy
	metadata: {name: server, namespace: shop}
	spec:
	  podSelector: {matchLabels: {app: server}}
	  ingress: [{from: [{podSelector: {matchLabels: {app: client}}}], ports: [{port: 80}]}]
EOF

expect_denied() { # 4|6 SECONDS: the stranger's download fails within that time; sets $took, in ms
	local from=10.244.1.3 began=${EPOCHREALTIME/./}
	[ "$1" = 4 ] || from=fd00:1::3
	! ip netns exec "$ns_pods_a" curl -sS -g --interface $from --max-time $2 -o denied.bin "$(url b "$1")" \
		2>curl.err || fail "the stranger was not denied over IPv$1"
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
}

for where in a b; do
	for reject in true false; do
		for gateway in a b; do
			conf_extra=
			[ $gateway != $where ] || conf_extra="policy: {dirs: [policies], inventory: [inventory], reject: $reject}"
			write_live_conf $gateway
		done
		start_live_gateway a
		a=$pid
		start_live_gateway b
		b=$pid
		for version in 4 6; do
			from=10.244.1.2
			[ $version = 4 ] || from=fd00:1::2
			download b $version --interface $from
			# With an ICMP error curl fails long before its timeout; without one, by its timeout.
			if $reject; then
				expect_denied $version 60
				! grep -q "timed out" curl.err || { cat curl.err; fail "no ICMP error in $took ms"; }
			else
				expect_denied $version 3
				grep -q "timed out" curl.err || { cat curl.err; fail "failed after $took ms without reject"; }
			fi
			echo "denied at $where, reject $reject, IPv$version: $took ms, $(sed 's/.*: //' curl.err)"
		done
		stop a "$a"
		stop b "$b"
		[ "$(counter $where drop.policy_ingress)" -gt 0 ] || fail "$where dropped nothing as policy_ingress"
		sent=$(counter $where local.prohibited)
		if $reject; then [ "$sent" -gt 0 ]; else [ "$sent" -eq 0 ]; fi || fail "$where sent $sent ICMP errors"
		expect_line $where.txt "packets denied under shop/server ingress"
	done
done
