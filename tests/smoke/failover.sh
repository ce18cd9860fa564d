#!/bin/bash
# Two gateways in front of one subnet. One is killed under traffic: what went by it goes by the other
# within interval * threshold, the other's own flows lose nothing, and when it is back its flows are,
# too. Pods of B answer by B2, whichever gateway brought the question: A takes their source from both.
#
#   pods_a           gw_a                 switch            gw_b1               pods_b
#   10.244.1.2 <--> clear [A] wire  <----+      +----->  wire [B1] clear <---+
#   fd00:1::2      10.244.1.1  192.0.2.1 |      |   192.0.2.2    10.244.2.1  |   10.244.2.9
#                                        +------+           gw_b2            +-- fd00:2::9
#                                               +----->  wire [B2] clear <---+
#                                                   192.0.2.3    10.244.2.3
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
interval_ms=400 # long enough for a gateway that has to wait for its CPU
threshold=3
bound_ms=$((interval_ms * threshold))
sas=2

cable() { # NAMESPACE LINK MAC BRIDGE_NAMESPACE PORT: a gateway's port, plugged into a bridge
	ip -n "$1" link add "$2" address "$3" type veth peer name "$5" netns "$4"
	ip -n "$1" link set "$2" up mtu 9000
	ip -n "$4" link set "$5" master br0 up mtu 9000
}

make_network() {
	local ns n
	make_namespaces pods_a gw_a switch gw_b1 gw_b2 pods_b
	for ns in "$ns_gw_a" "$ns_gw_b1" "$ns_gw_b2" "$ns_switch"; do # only the gateways speak there
		inside "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
		inside "$ns" sysctl -qw net.ipv4.conf.all.arp_ignore=8
	done
	for ns in "$ns_switch" "$ns_pods_b"; do
		ip -n "$ns" link add br0 type bridge
		ip -n "$ns" link set br0 up
	done
	pods_side 1 "$ns_pods_a" "$ns_gw_a"
	cable "$ns_gw_a" wire 02:00:00:00:00:0a "$ns_switch" port-a
	for n in 1 2; do
		ns=ns_gw_b$n
		cable "${!ns}" wire 02:00:00:00:00:b$n "$ns_switch" port-b$n
		cable "${!ns}" clear 02:00:00:00:02:b$n "$ns_pods_b" port-b$n
		ip netns exec "${!ns}" ethtool -K clear tx off >offload.out
		ip netns exec "$ns_pods_b" ethtool -K port-b$n tx off gso off tso off >offload.out
	done
	ip -n "$ns_pods_b" addr add 10.244.2.9/24 dev br0
	ip -n "$ns_pods_b" addr add fd00:2::9/64 dev br0
	ip -n "$ns_pods_b" route add 10.244.1.0/24 via 10.244.2.3
	ip -n "$ns_pods_b" route add fd00:1::/64 via fd00:2::3
	make_keys
}

ports() { # MTU CLEAR_ADDRESSES WIRE_ADDRESS
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

write_b() { # NUMBER ADDRESS_NUMBER: its numbers survive a kill
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

gateway_in() { # NAME CPU: start it; sets $pid
	local ns=ns_gw_$1
	within=(ip netns exec "${!ns}")
	on_cpu "$2"
	# Two workers for A: who asks and who hears are not the same.
	[ "$1" != a ] || eal=(--lcores "0@$2,1@$2,2@$2" --main-lcore=0)
	start "$1"
	expect_line "$1.log" " workers, "
	within=()
}

# Flows to both families until streams_end; what came of them stands in streams.txt then.
streams_begin() { # FLOWS PERIOD_MS
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

received_all() { # the receiver's socket holds nothing more
	inside "$ns_pods_b" awk '$2 ~ /:1B58$/ && $5 !~ /:00000000$/ { left = 1 } END { exit left }' /proc/net/udp6
}

streams_end() {
	local pid
	for pid in "$sender4" "$sender6" "$receiver"; do
		until_true 10 received_all
		kill "$pid"
		status_of "$pid" || fail "a stream ended with an error"
	done
	sed -i /ready/d streams.txt
	[ "$(wc -l <streams.txt)" -eq $((2 * $1)) ] || { cat streams.txt; fail "not all flows came"; }
}

grows() { # NAME KEY FROM MORE: its periodic block counts so many more
	[ "$(counter "$1" "$2")" -gt $(($3 + $4)) ]
}

carries() { # NAME [PACKETS]: so many packets from A come out of it for pods from now on
	until_true 20 grows "$1" pods.tx "$(counter "$1" pods.tx)" "${2:-50}"
}

is() { # PEER alive|DEAD: by A's last word, and it has answered
	grep "^  peer $1 is " a.txt | tail -n 1 | grep -q "is $2.* answered [1-9]"
}

kill_gateway() { # PID
	kill -KILL "$1"
	status_of "$1" 2>/dev/null || true
}

need curl
make_network
serve a
write_a 20
write_b 1 1
write_b 2 3
gateway_in b1 1
b1=$pid
gateway_in b2 1
b2=$pid
gateway_in a 0
a=$pid

echo "--- priority: all by B1, then by B2, then by B1 again"
ip netns exec "$ns_pods_a" ping -q -c 10 -i 0.01 -W 2 10.244.2.9 >ping.out || { cat ping.out; fail "no way through"; }
until_true 20 is b1 alive
until_true 20 is b2 alive
streams_begin 8 10
carries b1
ip netns exec "$ns_pods_b" curl -sS --max-time 60 --limit-rate 4M -o got.bin http://10.244.1.2/data.bin &
download=$!
pids+=($download)
until_true 10 [ -s got.bin ]
tx_b1=$(counter b1 pods.tx)
tx_b2=$(counter b2 pods.tx)
kill_gateway "$b1"
[ -d "/proc/$download" ] || fail "the download was over before B1 died"
[ "$tx_b2" -lt "$tx_b1" ] || fail "B2 had carried $tx_b2 packets while B1 lived and carried $tx_b1"
until_true 20 is b1 DEAD
carries b2 1600 # a hundred of each flow
streams_end 8
awk -v bound=$bound_ms -v period=10 '{ $5 -= period; if ($5 > most) most = $5; lost += $4 }
	END { printf "one of two died: %d datagrams of 16 flows lost, none for %d ms at most (bound %d ms)\n", lost, most, bound
	      exit !(most > 0 && most < bound + 3000) }' streams.txt || { cat streams.txt; fail "the loss is not bounded"; }
status_of "$download" || fail "a download did not outlive B1"
cmp got.bin www-a/data.bin || fail "what was downloaded is not what was sent"
echo "a download through B1 went on through B2"
grep -q "by another peer than their first" a.txt || { tail -n 40 a.txt; fail "no failover is counted"; }

ip netns exec "$ns_pods_a" ping -q -c 20 -i 0.01 -W 2 fd00:2::9 >ping.out || { cat ping.out; fail "not by B2"; }
gateway_in b1 1
b1=$pid
until_true 30 is b1 alive
streams_begin 8 10
carries b1
streams_end 8

echo "--- weight: half of the flows each; B2 dies and only its flows move"
write_a 10
kill -HUP "$a"
until_true 10 grep -q "configuration 2 in force" a.log
streams_begin 24 20
carries b1
carries b2
carries b1 1000
kill_gateway "$b2"
until_true 20 is b2 DEAD
carries b1 2400 # fifty of each flow
streams_end 24
awk -v half=$((bound_ms / 2)) -v bound=$bound_ms -v period=20 '
	$4 * period > half { moved++; if ($5 - period > most) most = $5 - period; next }
	{ stayed++; lost += $4 }
	END { printf "%d flows moved, none of theirs for %d ms at most (bound %d ms); %d stayed and lost %d datagrams\n",
	             moved, most, bound, stayed, lost
	      exit !(moved >= 8 && stayed >= 8 && most < bound + 3000) }' streams.txt || { cat streams.txt; fail "not only its flows"; }

stop a "$a"
stop b1 "$b1"
expect_line a.log "peer b1 is dead: 10.244.2.1 did not answer for 1.2 s"
expect_line a.log "peer b1 lives again: 10.244.2.1 answers"
expect_line a.log "peer b2 is dead: fd00:2::3 did not answer for 1.2 s"
[ "$(counter a failover)" -gt 0 ] || { cat a.txt; fail "no failover is counted"; }
[ "$(counter a own.echo_request)" -gt 20 ] || fail "A asked nobody"
[ "$(counter b1 own.echo_reply)" -gt 0 ] || fail "B1 answered nobody"
# A bridge floods what it has not learned: not_our_mac.
no_other_drops a not_our_mac multicast link_local tx_full neighbor_failed neighbor_pending_full
no_other_drops b1 not_our_mac multicast link_local tx_full neighbor_failed neighbor_pending_full esp_replay_old

echo "--- explain: who takes how much, and who then"
mkdir policies inventory
for pod in "here 10.244.1.2" "there 10.244.2.9"; do # an unknown one would be denied
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
