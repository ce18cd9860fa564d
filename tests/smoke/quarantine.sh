#!/bin/bash
# A reload with an invalid object closes its pods, names it in the log and the statistics, and loads everything
# else. `check`, a start, and a reload with on_error: refuse fail on it, with errors before warnings.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/shop.inc.sh"

make_keys
good() {
	write_shop shop
	rm -f policies/bad.yaml
}
bad() {
	cat >policies/bad.yaml <<-EOF
		apiVersion: networking.k8s.io/v1
		kind: NetworkPolicy
		metadata: {name: bad, namespace: shop}
		spec:
		  podSelector: {matchLabels: {app: web}}
		  policyTypes: [Egress]
		  egres: [{}]
	EOF
}
"$root/tests/smoke/flows_pcap.py" load.pcap 10.244.1.2,10.244.2.2,tcp,80 10.244.1.3,10.244.2.2,tcp,80
extra=$(printf '%s\n' 'stats: {period: 20ms}' 'policy: {dirs: [policies], inventory: [inventory]}')
write_conf a a "$(pcap 0 load.pcap),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
good
start a
until_true 10 eval '[ "$(counter a uplink.tx)" -gt 100 ]'
[ "$(counter a drop.policy_egress)" -eq 0 ] || fail "denied before the invalid object"

bad
kill -HUP "$pid"
until_true 20 grep -q "configuration 2 in force.*; 1 objects quarantined" a.log
grep -q "error core: policies/bad.yaml:7:3: quarantined: NetworkPolicy shop/bad: spec: unknown field \"egres\" (did you mean \"egress\"?): it isolates" a.log || { cat a.log; fail "the log does not name the object"; }
until_true 10 eval '[ "$(counter a drop.policy_egress)" -gt 100 ]'
until_true 10 grep -q "NetworkPolicy shop/bad (policies/bad.yaml:1): spec: unknown field" a.txt
sent=$(counter a uplink.tx)
until_true 10 eval '[ "$(counter a uplink.tx)" -gt $((sent + 100)) ]' # db still sends
if grep -q "packets denied under shop/db" a.txt; then fail "db was denied too"; fi

# explain applies the same quarantine as the running gateway.
"$espgate" explain -c a.yaml 10.244.1.2 10.244.2.2 tcp 80 >explain.txt 2>&1 && fail "explain: not denied"
expect_line explain.txt "quarantined: NetworkPolicy shop/bad"
expect_line explain.txt "isolated by shop/bad"

sed -i 's/dirs: /on_error: refuse, dirs: /' a.yaml
kill -HUP "$pid"
until_true 20 grep -q "reload refused" a.log
stop a "$pid"

# A hundred warnings (about undefined namespaces) do not hide the one error, which is printed first.
for ((n = 1; n <= 120; n++)); do
	printf -- '---\n{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: unknown-%d}}\n' $n
done >inventory/more.yaml
if "$espgate" check -c a.yaml >check.txt 2>&1; then fail "check accepts an invalid policy"; fi
grep -q "^policies/bad.yaml:7:3: NetworkPolicy shop/bad: spec: unknown field" check.txt || { cat check.txt; fail "check does not name the error"; }
[ "$(grep -c "^[^ ]*: warning: " check.txt)" -gt 50 ] || fail "the error hides the warnings"
[ "$(grep -n "unknown field" check.txt | cut -d: -f1)" -lt "$(grep -n ": warning: " check.txt | head -1 | cut -d: -f1)" ] ||
	fail "a warning is printed before the error"
sed -i 's/on_error: refuse, //' a.yaml # a start does not quarantine it
expect_status 1 timeout 20 "$espgate" run -c a.yaml >run.txt 2>&1
expect_line run.txt "policies/bad.yaml:7:3: NetworkPolicy shop/bad: spec: unknown field"
echo "one policy quarantined: its pod closed, and no other"
