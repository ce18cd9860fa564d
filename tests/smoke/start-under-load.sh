#!/bin/bash
# A gateway that starts while its pods talk: nothing of what comes by one port is taken for another's.
# (A packet socket hears every interface from its making until it is bound.) The network is drawn in
# live.inc.sh; on the wire nobody says a word.
#
# EG_RUNS: how often (default 3).
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer traces the program itself, and only one can
. "$root/tests/smoke/live.inc.sh"
make_live
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
# The time between is a third of a millisecond; a debugger makes it longer.
longer=()
if command -v strace >/dev/null; then
	longer=(strace -D -f -o /dev/null -e trace=bind -e inject=bind:delay_enter=50000)
else
	echo "without strace: hardly a test"
fi
clear=0
for ((run = 0; run < ${EG_RUNS:-3}; run++)); do
	within=(ip netns exec "$ns_gw_a" "${longer[@]}")
	on_cpu 0
	start a
	expect_line a.log " workers, "
	stop a "$pid"
	[ "$(counter a uplink.rx)" -eq 0 ] || { cat a.log a.txt; fail "the wire was silent, but uplink received"; }
	clear=$((clear + $(counter a pods.rx)))
done
[ "$clear" -gt 0 ] || fail "no load"
kill "$flood"
status_of "$flood" || true
echo "$run starts under load: $clear frames by pods, none by uplink"
