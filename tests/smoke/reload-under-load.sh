#!/bin/bash
# Reloads at full rate: a gateway that seals as fast as it can loses no packet and no sequence number
# reservation in many reloads, and its memory does not grow; a SIGHUP that follows another one
# supersedes it; SIGTERM during a reload ends the gateway at once.
#
# EG_RELOADS: how many (default 60).
. "$(dirname "$0")/lib.sh"
# AddressSanitizer keeps freed memory for a while: a little of it, or RSS would show nothing else.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1:thread_local_quarantine_size_kb=64

reloads=${EG_RELOADS:-60}
web=10.244.1.2 api=10.244.2.2
make_keys
cp -r "$root"/conf/policy/inventory "$root"/conf/policy/policies .
"$root/tests/smoke/flows_pcap.py" load.pcap $web,$api,tcp,80 fd00:1::2,fd00:2::2,tcp,80 $web,$api,udp,53
extra=$(printf '%s\n' 'stats: {period: 50ms}' 'policy: {dirs: [policies], inventory: [inventory]}')
write_conf a a "$(pcap 0 load.pcap),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"

in_force=1 # "configuration N in force": once at the start
reload() { # every other one has one policy more, for another pod
	if ((in_force % 2)); then
		sed 's/name: lockdown/name: more/' policies/30-vault-lockdown.yaml >policies/40-more.yaml
	else
		rm -f policies/40-more.yaml
	fi
	in_force=$((in_force + 1))
	kill -HUP "$pid"
	until_true 20 grep -q "configuration $in_force in force" a.log
}
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }

start a
until_true 20 eval '[ "$(counter a uplink.tx)" -gt 10000 ]'
for ((n = 0; n < reloads / 2; n++)); do reload; done
before=$(rss)
for ((; n < reloads; n++)); do reload; done
after=$(rss)
[ "$after" -le $((before + before / 20)) ] || fail "RSS grew from $before to $after KiB in $((reloads / 2)) reloads"
wait_for_blocks a
expect_drops a
echo "$reloads reloads at full rate: $(counter a rx) packets, none dropped; RSS $before, then $after KiB"

# A burst: the last one comes into force, and those that were not yet in force need not.
for n in 1 2 3 4 5 6 7 8; do kill -HUP "$pid"; done
until_true 20 grep -q "configuration $((in_force + 1)) in force" a.log
sent=$(counter a uplink.tx)
until_true 10 eval "[ \"\$(counter a uplink.tx)\" -gt $sent ]"
! grep -q "reload refused" a.log || fail "a superseded reload was refused"

# The end does not wait for a reload.
kill -HUP "$pid"
stop a "$pid"
expect_drops a
echo "superseded by the next SIGHUP, ended by SIGTERM: $(tail -n 1 a.txt)"
sed -n 's/.*control thread: \([0-9]* handlers.*\)/\1/p' a.log
