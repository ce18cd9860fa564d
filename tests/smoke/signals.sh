#!/bin/bash
# SIGINT and SIGTERM end a run cleanly, under full load and idle: received packets are sent or counted as drops,
# the exit status is 0 and the final block balances. SIGUSR1 prints a statistics block, SIGPIPE does nothing.
. "$(dirname "$0")/lib.sh"

make_keys
extra='stats: {period: 50ms}'
write_conf busy a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" "$(pcap 1 "$data/empty.pcap")"
extra=
write_conf idle a "$(pcap 0 "$data/empty.pcap")" "$(pcap 1 "$data/empty.pcap")"
last=$(($(nproc) - 1))

for signal in INT TERM; do
	start busy
	until_true 10 eval '[ "$(counter busy rx)" -gt 10000 ]'
	stop busy "$pid" $signal
	expect_line busy.log "stopping: "
	echo "SIG$signal under load: $(tail -n 1 busy.txt)"

	start idle
	stop idle "$pid" $signal
	expect idle rx=0 tx=0 drops=0
	echo "SIG$signal while idle: clean"
done

# SIGUSR1 prints one block each time; the reader of standard output may go away.
start idle
[ ! -s idle.txt ] || fail "a block without SIGUSR1"
for n in 1 2; do
	kill -USR1 "$pid"
	until_true 10 eval "[ \$(grep -c '^---- ' idle.txt) -eq $n ]"
done
kill -PIPE "$pid"
mkfifo reader
cat reader >/dev/null &
reader=$!
sed 's/fresh-idle/fresh-piped/' idle.yaml >piped.yaml # each needs its own state directory
mkdir -m 700 fresh-piped
"$espgate" run -c piped.yaml -- "${eal_everywhere[@]}" >reader 2>piped.log &
piped=$!
pids+=($piped)
until_true 20 grep -q ' workers, ' piped.log
kill $reader
wait $reader || true
kill -USR1 $piped
kill -HUP $piped
until_true 10 grep -q 'configuration 2 in force' piped.log
kill -0 $piped || fail "ended when the reader of its output went away"
kill $piped
status=0
wait_status $piped || status=$?
[ $status -eq 0 ] || { cat piped.log; fail "exit status $status without a reader"; }
stop idle "$pid"
[ "$(grep -c '^---- ' idle.txt)" -eq 3 ] || fail "not two blocks and the final one"
echo "SIGUSR1: a block; SIGPIPE: nothing"

# With rings between workers: they are drained too.
sas=4 eal=(--lcores "0@0,1@0,2@$last,3@0,4@$last")
make_keys
extra='stats: {period: 50ms}'
write_conf busy a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
start busy
until_true 10 eval '[ "$(counter busy rx)" -gt 10000 ]'
stop busy "$pid"
expect_line busy.log ": 4 workers, "
echo "SIGTERM under load, four workers: $(tail -n 1 busy.txt)"
