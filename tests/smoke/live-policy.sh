#!/bin/bash
# One client is permitted, another denied, between real programs; with policy.reject the denied one is
# told by ICMP at once, without it he waits. Denied at A, beside him, and denied at B, whose word comes
# back through the tunnel. The network is drawn in live.inc.sh.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=1
make_live
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

denied() { # 4|6 SECONDS: how long it took the stranger to fail, in milliseconds
	local from=10.244.1.3 began=${EPOCHREALTIME/./}
	[ "$1" = 4 ] || from=fd00:1::3
	! ip netns exec "$ns_pods_a" curl -sS -g --interface $from --max-time $2 -o denied.bin "$(url b "$1")" \
		2>curl.err || fail "the stranger got it over IPv$1"
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
}

for where in a b; do
	for reject in true false; do
		for gateway in a b; do
			conf_extra=
			[ $gateway != $where ] || conf_extra="policy: {dirs: [policies], inventory: [inventory], reject: $reject}"
			write_live_conf $gateway
		done
		live_gateway a
		a=$pid
		live_gateway b
		b=$pid
		for version in 4 6; do
			from=10.244.1.2
			[ $version = 4 ] || from=fd00:1::2
			download b $version --interface $from
			# Who is told fails long before the time is over; who is not waits for all of it.
			if $reject; then
				denied $version 60
				! grep -q "timed out" curl.err || { cat curl.err; fail "not told in $took ms"; }
			else
				denied $version 3
				grep -q "timed out" curl.err || { cat curl.err; fail "silent, but over after $took ms"; }
			fi
			echo "denied at $where, reject $reject, IPv$version: $took ms, $(sed 's/.*: //' curl.err)"
		done
		stop a "$a"
		stop b "$b"
		[ "$(counter $where drop.policy_ingress)" -gt 0 ] || fail "$where dropped nothing by policy_ingress"
		told=$(counter $where own.prohibited)
		if $reject; then [ "$told" -gt 0 ]; else [ "$told" -eq 0 ]; fi || fail "$where told $told times"
		expect_line $where.txt "packets denied under shop/server ingress"
	done
done
