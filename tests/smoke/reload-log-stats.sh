#!/bin/bash
# Reloads of log and stats: SIGHUP reopens the log file, even if the configuration is broken; a reload applies
# changes of log and stats; a log that cannot be opened refuses the reload. Turning policy off logs a warning,
# and so does memory for keys that cannot be locked.
. "$(dirname "$0")/lib.sh"

make_keys
cp -r "$root"/conf/policy/{policies,inventory} .
policy='policy: {dirs: [policies], inventory: [inventory]}'
conf() { # LINE...: write a.yaml with these top-level lines
	extra=$(printf '%s\n' "$@")
	write_conf a a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
}
generation=1
reload() { # LOG: the log shows the next configuration in force
	generation=$((generation + 1))
	kill -HUP "$pid"
	until_true 20 grep -qs "configuration $generation in force" "$1"
}
logged_drops() { # LOG: print how many lines log a drop
	grep -c ' esp: drop=' "$1" || true
}

conf 'log: {target: gw.log, drop_sample: 0/s}' "$policy"
"$espgate" run -c a.yaml -- "${eal_everywhere[@]}" >a.txt 2>a.log &
pid=$!
pids+=($pid)
until_true 20 grep -qs ' workers, ' gw.log
[ "$(stat -c %a gw.log)" = 640 ] || fail "the log's mode is not 640"

mv gw.log gw.log.1
cp a.yaml good.yaml
echo 'polcy: {}' >>a.yaml
kill -HUP "$pid"
until_true 20 grep -qs 'reload refused' gw.log
! grep -q 'reload refused' gw.log.1 || fail "still writing to the old file"
cp good.yaml a.yaml
reload gw.log
echo "logrotate: a new file, even with a broken configuration"

# Sampling rate, period, target and level.
[ "$(logged_drops gw.log)" -eq 0 ] && [ ! -s a.txt ] || fail "drops are logged at 0/s"
conf 'log: {target: gw.log, drop_sample: 50/s}' 'stats: {period: 50ms}' "$policy"
reload gw.log
until_true 10 eval '[ "$(logged_drops gw.log)" -ge 3 ] && [ "$(grep -c "^---- " a.txt)" -ge 3 ]'
conf 'log: {target: new.log, drop_sample: 50/s, modules: {esp: warning}}' "$policy"
generation=$((generation + 1))
kill -HUP "$pid"
until_true 10 grep -qs 'the log goes on in new.log' gw.log
blocks=$(grep -c '^---- ' a.txt)
sleep 0.3 # several of the old periods
[ "$(grep -c '^---- ' a.txt)" -eq "$blocks" ] || fail "statistics blocks without a period"
[ "$(logged_drops new.log)" -eq 0 ] || fail "level warning, but drops are logged"
# The level alone, in the same file.
conf 'log: {target: new.log, drop_sample: 50/s}' "$policy"
reload new.log
until_true 10 eval '[ "$(logged_drops new.log)" -ge 3 ]'
conf 'log: {target: new.log, drop_sample: 50/s, level: warning}' "$policy"
reload new.log # logged, because the level applies only after this line
lines=$(logged_drops new.log)
sleep 0.3 # time for 15 samples
[ "$(logged_drops new.log)" -eq "$lines" ] || fail "level warning, but drops are still logged"
conf 'log: {target: new.log, drop_sample: 50/s}' "$policy"
kill -HUP "$pid"
until_true 10 eval '[ "$(logged_drops new.log)" -gt "$lines" ]'
generation=$((generation + 1))
echo "log and stats: applied"

# A log that cannot be opened: nothing of the new configuration applies.
conf 'log: {target: no/such/folder.log, drop_sample: 50/s}' "$policy"
kill -HUP "$pid"
until_true 10 grep -q 'reload refused' new.log
grep -q 'error core: a.yaml: log.target: no/such/folder.log: No such file or directory' new.log || fail "no error"
echo "a log that cannot be opened: refused"

# Less protection than before is a warning.
conf 'log: {target: new.log}' "${policy/dirs/mode: audit, dirs}"
reload new.log
grep -Eq 'warning core: a.yaml:[0-9]+:1: warning: policy.mode: is audit now' new.log || fail "no warning about audit"
conf 'log: {target: new.log}'
reload new.log
grep -q 'warning core: a.yaml: warning: policy: is off now' new.log || fail "no warning about off"
conf 'log: {target: new.log}' "$policy"
reload new.log
[ "$(grep -c ' is off now\| is audit now' new.log)" -eq 2 ] || fail "an additional warning"
echo "policy off, or audited only: warnings"

kill "$pid"
status=0
wait_status "$pid" || status=$?
[ $status -eq 0 ] || fail "exit status $status"
expect_balanced a

# Keys that may be swapped out are a warning. (AddressSanitizer replaces mlock() with one that always succeeds.)
if ! grep -q __asan_init "$espgate" && command -v setpriv >/dev/null && command -v prlimit >/dev/null; then
	conf 'log: {target: lock.log}'
	expect_status 0 setpriv --bounding-set=-ipc_lock prlimit --memlock=0 "$espgate" check -c a.yaml >/dev/null 2>&1
	setpriv --bounding-set=-ipc_lock prlimit --memlock=0 "$espgate" run -c a.yaml -- "${eal_everywhere[@]}" >lock.txt 2>lock.err &
	pid=$!
	pids+=($pid)
	until_true 20 grep -qs ' workers, ' lock.log
	expect_line lock.err "warning: keys: their memory cannot be locked, so they may be swapped out"
	kill "$pid"
	wait_status "$pid" || fail "exit status $?"
fi
