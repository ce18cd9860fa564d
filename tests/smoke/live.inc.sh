# A live network for smoke scenarios, sourced after lib.sh: two gateways on net_af_packet. Pods and
# gateways find each other only by ARP and ND.
#
#   pods_a            gw_a                          gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <---ESP--->  wire [B] clear  <-->  10.244.2.2
#   fd00:1::2       10.244.1.1    192.0.2.1 | 192.0.2.2     10.244.2.1   fd00:2::2
#                   fd00:1::1                                fd00:2::1
# shellcheck shell=bash disable=SC2034,SC2154
need_driver af_packet
need ethtool tcpdump
wire_mtu=1500
pods_mtu=1400
peer_extra=   # additional keys of the peer
pods_extra=   # of the pods port, such as "kernel: {...}"
uplink_extra= # of the uplink port
conf_extra=   # additional top-level lines
pods_offload= # offloads of the pods' interfaces, for ethtool -K; default: off, frames as on a real wire
af_packet() { echo "net_af_packet$1,iface=$2"; }

pods_side() { # NUMBER PODS_NAMESPACE GATEWAY_NAMESPACE
	local n=$1 pods=$2 gw=$3 other=$((3 - $1))
	ip -n "$gw" link add clear address 02:00:00:00:0$n:01 type veth \
		peer name eth0 netns "$pods" address 02:00:00:00:0$n:02
	# shellcheck disable=SC2086
	ip netns exec "$pods" ethtool -K eth0 ${pods_offload:-tx off gso off tso off} >offload.out
	ip -n "$gw" link set clear up mtu 9000
	ip -n "$pods" link set eth0 up mtu "$pods_mtu"
	ip -n "$pods" addr add 10.244.$n.2/24 dev eth0
	ip -n "$pods" addr add fd00:$n::2/64 dev eth0
	ip -n "$pods" route add 10.244.$other.0/24 via 10.244.$n.1
	ip -n "$pods" route add fd00:$other::/64 via fd00:$n::1
}

make_live_network() {
	local gw
	make_namespaces pods_a gw_a gw_b pods_b
	for gw in "$ns_gw_a" "$ns_gw_b"; do # the kernel stays silent; only the gateway sends
		ip netns exec "$gw" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
		ip netns exec "$gw" sysctl -qw net.ipv4.conf.all.arp_ignore=8
	done
	pods_side 1 "$ns_pods_a" "$ns_gw_a"
	pods_side 2 "$ns_pods_b" "$ns_gw_b"
	ip -n "$ns_gw_a" link add wire address 02:00:00:00:00:0a type veth \
		peer name wire netns "$ns_gw_b" address 02:00:00:00:00:0b
	ip -n "$ns_gw_a" link set wire up mtu 9000
	ip -n "$ns_gw_b" link set wire up mtu 9000
	make_keys
}

write_live_conf() { # a|b: write a.yaml or b.yaml
	local n=1 other=2 out=a-to-b in=b-to-a ends=(- 192.0.2.1 192.0.2.2)
	[ "$1" = a ] || { n=2 other=1 out=b-to-a in=a-to-b; }
	[ "$outer" = 4 ] || ends=(- 2001:db8::1 2001:db8::2)
	cat >"$1.yaml" <<-EOF
		version: 1
		ports:
		  pods: {device: "$(af_packet 0 clear)", role: clear, mtu: $pods_mtu,
		         addresses: [10.244.$n.1/24, "fd00:$n::1/64"]${pods_extra:+, $pods_extra}}
		  uplink: {device: "$(af_packet 1 wire)", role: encrypted, mtu: $wire_mtu,
		           addresses: [192.0.2.$n/24, "2001:db8::$n/64"]${uplink_extra:+, $uplink_extra}}
		$conf_extra
		$([[ $conf_extra == *state_dir:* ]] || fresh_state "$1")
		peers:
		  other:
		    local: "${ends[n]}"
		    remote: "${ends[other]}"
		    subnets: [10.244.$other.0/24, "fd00:$other::/64"]
		    $peer_extra
		    sas:
		      - {dir: out, spi: $((n * 4096 + 1)), suite: $suite, esn: $esn, key_file: keys/$out-1.key}
		      - {dir: in, spi: $((other * 4096 + 1)), suite: $suite, esn: $esn, key_file: keys/$in-1.key, replay_window: 1024}
	EOF
}

start_live_gateway() { # a|b: start it; sets $pid
	local ns=ns_gw_$1 cpu=0
	[ "$1" = a ] || cpu=1
	within=(ip netns exec "${!ns}")
	on_cpu $cpu
	start "$1"
	expect_line "$1.log" " workers, "
	within=()
}

# ping_both_families: one echo from A's pod to B's, over IPv4 and IPv6
ping_both_families() {
	inside "$ns_pods_a" ping -q -n -c 1 -W 1 10.244.2.2 && inside "$ns_pods_a" ping -q -n -c 1 -W 1 fd00:2::2
}

# start_capture NAMESPACE FILE: capture everything that arrives on the wire there; sets $listener to its pid
start_capture() {
	ip netns exec "$1" tcpdump -i wire -Q in --immediate-mode -U -Z root -s 0 -B 65536 -w "$2" 2>"$2.log" &
	listener=$!
	pids+=($listener)
	until_true 5 grep -q listening "$2.log"
}

# start_captured_pair: start both gateways, $a and $b, with captures of the wire: from-a.pcap and from-b.pcap
# (processes $capture_a and $capture_b) are what each gateway sends
start_captured_pair() {
	start_capture "$ns_gw_b" from-a.pcap
	capture_a=$listener
	start_capture "$ns_gw_a" from-b.pcap
	capture_b=$listener
	start_live_gateway a
	a=$pid
	start_live_gateway b
	b=$pid
}

# expect_only_esp FILE TCPDUMP_PID [FILTER]: stop the capture from-a.pcap or from-b.pcap; it contains only
# ESP, ARP, neighbour discovery and packets that match FILTER.
expect_only_esp() {
	local clear ns=ns_gw_${1:5:1}
	stop_capture "${!ns}" wire "$1" "$2"
	clear=$(tcpdump -n -r "$1" 'not ether proto 0x88b5 and not esp and not arp and not (icmp6 and (ip6[40] == 135 or ip6[40] == 136))'"${3:+ and not ($3)}" \
		2>/dev/null | head -n 5)
	[ -z "$clear" ] || fail "in clear on the wire: $clear"
	[ -n "$(tcpdump -n -c 1 -r "$1" esp 2>/dev/null)" ] || fail "no ESP in $1"
}

# --- programs

# serve a|b: start an HTTP server on port 80 in that pod's namespace, with a random file data.bin
serve() {
	local ns=ns_pods_$1
	mkdir -p "www-$1"
	[ -f "www-$1/data.bin" ] || head -c "$((${megabytes:-20} * 1000000))" /dev/urandom >"www-$1/data.bin"
	ip netns exec "${!ns}" "$python" -m http.server --bind :: --directory "www-$1" 80 >"www-$1.log" 2>&1 &
	pids+=($!)
	until_true 10 ip netns exec "${!ns}" "$python" -c \
		"import socket; socket.create_connection(('::1', 80), 1)"
}

# url a|b 4|6: print the URL of that pod's file
url() {
	local n=1
	[ "$1" = a ] || n=2
	[ "$2" = 4 ] && echo "http://10.244.$n.2/data.bin" || echo "http://[fd00:$n::2]/data.bin"
}

# download FROM 4|6 [CURL OPTIONS]: the other pod downloads the file, unchanged
download() {
	local from=$1 to=a version=$2 ns
	[ "$from" = a ] && to=b
	ns=ns_pods_$to
	shift 2
	ip netns exec "${!ns}" curl -sS -g --max-time 60 "$@" -o got.bin "$(url "$from" "$version")" ||
		fail "download from $from over IPv$version"
	cmp got.bin "www-$from/data.bin" || fail "the download from $from over IPv$version differs from the file"
}
