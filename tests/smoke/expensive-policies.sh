#!/bin/bash
# One tenant's policies with thousands of ports that do not merge, thousands of exceptions, and thousands of
# policies on one pod, which once stopped a gateway for everyone. A reload with them is fast, uses little
# memory, quarantines the policy beyond its share, and does not affect the other tenant.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/shop.inc.sh"

make_keys
write_shop mall
hostile() {
	"$python" - <<-EOF
		import json
		def policy(name, **spec):
		    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
		            "metadata": {"name": name, "namespace": "mall"},
		            "spec": dict(podSelector={}, policyTypes=["Egress"], **spec)}
		block = lambda i: {"ipBlock": {"cidr": "11.0.0.0/8", "except": [f"11.{i >> 8}.{i & 255}.1/32"]}}
		items = [policy("ports", egress=[{"ports": [{"port": 2 * i + 1} for i in range(16000)]}]),
		         policy("exceptions", egress=[{"to": [block(i) for i in range(12000)]}]),
		         policy("too-wide", egress=[{"to": [block(i)], "ports": [{"port": i % 9 + 1}]}
		                                    for i in range(13000)])]
		items += [policy(f"empty-{i}") for i in range(5000)]
		json.dump({"apiVersion": "v1", "kind": "List", "items": items}, open("policies/mall.json", "w"))
	EOF
}
peak_kib() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"; }

"$root/tests/smoke/flows_pcap.py" load.pcap 10.244.1.2,10.244.2.2,tcp,10000 10.244.1.3,10.244.2.2,tcp,80
extra=$(printf '%s\n' 'stats: {period: 50ms}' 'policy: {dirs: [policies], inventory: [inventory]}')
write_conf a a "$(pcap 0 load.pcap),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
start a
until_true 10 eval '[ "$(counter a uplink.tx)" -gt 100 ]'
peak=$(peak_kib)

hostile
kill -HUP "$pid"
until_true 30 grep -q "configuration 2 in force.*; 1 objects quarantined" a.log
took=$(sed -n 's/.*configuration 2 in force after \([0-9]*\)\.[0-9]* ms.*/\1/p' a.log)
grep -q "quarantined: NetworkPolicy mall/too-wide: it holds 26000 pairs" a.log ||
	{ cat a.log; fail "the log does not name the policy"; }
grep -q "proved by .* addresses, .* pairs of classes, .* of their ports" a.log ||
	{ cat a.log; fail "the log does not say how much was proved"; }
grown=$(($(peak_kib) - peak))
[ "$grown" -lt 400000 ] || fail "the reload took $grown KiB"
[ "$took" -lt 20000 ] || fail "the reload took $took ms" # a bound for sanitizers; usually much less

# The tenant's pod is isolated; the other tenant's pod still sends.
until_true 20 eval '[ "$(counter a drop.policy_egress)" -gt 100 ]'
sent=$(counter a uplink.tx)
until_true 20 eval '[ "$(counter a uplink.tx)" -gt $((sent + 100)) ]'
if grep -q "packets denied under shop/db" a.txt; then fail "db was denied too"; fi
stop a "$pid"
# A restart with them succeeds: any tenant can create such an object, so it must not stop the gateway.
start a
grep -q "configuration 1 in force.*; 1 objects quarantined" a.log || { cat a.log; fail "the gateway does not start"; }
stop a "$pid"
expect_status 1 "$espgate" check -c a.yaml >check.out 2>&1
expect_line check.out "NetworkPolicy mall/too-wide: it holds 26000 pairs"

echo "hostile policies: reloaded in $took ms with $grown KiB, one quarantined, the other tenant unaffected"
