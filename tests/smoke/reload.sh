#!/bin/bash
# SIGHUP under load: a changed policy comes into force; a broken one changes nothing and every error is logged;
# keys that need a restart are reported or refused; a hundred reloads lose no packet.
. "$(dirname "$0")/lib.sh"

web=10.244.1.2 api=10.244.2.2
make_keys
cp -r "$root"/conf/policy/inventory .
mkdir policies
"$root/tests/smoke/flows_pcap.py" load.pcap $web,$api,tcp,80 fd00:1::2,fd00:2::2,tcp,80 $web,$api,udp,53
extra=$(printf '%s\n' 'stats: {period: 20ms}' 'log: {drop_sample: 5/s}' \
	'policy: {on_error: refuse, dirs: [policies], inventory: [inventory]}')
write_conf a a "$(pcap 0 load.pcap),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
good() { cp "$root"/conf/policy/policies/*.yaml policies; }

reloads=1 # "in force" once at the start
reload() { # TEXT N: until TEXT is in the log N times
	kill -HUP "$pid"
	until_true 20 eval "[ \$(grep -c '$1' a.log) -ge $2 ]"
}
in_force() {
	reloads=$((reloads + 1))
	reload "configuration $reloads in force" 1
}
expect_growth() { # KEY: the counter grows within the next blocks
	local before
	before=$(counter a "$1")
	until_true 10 eval "[ \"\$(counter a $1)\" -gt $before ]"
}

good
start a
expect_growth uplink.tx
expect_drops a

# Broken in two files, in three places: every error is logged with its position, and the old policy stays.
sed 's/podSelector: {matchLabels: {app: api}}/podSelektor: {}/' "$root/conf/policy/policies/20-shop.yaml" >policies/20-shop.yaml
sed 's/egress: .*/egress: [{to: [{}]}]/' "$root/conf/policy/policies/30-vault-lockdown.yaml" >policies/30-vault-lockdown.yaml
reload "reload refused" 1
for place in 20-shop.yaml 30-vault-lockdown.yaml; do
	grep -Eq "error core: .*policies/$place:[0-9]+:[0-9]+: " a.log || { cat a.log; fail "no error with a position in $place"; }
done
[ "$(grep -c 'error core: .*policies/20-shop.yaml:' a.log)" -ge 2 ] || fail "not every error is logged"
expect_growth uplink.tx
expect_drops a
echo "a broken policy: $(grep -c ' error core: .*yaml:' a.log) errors with their positions, and nothing changed"

# A changed policy: web is denied all egress; existing connections are re-evaluated.
good
rm policies/20-shop.yaml
in_force
expect_growth drop.policy_egress
grep -Eq ' [1-9][0-9]* packets denied under shop/default-deny egress' a.txt || fail "no counter of the policy"
wait_for_blocks a # packets from before the reload may be counted late
before=$(counter a uplink.tx)
wait_for_blocks a
[ "$(counter a uplink.tx)" -eq "$before" ] || fail "denied, but still forwarded"
good
in_force
expect_growth uplink.tx
echo "a changed policy: denied, and allowed again"

# The configuration itself: broken; then with changes that need a restart.
cp a.yaml good.yaml
echo "polcy: {}" >>a.yaml
reload "reload refused" 2
grep -q 'error core: .*a.yaml:[0-9]*:1: unknown key "polcy"' a.log || fail "no error in a.yaml"
sed 's/^ports:/&\n  more: {device: net_null7, role: clear}/' good.yaml >a.yaml
reload "reload refused" 3
grep -Eq 'error core: a.yaml:[0-9]+:[0-9]+: ports: needs a restart \(running with pods, uplink\)' a.log ||
	fail "no error for an additional port"
# These keep their running values, and the rest applies.
sed -e 's/mtu: 9000/mtu: 1500/' -e 's/dirs:/max_connections: 4096, dirs:/' good.yaml >a.yaml
in_force
for key in ports.pods.mtu ports.uplink.mtu policy.max_connections; do
	grep -Eq "warning core: a.yaml:[0-9]+:[0-9]+: warning: $key: needs a restart \(running with (9000|1048576)\)" a.log ||
		fail "$key is not reported"
done
cp good.yaml a.yaml
in_force
echo "keys that need a restart: reported, and the rest applies"

# A hundred reloads, every other one with an additional policy about another pod.
until_true 10 eval '[ "$(counter a rx)" -gt 1000 ]'
drops=$(counter a drops)
for ((n = 0; n < 100; n++)); do
	if ((n % 2)); then
		rm policies/40-more.yaml
	else
		sed 's/name: lockdown/name: more/' "$root/conf/policy/policies/30-vault-lockdown.yaml" >policies/40-more.yaml
	fi
	in_force
done
expect_growth uplink.tx
stop a "$pid"
denied=$(counter a drop.policy_egress)
expect_drops a policy_egress="$denied"
echo "100 reloads under load: $(tail -n 1 a.txt)"
[ "$drops" -eq "$denied" ] || fail "$((denied - drops)) packets were dropped in 100 reloads"
