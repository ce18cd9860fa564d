#!/bin/bash
# The control socket of a running gateway: every view, for people in 80 columns and as JSON, without secrets;
# reloads through the socket under load; hostile clients. No packet is lost, and the socket's file comes and goes
# with the gateway.
. "$(dirname "$0")/lib.sh"

web=10.244.1.2 api=10.244.2.2
sas=65 # in each direction: more than a page
make_keys
cp -r "$root"/conf/policy/inventory .
cp -r "$root"/conf/policy/policies .
"$root/tests/smoke/flows_pcap.py" load.pcap $web,$api,tcp,80 fd00:1::2,fd00:2::2,tcp,80 $web,$api,udp,53
extra=$(printf '%s\n' 'stats: {period: 100ms}' 'control: {socket: gw.sock, mode: 0600}' \
	'policy: {on_error: refuse, dirs: [policies], inventory: [inventory]}')
write_conf a a "$(pcap 0 load.pcap),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
show() { "$espgate" show "$@" --socket gw.sock; }
reload() { "$espgate" reload --socket gw.sock "$@"; }

expect_status 1 show ports 2>err
expect_line err "is a gateway running"
start a
pid_a=$pid
until_true 10 test -S gw.sock
[ "$(stat -c %a gw.sock)" = 600 ] || fail "mode $(stat -c %a gw.sock)"

# A second gateway does not take the socket over.
mkdir -m 700 second
sed 's/^state_dir: .*/state_dir: second/' a.yaml >second.yaml
expect_status 1 "$espgate" run -c second.yaml -- "${eal_everywhere[@]}" --file-prefix=second >out 2>err
expect_line err "another process serves it"

# Every view.
for what in ports workers peers sas routes neighbors connections policies quarantined drops config memory health; do
	show $what >view-$what.txt || fail "show $what"
	[ "$(wc -L <view-$what.txt)" -le 80 ] || { cat view-$what.txt; fail "show $what is wider than 80 columns"; }
	show $what --json >view-$what.json
	"$python" -c 'import json, sys
view = json.load(sys.stdin)
assert view["show"] == sys.argv[1] and isinstance(view["rows"], list) and "next" not in view, view' $what <view-$what.json ||
		fail "show $what --json"
done
expect_line view-peers.txt "other"
expect_line view-sas.txt "0x00001001"
expect_line view-config.txt "a.yaml"
expect_line view-policies.txt "shop/web-egress"
expect_line view-routes.txt "10.244.2.0/24"
"$python" -c 'import json
sas = json.load(open("view-sas.json"))["rows"]
spis = {way: [sa["spi"] for sa in sas if sa["direction"] == way] for way in ("out", "in")}
assert spis == {"out": list(range(0x1001, 0x1042)), "in": list(range(0x2001, 0x2042))}, spis
sent = {way: sum(sa["packets"] for sa in sas if sa["direction"] == way) for way in ("out", "in")}
assert sent["out"] > 0 and sent["in"] == 0, sent
worker = json.load(open("view-workers.json"))["rows"][0]
assert worker["bursts"] > 0 and worker["packets"] >= worker["bursts"] and worker["busy_cycles"] > 0, worker
rules = json.load(open("view-policies.json"))["rows"]
assert sum(row.get("allowed_connections", 0) for row in rules) > 0, rules
assert json.load(open("view-health.json"))["status"] == "ok"' || fail "what the views say"
expect_status 2 show prots 2>err
expect_line err 'did you mean "ports"?'

# Watched twice, until the reader goes.
show ports --watch 100ms | head -n 12 >watched.txt || true
[ "$(grep -c '^PORT' watched.txt)" -ge 2 ] || { cat watched.txt; fail "show --watch"; }
echo "13 views"

# Reload: in force with what changed; refused with every error.
reload >out || fail "reload"
expect_line out "configuration 2 in force"
[ "$(wc -l <out)" -eq 1 ] || { cat out; fail "something changed, but nothing did"; }
sed 's/name: lockdown/name: more/' "$root/conf/policy/policies/30-vault-lockdown.yaml" >policies/40-more.yaml
reload >out
expect_line out "1 policies added: vault/more"
rm policies/40-more.yaml
sed 's/podSelector: {matchLabels: {app: api}}/podSelektor: {}/' "$root/conf/policy/policies/20-shop.yaml" >policies/20-shop.yaml
expect_status 3 reload >out 2>err
[ "$(grep -c 'policies/20-shop.yaml:[0-9]*:[0-9]*: ' err)" -ge 2 ] || { cat err; fail "not every error is reported"; }
expect_line err "the configuration before stays in force"
expect_status 0 show health >out
expect_line out "degraded"
cp "$root"/conf/policy/policies/20-shop.yaml policies
reload --json >out
"$python" -c 'import json, sys
result = json.load(sys.stdin)
assert result["in_force"] and result["changes"]["policies_removed"]["names"] == ["vault/more"], result' <out || fail "reload --json"
grep -q "reload requested by uid $(id -u) " a.log || fail "who asked is not in the log"
# Another key for the same SPIs: new SAs.
"$espgate" keygen $suite keys/new.key
cp a.yaml good.yaml
sed -i 's/spi: 4097, \(.*\)keys\/a-to-b-1.key/spi: 5000, \1keys\/new.key/' a.yaml
reload >out
expect_line out "1 SAs new"
cp good.yaml a.yaml
sed -i 's/gw.sock/other.sock/' a.yaml
reload >out 2>err
expect_line err "control.socket: needs a restart"
[ ! -e other.sock ] || fail "the socket moved"
cp good.yaml a.yaml
echo "reloads: in force, refused, and what changed"

# 200 reloads, and hostile clients at the same time.
until_true 10 eval '[ "$(counter a rx)" -gt 1000 ]'
"$python" "$root/tests/smoke/hostile_clients.py" gw.sock >hostile.out 2>&1 &
hostile=$!
pids+=($hostile)
served=0
for ((n = 0; n < 200; n++)); do
	[ $((n % 2)) = 0 ] || rm policies/40-more.yaml
	[ $((n % 2)) = 1 ] || sed 's/name: lockdown/name: more/' "$root/conf/policy/policies/30-vault-lockdown.yaml" >policies/40-more.yaml
	# A client that waits may give way to one of the 1,000 connections; its reload is done nevertheless.
	! reload >>reloads.out 2>>reloads.err || served=$((served + 1))
done
wait_status $hostile || { cat hostile.out; fail "hostile clients"; }
cat hostile.out
grep -v '^espgate reload: gw.sock: ' reloads.err && fail "a reload was refused"
[ $served -ge 100 ] || fail "$served of 200 reloads were answered"
reload >out
generation=$(sed -n 's/^configuration \([0-9]*\) in force.*/\1/p' out)
[ "$generation" -ge $served ] || fail "generation $generation after $served reloads"
show drops >drops.txt
expect_line drops.txt "no packet was dropped"
stop a "$pid_a"
expect_drops a
[ ! -e gw.sock ] || fail "the socket's file is left behind"
echo "$served of 200 reloads answered under load, no packet lost"

# After a kill, the next start replaces the file.
start a
kill -KILL "$pid"
wait_status "$pid" || true
[ -S gw.sock ] || fail "no file left behind by a killed gateway"
start a
until_true 10 "$espgate" show health --socket gw.sock
stop a "$pid"
[ ! -e gw.sock ] || fail "the socket's file is left behind"
