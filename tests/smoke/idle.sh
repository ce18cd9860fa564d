#!/bin/bash
# --exit-when-idle means that nothing more comes, not that nobody looked: a worker that gets no CPU for
# longer than that still carries the whole capture. (A debugger holds it up when it is launched.)
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer traces the program itself, and only one can
need strace

make_keys
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap")"
# The second word that each thread writes; a worker's is its answer to the launch.
within=(strace -D -f -o strace.out -e trace=write -e inject=write:delay_exit=1000000:when=2)
start a --exit-when-idle 100ms
within=()
finished a "$pid"
[ "$(grep -c DELAYED strace.out)" -ge 2 ] || fail "no worker was held up"
expect a uplink.tx=699
echo "held up for a second, idle after 100 ms: 699 of 699 packets"
