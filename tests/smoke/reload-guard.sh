#!/bin/bash
# A reload is refused if its input is empty, cut off, an error of the API server, or much smaller than the
# policy in force: the log names the file and both counts, and the policy in force still denies. A start
# without pods is refused too. policy.max_shrink: 100% allows an intended loss.
. "$(dirname "$0")/lib.sh"

make_keys
mkdir policies inventory
objects() { # pods|policies N: print N pods in namespace shop, or N policies that isolate one pod each
	local n
	for ((n = 1; n <= $2; n++)); do
		if [ "$1" = pods ]; then
			printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: shop, labels: {n: "%d"}}\n' $n $n
			printf 'status:\n  podIP: 10.244.1.%d\n' $((n + 1))
		else
			printf -- '---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny-%d, namespace: shop}\n' $n
			printf 'spec: {podSelector: {matchLabels: {n: "%d"}}, policyTypes: [Egress]}\n' $n
		fi
	done
}
good() {
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n' >inventory/ns.yaml
	objects pods 50 >inventory/pods.yaml
	objects policies 50 >policies/deny.yaml
}
"$root/tests/smoke/flows_pcap.py" load.pcap 10.244.1.2,10.244.2.2,tcp,80
extra=$(printf '%s\n' 'stats: {period: 20ms}' 'policy: {unknown_pods: allow, dirs: [policies], inventory: [inventory]}') # the destination is not in this inventory
write_conf a a "$(pcap 0 load.pcap),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
good
start a
until_true 10 eval '[ "$(counter a drop.policy_egress)" -gt 100 ]'

refusals=0
expect_refused() { # TEXT: a reload is refused, and TEXT is logged
	refusals=$((refusals + 1))
	kill -HUP "$pid"
	until_true 20 eval "[ \$(grep -c 'reload refused' a.log) -ge $refusals ]"
	grep -q " error core: $1" a.log || { cat a.log; fail "not in the log: $1"; }
	[ "$(grep -c 'in force after' a.log)" -eq 1 ] || fail "a refused configuration came into force"
	good
}

: >inventory/pods.yaml
expect_refused "inventory/pods.yaml: is empty, as after a failed dump"
: >policies/deny.yaml
expect_refused "policies/deny.yaml: is empty, as after a failed dump"
truncate -s -2 inventory/pods.yaml
expect_refused "inventory/pods.yaml: is truncated: "
printf '{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "pods is forbidden"}' >inventory/pods.yaml
expect_refused "inventory/pods.yaml:1:1: kind Status is an error from the API server, not an object: pods is forbidden"
printf '{"kind": "List", "apiVersion": "v1", "items": []}\n' >inventory/pods.yaml
expect_refused "a.yaml:[0-9]*:1: policy: 0 pods where 50 are in force; inventory/pods.yaml had 50 and has 0: "
objects pods 24 >inventory/pods.yaml
expect_refused "a.yaml:[0-9]*:1: policy: 24 pods where 50 are in force; inventory/pods.yaml had 50 and has 24: "
objects policies 24 >policies/deny.yaml
expect_refused "a.yaml:[0-9]*:1: policy: 24 policies where 50 are in force; policies/deny.yaml had 50 and has 24: "
rm policies/deny.yaml
expect_refused "a.yaml:[0-9]*:1: policy: 0 policies where 50 are in force; policies/deny.yaml had 50 and has 0: "
[ "$(counter a uplink.tx)" -eq 0 ] || fail "a packet passed"
echo "$refusals reloads refused, and no packet passed"

# Half of them may be lost; with max_shrink: 100%, all of them.
objects policies 25 >policies/deny.yaml
kill -HUP "$pid"
until_true 20 grep -q 'configuration 2 in force' a.log
rm policies/deny.yaml
sed -i 's/dirs:/max_shrink: 100%, dirs:/' a.yaml
kill -HUP "$pid"
until_true 20 grep -q 'configuration 3 in force' a.log
until_true 10 eval '[ "$(counter a uplink.tx)" -gt 0 ]'
stop a "$pid"
echo "an intended loss: allowed"

# At start there is nothing to compare with, but an inventory without pods is always refused.
sed -i 's/max_shrink: 100%, //' a.yaml
printf '{"kind": "List", "apiVersion": "v1", "items": []}\n' >inventory/pods.yaml
for verb in check run; do
	expect_status 1 "$espgate" $verb -c a.yaml >out 2>err
	expect_line err ":1: policy: no pod in the inventory, so no policy would select anything"
done
