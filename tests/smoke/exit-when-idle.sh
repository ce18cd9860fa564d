#!/bin/bash
# --exit-when-idle counts time without packets, not time without CPU: a worker that is stopped for longer than
# that still forwards the whole capture. (strace delays it when it is launched.)
. "$(dirname "$0")/lib.sh"
export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer uses ptrace, as strace does; only one can
need strace

make_keys
write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap")"
# Delay each thread's second write; for a worker that is its answer to the launch.
within=(strace -D -f -o strace.out -e trace=write -e inject=write:delay_exit=1000000:when=2)
start a --exit-when-idle 100ms
within=()
expect_clean_exit a "$pid"
[ "$(grep -c DELAYED strace.out)" -ge 2 ] || fail "no worker was delayed"
expect a uplink.tx=699
echo "delayed by a second, idle after 100 ms: 699 of 699 packets"
