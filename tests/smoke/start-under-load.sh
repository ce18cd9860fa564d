#!/bin/bash
# A gateway that starts while its pods send: frames of one port never appear on another. (A packet socket
# receives from every interface between its creation and bind().)
#
#   pods_a, sending            gw_a                    gw_b
#   10.244.1.2  ------------>  clear [A] wire  <--->  wire, silent
#
# EG_RUNS: number of starts (default 3).
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer uses ptrace, as strace does; only one can
. "$root/tests/smoke/live.inc.sh"
make_live_network
write_live_conf a
nsenter --net="/run/netns/$ns_pods_a" "$python" - <<-EOF >flood.out &
	import socket
	sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	sock.bind(("eth0", 0))
	frame = bytes.fromhex("020000000101" "020000000102" "0800"
	                      "4500001c0000400040fd20fa0af401020af40202") + bytes(8)
	print("ready", flush=True)
	while True:
	    sock.send(frame)
EOF
flood=$!
pids+=("$flood")
until_true 10 grep -q ready flood.out
# The time until bind() is a third of a millisecond; strace makes it longer.
delay_bind=()
if command -v strace >/dev/null; then
	delay_bind=(strace -D -f -o /dev/null -e trace=bind -e inject=bind:delay_enter=50000)
else
	echo "without strace, this rarely hits the race"
fi
clear=0
for ((run = 0; run < ${EG_RUNS:-3}; run++)); do
	within=(ip netns exec "$ns_gw_a" "${delay_bind[@]}")
	on_cpu 0
	start a
	expect_line a.log " workers, "
	stop a "$pid"
	[ "$(counter a uplink.rx)" -eq 0 ] || { cat a.log a.txt; fail "the wire was silent, but uplink received"; }
	clear=$((clear + $(counter a pods.rx)))
done
[ "$clear" -gt 0 ] || fail "no load"
kill "$flood"
wait_status "$flood" || true
echo "$run starts under load: $clear frames on pods, none on uplink"
