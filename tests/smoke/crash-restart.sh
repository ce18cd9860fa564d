#!/bin/bash
# A gateway that is killed at random moments under load, many times, never uses a sequence number or an IV
# twice. The receiver is not restarted, so its anti-replay window stays; it accepts every packet.
#
#   pods-a.pcap, endless -> [A, killed] --- veth, tcpdump ---> [B] -> nowhere
#
# EG_RUNS: number of kills (default 20). EG_SEED: seed of the random moments.
. "$(dirname "$0")/lib.sh"
need_driver af_packet
need tcpdump
runs=${EG_RUNS:-20}
seed=${EG_SEED:-$$}
RANDOM=$seed
echo "EG_SEED=$seed"
make_namespaces gw_a gw_b
for gw in "$ns_gw_a" "$ns_gw_b"; do
	ip netns exec "$gw" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
done
ip -n "$ns_gw_a" link add wire address 02:00:00:00:00:0a type veth \
	peer name wire netns "$ns_gw_b" address 02:00:00:00:00:0b
ip -n "$ns_gw_a" link set wire up mtu 9000
ip -n "$ns_gw_b" link set wire up mtu 9000

mkfifo frames
: >seen
"$python" "$root/tests/smoke/esp_watch.py" seen <frames >watch.out &
watch=$!
ip netns exec "$ns_gw_b" tcpdump -i wire -Q in -B 65536 -U -Z root -s 50 -w - esp >frames 2>tcpdump.log &
tcpdump=$!
pids+=("$watch" "$tcpdump")
until_true 10 grep -q listening tcpdump.log

mkdir -m 700 state
uplink_mac=02:00:00:00:00:0b
for esn in false true; do
	extra='state_dir: state'
	write_conf "a-$esn" a "$(pcap 0 "$data/pods-a.pcap"),infinite_rx=1" "net_af_packet1,iface=wire"
	extra='stats: {period: 100ms}' window=4096
	write_conf "b-$esn" b "net_null0,no-rx=1" "net_af_packet1,iface=wire"
done
sed -i '/uplink/s/mtu: 9000/mtu: 1500/' ./*.yaml
sed -i 's/spi: 4097/spi: 4099/' a-true.yaml b-true.yaml # other SPIs, because one watcher sees both

seen() { awk 'NR == 1 { n = $1 } END { print n + 0 }' seen; }
more_seen() { [ "$(seen)" -gt "$1" ] || ! kill -0 "$pid"; }

run_and_kill() { # NAME: kill it at a random moment: during start, near its first packets, or later
	local before
	before=$(seen)
	"${within[@]}" "$espgate" run -c "$1.yaml" -- "${eal_everywhere[@]}" "${eal[@]}" >"$1.txt" 2>"$1.log" &
	pid=$!
	case $((RANDOM % 5)) in
	0) sleep 0.$(printf %03d $((RANDOM % 600))) ;;
	4) until_true 30 more_seen "$before"; sleep 0.$(printf %03d $((RANDOM % 900))) ;;
	*) until_true 30 more_seen "$before"; sleep 0.$(printf %03d $((RANDOM % 100))) ;;
	esac
	kill -0 $pid 2>/dev/null || { cat "$1.log"; fail "$1: ended by itself"; }
	kill -KILL $pid
	wait $pid 2>/dev/null || true
	[ "$(seen)" = "$before" ] || sent=$((sent + 1))
}

for esn in false true; do
	make_keys
	within=(ip netns exec "$ns_gw_b")
	on_cpu 1
	start "b-$esn"
	b=$pid
	within=(ip netns exec "$ns_gw_a")
	on_cpu 0
	sent=0
	for ((run = 0; run < runs / 2; run++)); do
		run_and_kill "a-$esn"
	done
	stop "b-$esn" "$b"
	# No packet was too old, seen before or otherwise invalid.
	no_other_drops "b-$esn" ttl_expired
	[ "$(counter "b-$esn" uplink.rx)" -gt 0 ] || fail "b-$esn: nothing received"
	echo "esn=$esn: $((runs / 2)) kills, $sent of them after packets were seen;" \
		"B received $(counter "b-$esn" uplink.rx), refused none"
done
kill -INT $tcpdump
wait_status $tcpdump || true
wait_status $watch || { cat watch.out; fail "a sequence number or IV was used twice"; }
cat watch.out
grep -E 'dropped by kernel' tcpdump.log
