#!/bin/bash
# Keys stay secret: in no output or log, not readable by other users, and never in a core dump. (lib.sh also
# searches the output of every scenario for keys.)
. "$(dirname "$0")/lib.sh"

make_keys
write_conf a a "$(pcap 0 "$data/pods-a.pcap" out.pcap)" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
key=keys/a-to-b-1.key
hex=$(grep -v '^#' $key)

# The search at the end of every scenario finds planted keys.
for planted in "x${hex}x" "x${hex^^}x" "${hex:8:16}" "$(printf '%b' "$(sed 's/../\\x&/g' <<<"${hex:0:64}")" | tr -d '\0')"; do
	printf 'a log line %s\n' "$planted" >planted.log
	[ -n "$(find_keys . $key)" ] || fail "a planted key is not found: $planted"
done
rm planted.log

# keygen: a new file, mode 0600, with another key each time.
[ "$(stat -c %a $key)" = 600 ] || fail "keygen made mode $(stat -c %a $key)"
[ "$("$espgate" keygen $suite - | tee keys/other)" != "$hex" ]
[ "$(grep -v '^#' keys/other | tr -d '\n' | wc -c)" -eq 72 ] || fail "keygen wrote no key of 36 bytes"

# A key file that others may read is refused, by check and by run.
for mode in 640 604 660; do
	chmod $mode $key
	for verb in "check -c a.yaml" "run -c a.yaml"; do
		expect_status 1 "$espgate" $verb >out 2>err
		expect_line err "$key"
		expect_line err "0$mode"
	done
done
chmod 600 $key

# Errors about a key file do not show its content.
for wrong in "${hex}00" "${hex:0:70}" "${hex:0:71}" "${hex:0:40}xyz${hex:43}" "$hex"$'\n'"$hex"; do
	echo "$wrong" >$key
	for verb in "check -c a.yaml" "run -c a.yaml"; do
		expect_status 1 "$espgate" $verb >>wrong.out 2>>wrong.err
	done
done
cat wrong.err
echo "$hex" >$key

# One key for two SAs is refused, because it would repeat nonces.
cp keys/b-to-a-1.key keys/kept
cp $key keys/b-to-a-1.key
expect_status 1 "$espgate" check -c a.yaml >out 2>err
expect_line err "same key"
cp keys/kept keys/b-to-a-1.key

# --- no core dump

ulimit -c unlimited || skip "core dumps cannot be allowed here, so none can be forbidden"
write_conf idle a "$(pcap 0 "$data/empty.pcap")" "$(pcap 1 "$data/empty.pcap")"
start idle
awk '/^Max core file size/ { exit !($5 == 0 && $6 == 0) }' /proc/$pid/limits || fail "core limit is not 0"

# Also by trial, if cores are written to the working directory here.
leaves_core() {
	local status=0
	kill -ABRT "$1"
	wait_status "$1" || status=$?
	[ $status -eq 134 ] || fail "kill -ABRT: exit status $status"
	compgen -G '*core*' >/dev/null
}
sleep 60 &
allowed=$!
pids+=("$allowed")
until_true 5 grep -qx sleep /proc/$allowed/comm
if leaves_core $allowed 2>/dev/null; then
	rm ./*core*
	! leaves_core $pid 2>/dev/null || fail "a core dump: $(ls ./*core*)"
	echo "abort leaves no core"
else
	echo "cores are not written to the working directory here: only the limit was checked"
fi
