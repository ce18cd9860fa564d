#!/bin/bash
# Two gateways in front of one subnet, of which one is killed under traffic. Its flows move to the other
# within interval * threshold, the other's flows lose nothing, and the flows return when it is back. Pods of B
# always reply through B2: A accepts their addresses from both.
#
#   pods_a           gw_a                 switch            gw_b1               pods_b
#   10.244.1.2 <--> clear [A] wire  <----+      +----->  wire [B1] clear <---+
#   fd00:1::2      10.244.1.1  192.0.2.1 |      |   192.0.2.2    10.244.2.1  |   10.244.2.9
#                                        +------+           gw_b2            +-- fd00:2::9
#                                               +----->  wire [B2] clear <---+
#                                                   192.0.2.3    10.244.2.3
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
interval_ms=400 # long enough even if a gateway has to wait for its CPU
threshold=3
bound_ms=$((interval_ms * threshold))
sas=2

connect() { # NAMESPACE LINK MAC BRIDGE_NAMESPACE PORT: connect a gateway's port to a bridge
	ip -n "$1" link add "$2" address "$3" type veth peer name "$5" netns "$4"
	ip -n "$1" link set "$2" up mtu 9000
	ip -n "$4" link set "$5" master br0 up mtu 9000
}

make_network() {
	local ns n
	make_namespaces pods_a gw_a switch gw_b1 gw_b2 pods_b
	for ns in "$ns_gw_a" "$ns_gw_b1" "$ns_gw_b2" "$ns_switch"; do # the kernels stay silent; only the gateways send
		inside "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
		inside "$ns" sysctl -qw net.ipv4.conf.all.arp_ignore=8
	done
	for ns in "$ns_switch" "$ns_pods_b"; do
		ip -n "$ns" link add br0 type bridge
		ip -n "$ns" link set br0 up
	done
	pods_side 1 "$ns_pods_a" "$ns_gw_a"
	connect "$ns_gw_a" wire 02:00:00:00:00:0a "$ns_switch" port-a
	for n in 1 2; do
		ns=ns_gw_b$n
		connect "${!ns}" wire 02:00:00:00:00:b$n "$ns_switch" port-b$n
		connect "${!ns}" clear 02:00:00:00:02:b$n "$ns_pods_b" port-b$n
		ip netns exec "${!ns}" ethtool -K clear tx off >offload.out
		ip netns exec "$ns_pods_b" ethtool -K port-b$n tx off gso off tso off >offload.out
	done
	ip -n "$ns_pods_b" addr add 10.244.2.9/24 dev br0
	ip -n "$ns_pods_b" addr add fd00:2::9/64 dev br0
	ip -n "$ns_pods_b" route add 10.244.1.0/24 via 10.244.2.3
	ip -n "$ns_pods_b" route add fd00:1::/64 via fd00:2::3
	make_keys
}

ports() { # CLEAR_ADDRESSES WIRE_ADDRESS
	cat <<-END
		version: 1
		ports:
		  pods: {device: "$(af_packet 0 clear)", role: clear, mtu: 1400, addresses: [$1]}
		  uplink: {device: "$(af_packet 1 wire)", role: encrypted, mtu: 1500, addresses: [$2]}
		stats: {period: 200ms}
	END
}

sa_pair() { # OUT IN NUMBER
	local ends=(- a-to-b b-to-a)
	echo "    sas:"
	echo "      - {dir: out, spi: $(($1 * 4096 + $3)), suite: $suite, key_file: keys/${ends[$1]}-$3.key}"
	echo "      - {dir: in, spi: $(($2 * 4096 + $3)), suite: $suite, key_file: keys/${ends[$2]}-$3.key, replay_window: 1024}"
}

peer_b() { # NUMBER REMOTE TARGET PRIORITY WEIGHT
	cat <<-END
		  b$1:
		    {local: 192.0.2.1, remote: $2, subnets: [10.244.2.0/24, "fd00:2::/64"], priority: $4, weight: $5,
		     alive: {target: $3, interval: ${interval_ms}ms, threshold: $threshold},
	END
	sa_pair 1 2 "$1" | sed 's/^    sas:$/     sas: [/; s/- {/{/; s/}$/},/'
	echo "     ]}"
}

write_a() { # PRIORITY_OF_B2
	{
		ports '10.244.1.1/24, "fd00:1::1/64"' 192.0.2.1/24
		fresh_state a
		echo "peers:"
		peer_b 1 192.0.2.2 10.244.2.1 10 1
		peer_b 2 192.0.2.3 "\"fd00:2::3\"" "$1" 1
	} >a.yaml
}

write_b() { # NUMBER ADDRESS_NUMBER: with a state directory that survives the kill
	mkdir -m 700 "state-b$1"
	{
		ports "10.244.2.$2/24, \"fd00:2::$2/64\"" "192.0.2.$((1 + $1))/24"
		echo "state_dir: state-b$1"
		echo "peers:"
		echo "  a:"
		echo "    local: 192.0.2.$((1 + $1))"
		echo "    remote: 192.0.2.1"
		echo "    subnets: [10.244.1.0/24, \"fd00:1::/64\"]"
		sa_pair 2 1 "$1"
	} >"b$1.yaml"
}

start_in_namespace() { # NAME CPU: sets $pid
	local ns=ns_gw_$1
	within=(ip netns exec "${!ns}")
	on_cpu "$2"
	# Two workers for A: the one that sends probes need not be the one that receives the answers.
	[ "$1" != a ] || eal=(--lcores "0@$2,1@$2,2@$2" --main-lcore=0)
	start "$1"
	expect_line "$1.log" " workers, "
	within=()
}

# start_streams FLOWS PERIOD_MS: send flows over both families until stop_streams
start_streams() {
	ip netns exec "$ns_pods_b" "$python" "$root/tests/smoke/udp_stream.py" receive 7000 >streams.txt &
	receiver=$!
	pids+=($receiver)
	until_true 10 grep -q ready streams.txt
	ip netns exec "$ns_pods_a" "$python" "$root/tests/smoke/udp_stream.py" send 10.244.2.9 7000 "$1" "$2" >sender4.out &
	sender4=$!
	pids+=($sender4)
	ip netns exec "$ns_pods_a" "$python" "$root/tests/smoke/udp_stream.py" send fd00:2::9 7000 "$1" "$2" >sender6.out &
	sender6=$!
	pids+=($sender6)
}

received_all() { # the receiver's socket buffer is empty
	inside "$ns_pods_b" awk '$2 ~ /:1B58$/ && $5 !~ /:00000000$/ { left = 1 } END { exit left }' /proc/net/udp6
}

stop_streams() { # FLOWS: the receiver's totals are in streams.txt
	local pid
	for pid in "$sender4" "$sender6" "$receiver"; do
		until_true 10 received_all
		kill "$pid"
		wait_status "$pid" || fail "a stream ended with an error"
	done
	sed -i /ready/d streams.txt
	[ "$(wc -l <streams.txt)" -eq $((2 * $1)) ] || { cat streams.txt; fail "not all flows arrived"; }
}

grew_by() { # NAME KEY FROM MORE: the counter in the last block is more than FROM + MORE
	[ "$(counter "$1" "$2")" -gt $(($3 + $4)) ]
}

expect_forwards() { # NAME [PACKETS]: it forwards so many more packets to its pods
	until_true 20 grew_by "$1" pods.tx "$(counter "$1" pods.tx)" "${2:-50}"
}

peer_is() { # PEER up|DOWN: by A's last block, and it has answered
	grep "^  peer $1 is " a.txt | tail -n 1 | grep -q "is $2.* [1-9][0-9]* answered"
}

kill_gateway() { # PID
	kill -KILL "$1"
	wait_status "$1" 2>/dev/null || true
}

need curl
make_network
serve a
write_a 20
write_b 1 1
write_b 2 3
start_in_namespace b1 1
b1=$pid
start_in_namespace b2 1
b2=$pid
start_in_namespace a 0
a=$pid

echo "--- priority: all flows through B1, then B2, then B1 again"
ip netns exec "$ns_pods_a" ping -q -c 10 -i 0.01 -W 2 10.244.2.9 >ping.out || { cat ping.out; fail "no connectivity"; }
until_true 20 peer_is b1 up
until_true 20 peer_is b2 up
start_streams 8 10
expect_forwards b1
ip netns exec "$ns_pods_b" curl -sS --max-time 60 --limit-rate 4M -o got.bin http://10.244.1.2/data.bin &
download=$!
pids+=($download)
until_true 10 [ -s got.bin ]
tx_b1=$(counter b1 pods.tx)
tx_b2=$(counter b2 pods.tx)
kill_gateway "$b1"
[ -d "/proc/$download" ] || fail "the download ended before B1 was killed"
[ "$tx_b2" -lt "$tx_b1" ] || fail "B2 forwarded $tx_b2 packets while B1 was up and forwarded $tx_b1"
until_true 20 peer_is b1 DOWN
expect_forwards b2 1600 # a hundred per flow
stop_streams 8
awk -v bound=$bound_ms -v period=10 '{ $5 -= period; if ($5 > most) most = $5; lost += $4 }
	END { printf "one of two killed: %d datagrams of 16 flows lost, longest gap %d ms (bound %d ms)\n", lost, most, bound
	      exit !(most > 0 && most < bound + 3000) }' streams.txt || { cat streams.txt; fail "the loss is not bounded"; }
wait_status "$download" || fail "a download did not survive B1"
cmp got.bin www-a/data.bin || fail "the download differs from the file"
echo "a download through B1 continued through B2"
grep -q "took another peer than the first choice" a.txt || { tail -n 40 a.txt; fail "no failover is counted"; }

ip netns exec "$ns_pods_a" ping -q -c 20 -i 0.01 -W 2 fd00:2::9 >ping.out || { cat ping.out; fail "no connectivity through B2"; }
start_in_namespace b1 1
b1=$pid
until_true 30 peer_is b1 up
start_streams 8 10
expect_forwards b1
stop_streams 8

echo "--- weight: half of the flows each; B2 is killed and only its flows move"
write_a 10
kill -HUP "$a"
until_true 10 grep -q "configuration 2 in force" a.log
start_streams 24 20
expect_forwards b1
expect_forwards b2
expect_forwards b1 1000
kill_gateway "$b2"
until_true 20 peer_is b2 DOWN
expect_forwards b1 2400 # fifty per flow
stop_streams 24
awk -v half=$((bound_ms / 2)) -v bound=$bound_ms -v period=20 '
	$4 * period > half { moved++; if ($5 - period > most) most = $5 - period; next }
	{ stayed++; lost += $4 }
	END { printf "%d flows moved, longest gap %d ms (bound %d ms); %d stayed and lost %d datagrams\n",
	             moved, most, bound, stayed, lost
	      exit !(moved >= 8 && stayed >= 8 && most < bound + 3000) }' streams.txt || { cat streams.txt; fail "other flows were affected"; }

stop a "$a"
stop b1 "$b1"
expect_line a.log "peer b1 is down: 10.244.2.1 did not answer for 1.2 s"
expect_line a.log "peer b1 is up: 10.244.2.1 answers"
expect_line a.log "peer b2 is down: fd00:2::3 did not answer for 1.2 s"
[ "$(counter a failover)" -gt 0 ] || { cat a.txt; fail "no failover is counted"; }
[ "$(counter a local.echo_request)" -gt 20 ] || fail "A sent no probes"
[ "$(counter b1 local.echo_reply)" -gt 0 ] || fail "B1 sent no answers"
# not_our_mac: a bridge floods frames to MAC addresses that it has not learned.
no_other_drops a not_our_mac multicast link_local tx_full neighbor_failed neighbor_pending_full
no_other_drops b1 not_our_mac multicast link_local tx_full neighbor_failed neighbor_pending_full esp_replay_old

echo "--- explain: each peer's share, and which peer takes over"
mkdir policies inventory
for pod in "here 10.244.1.2" "there 10.244.2.9"; do # unknown pods would be denied
	echo "--- {apiVersion: v1, kind: Pod, metadata: {name: ${pod% *}, namespace: shop}, status: {podIP: ${pod#* }}}"
done >inventory/all.yaml
echo "--- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}" >>inventory/all.yaml
write_a 20
echo "policy: {dirs: [policies], inventory: [inventory]}" >>a.yaml
"$espgate" explain -c a.yaml 10.244.1.2 10.244.2.9 tcp 80 >explain.txt || { cat explain.txt; fail "explain"; }
expect_line explain.txt "priority 10: peer b1 (192.0.2.2), 100% of the flows"
expect_line explain.txt "priority 20: peer b2 (192.0.2.3), 100% of the flows"
"$espgate" explain --json -c a.yaml 10.244.1.2 10.244.2.9 tcp 80 |
	"$python" -c 'import json, sys; print([(p["peer"], p["priority"], p["share"], p["checked"]) for p in json.load(sys.stdin)["route"]["peers"]])' >explain.txt
expect_line explain.txt "[('b1', 10, 1.0, True), ('b2', 20, 1.0, True)]"
