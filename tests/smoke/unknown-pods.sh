#!/bin/bash
# Addresses in a pod network that the inventory lacks are dropped as unknown_pod in both directions, and logged,
# until a reload brings an inventory with the pod. explain shows them as unknown.
#
#   pods.pcap -> pods [A] uplink -> tunnel
. "$(dirname "$0")/lib.sh"

web=10.244.1.2 fresh=10.244.1.77 api=10.244.2.2
make_keys
cp -r "$root"/conf/policy/inventory .
mkdir policies # no pod is isolated
cat >policies/none.yaml <<-EOP
	apiVersion: networking.k8s.io/v1
	kind: NetworkPolicy
	metadata: {name: nobody, namespace: shop}
	spec: {podSelector: {matchLabels: {no: body}}, policyTypes: [Ingress]}
EOP
"$root/tests/smoke/flows_pcap.py" pods.pcap $web,$api,tcp,80 $fresh,$api,tcp,80 $fresh,$api,udp,53 $web,10.244.2.99,tcp,80
extra='policy: {dirs: [policies], inventory: [inventory], pod_networks: [10.244.0.0/16]}'
write_conf a a "$(pcap 0 pods.pcap)" "$(pcap 1 "$data/empty.pcap")"
run_gateway a
expect a pods.rx=4 uplink.tx=1
expect_drops a unknown_pod=3
expect_line a.log "unknown pod $fresh ($fresh -> $api, port pods): in a pod network, but no pod or node of the inventory has it; denied"
expect_line a.log "unknown pod 10.244.2.99 ($web -> 10.244.2.99, port pods)"
[ "$(grep -c "unknown pod $fresh" a.log)" -eq 1 ] || { cat a.log; fail "an address is logged twice"; }
echo "unknown: denied in both directions, each address logged once"

! "$espgate" explain -c a.yaml $fresh $api tcp 80 >explain.out 2>&1 || fail "explain: allowed"
grep -q "UNKNOWN, in pod network 10.244.0.0/16" explain.out || { cat explain.out; fail "explain does not show it"; }
echo "explain: shows that it is unknown"

sed 's/pod_networks/unknown_pods: allow, pod_networks/' a.yaml >allow.yaml
run_gateway allow
expect allow uplink.tx=4
expect_drops allow
sed 's/policy: {/policy: {mode: audit, /' a.yaml >audit.yaml
run_gateway audit
expect audit uplink.tx=4
expect_drops audit
expect_line audit.log "audit: it would be denied"
echo "unknown_pods: allow forwards it; audit forwards and logs it"

cat >inventory/fresh.yaml <<-EOP
	{apiVersion: v1, kind: Pod, metadata: {name: fresh, namespace: shop}, spec: {containers: [{name: m}]},
	 status: {podIPs: [{ip: $fresh}]}}
EOP
sed 's|,rx_pcap=pods.pcap|&,infinite_rx=1|' a.yaml >live.yaml
mv inventory/fresh.yaml fresh.yaml
start live
until_true 10 eval '[ "$(grep -c "unknown pod" live.log)" -ge 2 ]'
mv fresh.yaml inventory
kill -HUP "$pid"
until_true 10 grep -q "configuration 2 in force" live.log
stop live "$pid"
[ "$(counter live uplink.tx)" -gt 0 ] || fail "nothing was forwarded"
run_gateway a
expect a uplink.tx=3
expect_drops a unknown_pod=1
echo "a reload adds the pod: it passes"
