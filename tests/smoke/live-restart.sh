#!/bin/bash
# Gateway B is killed (-9) in the middle of a download and started again: the download goes on, for A
# still knows its neighbours and B learns its own anew. Anti-replay is on: B's numbers go on behind the
# durable marks. Then A the same. The network is drawn in live.inc.sh.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=${EG_LIVE_MEGABYTES:-20}
esn=true
make_live
mkdir state-a state-b
for gateway in a b; do
	conf_extra="state_dir: $dir/state-$gateway"
	write_live_conf $gateway
done
serve a
live_gateway a
a=$pid
live_gateway b
b=$pid

killed_during_download() { # a|b 4|6: sets the new process in $a or $b
	local victim=$1 began=$SECONDS
	ip netns exec "$ns_pods_b" curl -sS -g --limit-rate 4M --max-time 60 -o got.bin "$(url a "$2")" &
	local curl=$!
	pids+=($curl)
	until_true 5 eval '[ "$(stat -c %s got.bin 2>/dev/null || echo 0)" -gt 4000000 ]'
	kill -9 "${!victim}"
	status_of "${!victim}" || true
	sleep 0.5
	live_gateway "$victim"
	declare -g "$victim=$pid"
	status_of $curl || fail "the download did not outlive $victim's end"
	cmp got.bin www-a/data.bin || fail "what came is not what was sent"
	rm got.bin
	echo "killed $victim in the middle over IPv$2: whole after $((SECONDS - began)) s"
}
killed_during_download b 4
killed_during_download a 6

stop a "$a"
stop b "$b"
# What B had not told of since A's or its own start is made up for by TCP.
no_other_drops a multicast link_local tx_full neighbor_failed
no_other_drops b multicast link_local tx_full neighbor_failed
