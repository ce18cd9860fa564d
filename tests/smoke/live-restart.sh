#!/bin/bash
# Gateway B is killed (SIGKILL) during a download and started again, then A. The download continues: the other
# gateway keeps its neighbours, and the restarted one resolves its own again. Anti-replay is on: the restarted
# gateway's sequence numbers continue after its reservation in the journal.
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   fd00:1::2                                                           fd00:2::2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=${EG_LIVE_MEGABYTES:-20}
esn=true
make_live_network
mkdir state-a state-b
for gateway in a b; do
	conf_extra="state_dir: $dir/state-$gateway"
	write_live_conf $gateway
done
serve a
start_live_gateway a
a=$pid
start_live_gateway b
b=$pid

kill_during_download() { # a|b 4|6: kill and restart that gateway; sets $a or $b to the new process
	local victim=$1 began=$SECONDS
	ip netns exec "$ns_pods_b" curl -sS -g --limit-rate 4M --max-time 60 -o got.bin "$(url a "$2")" &
	local curl=$!
	pids+=($curl)
	until_true 5 eval '[ "$(stat -c %s got.bin 2>/dev/null || echo 0)" -gt 4000000 ]'
	kill -9 "${!victim}"
	wait_status "${!victim}" || true
	sleep 0.5 # packets are lost meanwhile
	start_live_gateway "$victim"
	declare -g "$victim=$pid"
	wait_status $curl || fail "the download did not survive the kill of $victim"
	cmp got.bin www-a/data.bin || fail "the download differs from the file"
	rm got.bin
	echo "killed $victim during a download over IPv$2: complete after $((SECONDS - began)) s"
}
kill_during_download b 4
kill_during_download a 6

stop a "$a"
stop b "$b"
# TCP retransmits the packets lost while neighbours were unresolved.
no_other_drops a multicast link_local tx_full neighbor_failed
no_other_drops b multicast link_local tx_full neighbor_failed
