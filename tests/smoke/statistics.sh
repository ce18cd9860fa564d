#!/bin/bash
# stats.period prints a block every period and one at the end: counters never decrease, and rates are over the
# period. --exit-when-idle ends a run soon after the last packet of a capture.
. "$(dirname "$0")/lib.sh"

make_keys
extra='stats: {period: 200ms}'
write_conf a a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
start a
until_true 10 eval '[ "$(grep -c "^---- " a.txt)" -ge 4 ]'
stop a "$pid"

# The final block's rates are over the busy time, those of other blocks over the time since the previous block.
# On a busy machine that is only roughly a period, but the schedule does not drift.
sed -n 's/^---- espgate after \([0-9.]*\) s .*rates over \([0-9.]*\) s.*/\1 \2/p' a.txt | sed '$d' |
	awk '{ off = $1 - last - $2; sum += $2; last = $1
	       if (NR > 1 && (off > 0.11 || off < -0.11)) { print "rates over " $2 " s, at " $1 " s"; bad = 1 } }
	     END { if (last < 0.2 * NR - 0.1) { print NR " blocks in " last " s"; bad = 1 }
	           exit bad }' ||
	fail "periods"
# rx = tx + drops + in flight, and never decreases.
sed -n 's/^  total: rx //p' a.txt |
	awk '$1 + 0 < last + 0 { bad = 1 } { last = $1 } END { exit bad || !last }' || fail "rx decreased"
grep -q '^  cycles per packet: rx [0-9.]* .*parse .* esp_out .* tx .* | sum ' a.txt || fail "no cycles"
grep -Eq '^    SA out 0x00001001 aes256gcm16 +[1-9][0-9]* packets' a.txt || fail "no SA"

# Without a period: only the final block.
extra=
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap")"
start a --exit-when-idle 1s
expect_clean_exit a "$pid"
[ "$(grep -c '^---- ' a.txt)" -eq 1 ] || fail "more than the final block"
after=$(sed -n 's/^---- espgate after \([0-9.]*\) s.*/\1/p' a.txt)
awk -v s="$after" 'BEGIN { exit !(s >= 1.0 && s < 30.0) }' || fail "idle for 1 s, ended after $after s"
expect_line a.log "stopping: no packet for the time of --exit-when-idle"
