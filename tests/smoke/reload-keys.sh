#!/bin/bash
# SIGHUP opens the log file anew, even where the configuration is broken; log and stats apply at a reload;
# a log that cannot be opened refuses it; turning policy off is a warning.
. "$(dirname "$0")/lib.sh"

make_keys
cp -r "$root"/conf/policy/{policies,inventory} .
policy='policy: {dirs: [policies], inventory: [inventory]}'
conf() { # EXTRA: a.yaml with those lines
	extra=$(printf '%s\n' "$@")
	write_conf a a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
}
generation=1
in_force() { # FILE: a reload, which that file tells of
	generation=$((generation + 1))
	kill -HUP "$pid"
	until_true 20 grep -qs "configuration $generation in force" "$1"
}
drops() { # FILE: lines that tell of a drop
	grep -c ' esp: drop=' "$1" || true
}

conf 'log: {target: gw.log, drop_sample: 0/s}' "$policy"
"$espgate" run -c a.yaml -- "${eal_everywhere[@]}" >a.txt 2>a.log &
pid=$!
pids+=($pid)
until_true 20 grep -qs ' workers, ' gw.log
[ "$(stat -c %a gw.log)" = 640 ] || fail "mode of the log"

mv gw.log gw.log.1
cp a.yaml good.yaml
echo 'polcy: {}' >>a.yaml
kill -HUP "$pid"
until_true 20 grep -qs 'reload refused' gw.log
! grep -q 'reload refused' gw.log.1 || fail "the old file is written still"
cp good.yaml a.yaml
in_force gw.log
echo "logrotate: a new file, with a broken configuration, too"

# Rate of samples, level, period, target: all at once.
[ "$(drops gw.log)" -eq 0 ] && [ ! -s a.txt ] || fail "drops are logged, though 0/s"
conf 'log: {target: gw.log, drop_sample: 50/s}' 'stats: {period: 50ms}' "$policy"
in_force gw.log
until_true 10 eval '[ "$(drops gw.log)" -ge 3 ] && [ "$(grep -c "^---- " a.txt)" -ge 3 ]'
conf 'log: {target: new.log, drop_sample: 50/s, modules: {esp: warning}}' "$policy"
generation=$((generation + 1))
kill -HUP "$pid"
until_true 10 grep -qs 'the log goes on in new.log' gw.log
sleep 0.2
blocks=$(grep -c '^---- ' a.txt)
sleep 0.3
[ "$(grep -c '^---- ' a.txt)" -eq "$blocks" ] || fail "blocks go on without a period"
[ "$(drops new.log)" -eq 0 ] || fail "level warning, but drops are logged"
# A level alone, in the file that is open.
conf 'log: {target: new.log, drop_sample: 50/s}' "$policy"
in_force new.log
until_true 10 eval '[ "$(drops new.log)" -ge 3 ]'
conf 'log: {target: new.log, drop_sample: 50/s, level: warning}' "$policy"
in_force new.log # still said: the level holds from then on
lines=$(drops new.log)
sleep 0.3
[ "$(drops new.log)" -eq "$lines" ] || fail "level warning, but drops go on"
conf 'log: {target: new.log, drop_sample: 50/s}' "$policy"
kill -HUP "$pid"
until_true 10 eval '[ "$(drops new.log)" -gt "$lines" ]'
generation=$((generation + 1))
echo "log and stats: applied"

# A log that cannot be: nothing of the rest applies.
conf 'log: {target: no/such/folder.log, drop_sample: 50/s}' "$policy"
kill -HUP "$pid"
until_true 10 grep -q 'reload refused' new.log
grep -q 'error core: a.yaml: log.target: no/such/folder.log: No such file or directory' new.log || fail "no error"
echo "a log that cannot be opened: refused"

# Less protection than before is said aloud.
conf 'log: {target: new.log}' "${policy/dirs/mode: audit, dirs}"
in_force new.log
grep -Eq 'warning core: a.yaml:[0-9]+:1: warning: policy.mode: is audit now' new.log || fail "no warning of audit"
conf 'log: {target: new.log}'
in_force new.log
grep -q 'warning core: a.yaml: warning: policy: is off now' new.log || fail "no warning of off"
conf 'log: {target: new.log}' "$policy"
in_force new.log
[ "$(grep -c ' is off now\| is audit now' new.log)" -eq 2 ] || fail "a warning too many"
echo "policy off, or audited only: warned"

kill "$pid"
status=0
status_of "$pid" || status=$?
[ $status -eq 0 ] || fail "exit status $status"
balanced a

# Keys that may be swapped out are a warning. (AddressSanitizer takes mlock() for itself, and always succeeds.)
if ! grep -q __asan_init "$espgate" && command -v setpriv >/dev/null && command -v prlimit >/dev/null; then
	conf 'log: {target: lock.log}'
	expect_status 0 setpriv --bounding-set=-ipc_lock prlimit --memlock=0 "$espgate" check -c a.yaml >/dev/null 2>&1
	setpriv --bounding-set=-ipc_lock prlimit --memlock=0 "$espgate" run -c a.yaml -- "${eal_everywhere[@]}" >lock.txt 2>lock.err &
	pid=$!
	pids+=($pid)
	until_true 20 grep -qs ' workers, ' lock.log
	expect_line lock.err "warning: keys: their memory cannot be locked, so they may be swapped out"
	kill "$pid"
	status_of "$pid" || fail "exit status $?"
fi
