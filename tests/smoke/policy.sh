#!/bin/bash
# The example policies of conf/policy: allowed packets go into the tunnel; denied ones are dropped, counted per
# policy, and logged with the policies that isolate the pod. Audit mode drops nothing.
#
#   pods-a.pcap -> pods [gateway] uplink -> tunnel
. "$(dirname "$0")/lib.sh"

"$espgate" keygen aes256gcm16 keys/a-to-b.key
"$espgate" keygen aes256gcm16 keys/b-to-a.key
cp -r "$root"/conf/policy/{policies,inventory} .
cp "$data/empty.pcap" .
mkdir -m 700 state-policy
sed 's|\.\./demo/keys|keys|' "$root/conf/policy/gateway.yaml" >example.yaml
web=10.244.1.2 batch=10.244.1.3 api=10.244.2.2 ledger=10.244.2.3

# tally NAME TEXT: print the sum of the numbers before TEXT in the last block
tally() {
	awk -v key="$2" '/^---- / { n = 0 } index($0, key) { n += $1 } END { print n + 0 }' "$1.txt"
}

expect_tally() { # NAME N TEXT
	[ "$(tally "$1" "$3")" -eq "$2" ] || { cat "$1.txt"; fail "$1: expected $2 $3"; }
}

# Allowed: HTTP over both families, and DNS by port name. Denied: another port, another pod, another namespace,
# and ICMP, which a rule with ports does not cover.
"$root/tests/smoke/flows_pcap.py" pods-a.pcap $web,$api,tcp,80 fd00:1::2,fd00:2::2,tcp,80 \
	$batch,$api,udp,53 $web,$api,tcp,81 $batch,$api,tcp,80 $web,$ledger,tcp,80 $web,$api,icmp,7
run_gateway example
expect example pods.rx=7 uplink.tx=3
expect_drops example policy_egress=4
expect_tally example 2 "connections allowed by shop/web-egress egress[0] (policies/20-shop.yaml:"
expect_tally example 2 "connections allowed by shop/web-to-api ingress[0]"
expect_tally example 1 "connections allowed by shop/dns egress[0]"
expect_tally example 3 "packets denied under shop/web-egress egress"
expect_tally example 4 "packets denied under shop/default-deny egress"
expect_tally example 1 "packets denied under vault/lockdown ingress"
grep -q "drop=policy_egress port=pods .* src=$web dst=$api proto=6 sport=40000 dport=81 policies=shop/default-deny,shop/web-egress,shop/dns (" example.log ||
	{ cat example.log; fail "the denial does not name its policies"; }
echo "enforce: 3 flows allowed, 4 denied"

# Only the destination denies: a pod that no policy isolates connects to api.
sed 's|namespace: shop, labels: {app: batch}|namespace: other, labels: {app: batch}|' \
	inventory/cluster.yaml >cluster.yaml && mv cluster.yaml inventory
"$root/tests/smoke/flows_pcap.py" pods-a.pcap $batch,$api,tcp,80 $batch,$ledger,tcp,80
run_gateway example
expect_drops example policy_ingress=2
expect_line example.log "policies=shop/default-deny,shop/web-to-api,shop/dns"
echo "ingress: denied by the destination's policies"

sed 's/mode: enforce/mode: audit/' example.yaml >audit.yaml
run_gateway audit
expect audit uplink.tx=2
expect_drops audit
expect_line audit.txt "audit: 0 packets passed that egress, and 2 that ingress policy would drop"
expect_line audit.txt "audit: would have dropped 2 connections as policy_ingress"
grep -q "info policy: audit=policy_ingress port=pods .* src=$batch dst=$api proto=6 sport=40000 dport=80 src_pod=other/batch-0 dst_pod=shop/api-0 policies=shop/default-deny,shop/web-to-api,shop/dns (would be dropped: " audit.log ||
	{ cat audit.log; fail "the log does not show what would be dropped"; }
[ "$(grep -c ' audit=' audit.log)" -eq 2 ] || fail "not one line per connection"

# One line per connection, however many packets it has, and whatever log.drop_sample is.
sed 's|pods-a.pcap|pods-a.pcap,infinite_rx=1|' audit.yaml >flood.yaml
printf '%s\n' 'log: {drop_sample: 0}' 'stats: {period: 100ms}' >>flood.yaml
start flood
until_true 10 eval '[ "$(counter flood uplink.tx)" -gt 1000 ]'
stop flood "$pid"
expect_drops flood
expect_line flood.txt "audit: would have dropped 2 connections as policy_ingress"
[ "$(grep -c ' audit=policy_ingress ' flood.log)" -eq 2 ] || { cat flood.log; fail "not one line per connection"; }
echo "audit: everything passes, 2 would be dropped, each logged once"

sed 's/mode: enforce/mode: "off"/' example.yaml >off.yaml
run_gateway off
expect off uplink.tx=2
expect_drops off
echo "off: everything passes"

# However many packets are denied, the log samples them at its rate; the counters count all.
sed 's|pods-a.pcap|pods-a.pcap,infinite_rx=1|' example.yaml >flood.yaml
echo "log: {drop_sample: 20/s}" >>flood.yaml
echo "stats: {period: 100ms}" >>flood.yaml
start flood
until_true 10 eval '[ "$(grep -c "^---- " flood.txt)" -ge 12 ]'
# Counters survive a reload: every denied packet is still counted under a policy of its namespace.
kill -HUP "$pid"
until_true 10 grep -q "configuration 2 in force" flood.log
blocks=$(grep -c "^---- " flood.txt)
until_true 10 eval '[ "$(grep -c "^---- " flood.txt)" -ge $((blocks + 3)) ]'
stop flood "$pid"
denied=$(counter flood drop.policy_ingress)
shown=$(($(tally flood "shop/default-deny ingress") + $(tally flood "vault/lockdown ingress")))
[ "$shown" -eq "$denied" ] || fail "$denied packets denied, $shown shown after the reload"
echo "reloaded: the counters continue"
lines=$(grep -c 'drop=policy_ingress' flood.log)
seconds=$(sed -n 's/^---- espgate after \([0-9.]*\) s.*/\1/p' flood.txt | tail -n 1)
awk -v n="$lines" -v s="$seconds" 'BEGIN { exit !(n >= 10 && n <= 20 * (s + 0.1) + 1) }' ||
	fail "$lines lines in $seconds s, not 20 per second"
[ "$(counter flood drop.policy_ingress)" -gt 1000 ] || fail "too few packets"
echo "sampled: $lines lines of $(counter flood drop.policy_ingress) drops"
