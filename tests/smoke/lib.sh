# Shared by all smoke scenarios. A scenario sources this first and then runs in an empty folder of its
# own, which is removed when it ends. Exit status: 0 passed, 1 failed, 77 skipped.
#
#   EG_BUILD     the build folder to test (default: build/release)
#   EG_EAL       EAL arguments for every gateway, such as --no-huge
#   EG_PATIENCE  factor for all time limits (default: 4), for a busy machine
#
# When a scenario has passed, its folder is searched: no file may contain key material.
# shellcheck shell=bash disable=SC2034
set -euo pipefail
export LC_ALL=C
# A sanitizer finding must fail the scenario. DPDK itself is not instrumented.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export TSAN_OPTIONS="suppressions=$root/tests/smoke/tsan.supp exitcode=66"
build=$(cd "$root" && realpath "${EG_BUILD:-build/release}")
espgate=$build/app/espgate
data=$root/tests/data
python=/usr/bin/python3
read -ra eal_everywhere <<<"${EG_EAL:-}"
eal=()      # EAL arguments for the gateways of this scenario
pids=()     # processes that finish() kills
networks=() # namespaces that finish() deletes

dir=$(mktemp -d)
cd "$dir"
mkdir keys

fail() {
	echo "FAIL: $*"
	exit 1
}

skip() {
	echo "SKIP: $*"
	exit 77
}

need() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "$program is not installed"
	done
}

# until_true SECONDS COMMAND...: wait until the command succeeds; fail after SECONDS * EG_PATIENCE. The
# limit only ends a scenario that would wait forever: on a busy machine everything takes longer.
until_true() {
	local limit=$(($1 * ${EG_PATIENCE:-4})) end
	shift
	end=$((SECONDS + limit + 1))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "not true within $limit s: $*"
		sleep 0.02
	done
}

# expect_status STATUS COMMAND...
expect_status() {
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" -eq "$want" ] || fail "exit status $got, not $want: $*"
}

expect_line() { # FILE TEXT: some line contains the text
	grep -qF -- "$2" "$1" || { cat "$1"; fail "not in $1: $2"; }
}

# --- configurations: pods 10.244.1.0/24, fd00:1::/64 -- A ==ESP== B -- pods 10.244.2.0/24, fd00:2::/64

suite=aes256gcm16
outer=4       # IP version of the tunnel
esn=false
window=64
sas=1         # SAs in each direction; their SPIs are 0x1001, 0x1002... from A to B, 0x2001... from B to A
encap=false   # udp_encap
pods_mac=02:00:00:00:00:fe
uplink_mac=02:00:00:00:00:0e
extra=        # additional top-level lines
promiscuous=true

# fresh_state NAME: make a state directory and print its top-level line. It is emptied at every start,
# because most scenarios begin each run at sequence number 1 and let B open one capture several times.
# A state_dir in $extra or $conf_extra replaces it and is left alone.
fresh_state() {
	mkdir -p -m 700 "fresh-$1"
	echo "state_dir: fresh-$1"
}

empty_fresh_state() { # NAME: if NAME.yaml uses such a directory
	local state
	state=$(sed -n 's/^state_dir: \(fresh-.*\)/\1/p' "$1.yaml")
	[ -z "$state" ] || { rm -rf "$state" && mkdir -m 700 "$state"; }
}

make_keys() {
	local n
	for ((n = 1; n <= sas; n++)); do
		rm -f "keys/a-to-b-$n.key" "keys/b-to-a-$n.key"
		"$espgate" keygen "$suite" "keys/a-to-b-$n.key"
		"$espgate" keygen "$suite" "keys/b-to-a-$n.key"
	done
}

# write_conf NAME a|b PODS_DEVICE UPLINK_DEVICE: write NAME.yaml
write_conf() {
	local name=$1 side=$2 pods=$3 uplink=$4 me=1 other=2 out=a-to-b in=b-to-a n
	local ends=(- 192.0.2.1 192.0.2.2)
	[ "$outer" = 4 ] || ends=(- 2001:db8::1 2001:db8::2)
	[ "$side" = a ] || { me=2 other=1 out=b-to-a in=a-to-b; }
	{
		cat <<-EOF
			version: 1
			ports:
			  pods: {device: "$pods", role: clear, mtu: 9000, promiscuous: $promiscuous}
			  uplink: {device: "$uplink", role: encrypted, mtu: 9000, promiscuous: $promiscuous}
			neighbors:
			  - {port: uplink, ip: "${ends[other]}", mac: "$uplink_mac"}
			  - {port: pods, ip: 10.244.$me.254, mac: "$pods_mac"}
			  - {port: pods, ip: "fd00:$me::fe", mac: "$pods_mac"}
			routes:
			  - {to: 10.244.$me.0/24, via: 10.244.$me.254}
			  - {to: "fd00:$me::/64", via: "fd00:$me::fe"}
			  - {to: 10.244.$me.1/32, port: pods} # the gateway's address on the pods' side
			  - {to: "fd00:$me::1/128", port: pods}
			$extra
			$([[ $extra == *state_dir:* ]] || fresh_state "$name")
			peers:
			  other:
			    local: "${ends[me]}"
			    remote: "${ends[other]}"
			    subnets: [10.244.$other.0/24, "fd00:$other::/64"]
			    udp_encap: $encap
			    sas:
		EOF
		for ((n = 1; n <= sas; n++)); do
			cat <<-EOF
				      - {dir: out, spi: $((me * 4096 + n)), suite: $suite, esn: $esn, key_file: keys/$out-$n.key}
				      - {dir: in, spi: $((other * 4096 + n)), suite: $suite, esn: $esn, key_file: keys/$in-$n.key, replay_window: $window}
			EOF
		done
	} >"$name.yaml"
}

# pcap N IN [OUT]: print a net_pcap device string
pcap() {
	echo "net_pcap$1,rx_pcap=$2${3:+,tx_pcap=$3}"
}

# --- gateways: configuration NAME.yaml, statistics in NAME.txt, log in NAME.log

# on_cpu N: pin the gateways started next to this CPU, where they yield when idle. Two busy loops on one
# CPU would alternate by whole scheduler time slices.
on_cpu() {
	local cpu=$(($1 % $(nproc)))
	eal=(--lcores "0@$cpu,1@$cpu" --main-lcore=0)
}

# Command prefix for the program: "nsenter --net=..." runs it in a namespace.
within=()

start() { # NAME [run options]: returns when the workers run; sets $pid
	local name=$1
	shift
	rm -f "$name.txt" "$name.log" # of an earlier run
	empty_fresh_state "$name"
	"${within[@]}" "$espgate" run -c "$name.yaml" "$@" -- "${eal_everywhere[@]}" "${eal[@]}" \
		>"$name.txt" 2>"$name.log" &
	pids+=($!)
	pid=$!
	# If it ended early, the caller's wait for its exit status reports that.
	until_true 20 eval "grep -qs ' workers, ' $name.log || ! kill -0 $pid"
}

# wait_status PID: wait until it ends, and return its exit status
wait_status() {
	local pid status=0 others=()
	wait "$1" || status=$?
	for pid in "${pids[@]}"; do
		[ "$pid" = "$1" ] || others+=("$pid")
	done
	pids=("${others[@]}")
	return $status
}

expect_clean_exit() { # NAME PID: wait until it ends; exit status 0, and the counters balance
	local status=0
	wait_status "$2" || status=$?
	[ $status -eq 0 ] || { cat "$1.log" "$1.txt"; fail "$1: exit status $status"; }
	expect_balanced "$1"
}

run_gateway() { # NAME: run until idle
	start "$1" --exit-when-idle 100ms
	expect_clean_exit "$1" "$pid"
}

stop() { # NAME PID [SIGNAL]
	kill -"${3:-TERM}" "$2"
	expect_clean_exit "$1" "$2"
}

# counters NAME: print all counters of the last block of NAME.txt as lines "KEY VALUE":
#   PORT.rx PORT.tx  sa.SPI  drop.NAME  local.KIND  failover  handed_over  rx originated tx consumed drops
counters() {
	awk '
		/^---- / { delete n; part = "" }
		/^  port / { part = $2 }
		/^  drops/ { part = "drops" }
		/^    [rt]x / { n[part "." $1] = $2 }
		/^    SA / { n["sa." $3] = $5 }
		part == "drops" && /^    [a-z0-9_]+ +[0-9]+  / { n["drop." $1] = $2 }
		/^  handed over/ { n["handed_over"] = $5 }
		/^  failover:/ { n["failover"] = $2 }
		/^  local:/ { for (i = 2; $i != "|"; i += 2) n["local." $i] = $(i + 1) }
		/^  total:/ { n["total"] = 1; for (i = 2; i < NF; i++) if ($i ~ /^[a-z]+$/) n[$i] = $(i + 1) }
		END { for (k in n) print k, n[k] }' "$1.txt"
}

counter() { # NAME KEY
	counters "$1" | awk -v key="$2" '$1 == key { value = $2 } END { printf "%.0f\n", value }'
}

# wait_for_blocks NAME: wait for two more periodic statistics blocks; the second one covers only time after
# the call
wait_for_blocks() {
	local blocks
	blocks=$(grep -c '^---- ' "$1.txt" || true)
	until_true 20 eval "[ \"\$(grep -c '^---- ' $1.txt)\" -ge $((blocks + 2)) ]"
}

# stop_pair SENDER PID RECEIVER PID: stop two gateways that share memory (memif). When one end goes, DPDK's
# driver frees the rings while the other may still poll them. So the sender is stopped first, and the
# receiver as soon as the sender has begun to stop.
stop_pair() {
	kill "$2"
	until_true 20 grep -q "stopping: " "$1.log"
	kill "$4"
	expect_clean_exit "$1" "$2"
	expect_clean_exit "$3" "$4"
}

expect_balanced() { # NAME: every packet is accounted for, by the final block's total and by its counters
	[ "$(counter "$1" total)" -eq 1 ] || fail "$1: no final block"
	[ $(($(counter "$1" rx) + $(counter "$1" originated))) -eq \
		$(($(counter "$1" tx) + $(counter "$1" consumed) + $(counter "$1" drops))) ] ||
		{ cat "$1.txt"; fail "$1: rx + originated is not tx + consumed + drops"; }
	[ "$(counter "$1" drops)" -eq "$(counters "$1" | awk '/^drop\./ { n += $2 } END { printf "%.0f\n", n }')" ] ||
		{ cat "$1.txt"; fail "$1: the drop reasons do not add up to all drops"; }
	! tail -n 1 "$1.txt" | grep -q 'in flight' || fail "$1: packets in flight at the end"
}

expect() { # NAME KEY=VALUE...
	local name=$1 pair
	shift
	for pair; do
		[ "$(counter "$name" "${pair%=*}")" -eq "${pair#*=}" ] ||
			{ cat "$name.txt"; fail "$name: expected $pair, got $(counter "$name" "${pair%=*}")"; }
	done
}

expect_drops() { # NAME [DROP=N...]: exactly these drops
	local name=$1
	shift
	diff <(printf '%s\n' "$@" | sed '/^$/d; s/^/drop./; s/=/ /' | sort) \
		<(counters "$name" | grep '^drop\.' | sort) ||
		fail "$name: drops are not as expected (< expected, > counted)"
}

# Packets of each capture that no gateway forwards; see tests/data/README.md.
drops_of_pods_a=(not_ip=2 multicast=9 link_local=3 no_neighbor=2 ttl_expired=2)
drops_of_pods_b=(not_ip=2 multicast=9 link_local=4 no_neighbor=2)

# --- the independent peers

esp_open() { "$python" "$root/tests/peer/esp_open.py" "$@" >esp_open.out || { cat esp_open.out; fail "esp_open $*"; }; }
esp_seal() { "$python" "$root/tests/peer/esp_seal.py" "$@" >esp_seal.out || { cat esp_seal.out; fail "esp_seal $*"; }; }
pcap_equal() { "$python" "$root/tests/peer/pcap_equal.py" "$@" >pcap_equal.out || { cat pcap_equal.out; fail "pcap_equal $*"; }; }
to_a=(--to 10.244.1.0/24 --to fd00:1::/64)
to_b=(--to 10.244.2.0/24 --to fd00:2::/64)

# --- network namespaces

# inside NAMESPACE COMMAND...: not ip netns exec or ip -n, because these remount /sys, which is not allowed in
# a chroot or container.
inside() { nsenter --net="/run/netns/$1" "${@:2}"; }

# make_namespaces NAME...: $ns_NAME is the namespace's full name. Deleting a namespace removes all its
# interfaces.
make_namespaces() {
	local name
	need ip ping
	for name; do
		ip netns add "eg$$-$name" 2>netns.err || skip "no network namespaces here: $(cat netns.err)"
		networks+=("eg$$-$name")
		declare -g "ns_$name=eg$$-$name"
		inside "eg$$-$name" true 2>netns.err ||
			skip "no network namespaces here: $(cat netns.err)"
		inside "eg$$-$name" ip link set lo up
		# No router solicitations or MLD among the scenario's packets.
		inside "eg$$-$name" sysctl -qw net.ipv6.conf.default.autoconf=0 \
			net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.router_solicitations=0
	done
}

# stop_capture NAMESPACE INTERFACE FILE TCPDUMP_PID: stop tcpdump once FILE contains everything sent on that
# wire, that is, once a marker frame with an experimental EtherType sent after it has arrived.
stop_capture() {
	until_true 10 send_marker "$@"
	kill -INT "$4"
	wait_status "$4" || fail "tcpdump: $(cat "$3.log")"
}

send_marker() {
	nsenter --net="/run/netns/$1" "$python" -c 'import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
s.send(b"\xff" * 6 + bytes([2, 0, 0, 0, 0, 0x77]) + b"\x88\xb5" + bytes(46))' "$2" || return 1
	tcpdump -n -c 1 -r "$3" 'ether proto 0x88b5' 2>/dev/null | grep -q .
}

# expect_pods_talk: ping and UDP, IPv4 and IPv6, small and full size, between namespaces pods_a and pods_b.
expect_pods_talk() {
	local pods n size address
	for n in 1 2; do
		pods=ns_pods_a address="10.244.2.2 fd00:2::2"
		[ $n = 1 ] || pods=ns_pods_b address="10.244.1.2 fd00:1::2"
		for address in $address; do
			for size in 0 56 1300; do
				inside "${!pods}" ping -q -c 10 -i 0.01 -W 2 -s $size "$address" >ping.out ||
					{ cat ping.out; fail "ping $address, $size bytes"; }
			done
		done
	done
	nsenter --net="/run/netns/$ns_pods_b" "$python" "$root/tests/smoke/udp_echo.py" serve 7 >udp.out &
	pids+=($!)
	until_true 5 grep -q ready udp.out
	for address in 10.244.2.2 fd00:2::2; do
		inside "$ns_pods_a" "$python" "$root/tests/smoke/udp_echo.py" ask "$address" 7 ||
			fail "UDP to $address"
	done
	kill $!
	wait_status $! || true
	echo "pods talk: ping and UDP, IPv4 and IPv6"
}

no_other_drops() { # NAME DROP...: no drops for any other reason
	local name=$1 others
	shift
	others=$(counters "$name" | sed -n 's/^drop\.//p' | grep -vE "^($(tr ' ' '|' <<<"$*")) " || true)
	[ -z "$others" ] || fail "$name also dropped: $others"
}

# --- devices

# need_driver NAME: skip if this DPDK lacks the driver; distributions leave some out.
need_driver() {
	compgen -G "/usr/lib/*/dpdk/pmds-*/librte_net_$1.so*" >/dev/null ||
		compgen -G "/usr/local/lib*/*/dpdk/pmds-*/librte_net_$1.so*" >/dev/null ||
		skip "this DPDK has no driver net_$1"
}

# --- secrets

# find_keys FOLDER KEY_FILE...: print the files that contain any 8 bytes of a key, as hex or binary
find_keys() {
	local folder=$1 hex chunk
	shift
	for key; do
		hex=$(grep -v '^#' "$key" | tr -d ' \n' | tr A-F a-f)
		for ((at = 0; at + 16 <= ${#hex}; at += 8)); do
			chunk=${hex:at:16}
			grep -rlaiF --exclude-dir=keys -e "$chunk" "$folder" || true
			grep -rlaP --exclude-dir=keys -e "$(sed 's/../\\x&/g' <<<"$chunk")" "$folder" || true
		done
	done
}

no_secrets() {
	local found=
	[ -z "$(ls keys)" ] || found=$(find_keys . keys/* | sort -u)
	[ -z "$found" ] || { echo "FAIL: key material in" $found; return 1; }
}

finish() {
	local status=$? pid network
	set +e
	trap - EXIT
	for pid in "${pids[@]}"; do
		kill -0 "$pid" 2>/dev/null && kill "$pid" && wait "$pid"
	done
	for network in "${networks[@]}"; do
		ip netns del "$network"
	done
	[ $status -ne 0 ] || no_secrets || status=1
	if [ $status -ne 0 ] && [ $status -ne 77 ]; then
		tail -n 20 ./*.log 2>/dev/null
	fi
	cd /
	rm -rf "$dir"
	exit $status
}
trap finish EXIT
