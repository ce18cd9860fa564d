#!/bin/bash
# Jumbo frames in both directions through two gateways. They are connected by shared memory, from which they
# receive into buffers of 2 KiB, so a packet arrives in up to five segments.
#
#   pods_a            gw_a                              gw_b             pods_b
#   10.244.1.2  <-->  clear [A] == memif, ESP == [B] clear  <-->  10.244.2.2      MTU 9000
#   fd00:1::2                                                     fd00:2::2
#
# Then captures: packets that fit no single buffer are dropped as multi_segment.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need_driver memif
need curl
pods_mtu=9000
make_live_network
for n in 1 2; do
	gw=ns_gw_a side=a role=server
	[ $n = 1 ] || { gw=ns_gw_b; side=b; role=client; }
	inside "${!gw}" ip link set clear mtu 1500 # the gateway raises it
	write_live_conf $side
	# The wire's MTU is 9000 plus ESP overhead.
	sed -i "/uplink: {device/s#\"net_af_packet.*#\"net_memif0,role=$role,id=0,socket-abstract=no,socket=$dir/memif,mac=02:00:00:00:00:0$n,bsize=10240\", role: encrypted, mtu: 9100, rx_buffer: 2048,#
		/^    mtu: \|^           mtu: /d" $side.yaml
done

start_live_gateway a
a=$pid
until_true 10 test -S memif
start_live_gateway b
b=$pid
serve a
serve b

sizes=(100 1900 1950 2000 2100 4200 8000)
for direction in "$ns_pods_a 10.244.2.2 20" "$ns_pods_b 10.244.1.2 20" "$ns_pods_a fd00:2::2 40" "$ns_pods_b fd00:1::2 40"; do
	read -r ns address header <<<"$direction"
	until_true 10 inside "$ns" ping -q -n -c 1 -W 1 "$address"
	# Sizes around the ends of buffers, and the longest: one, two, five segments.
	for size in "${sizes[@]}" $((9000 - header - 8)); do
		inside "$ns" ping -q -n -c 3 -i 0.01 -W 5 -M do -s "$size" "$address" >ping.out ||
			{ cat ping.out; fail "ping $address, $size bytes"; }
	done
done
for version in 4 6; do
	download a $version
	download b $version
done
kill "$a" "$b" # both at once, see stop_pair
expect_clean_exit a "$a"
expect_clean_exit b "$b"
no_other_drops a multicast link_local tx_full link_down
no_other_drops b multicast link_local tx_full link_down
gathered() { awk '/^  gathered:/ { n = $2 } END { print n + 0 }' "$1.txt"; }
for gw in a b; do
	[ "$(gathered $gw)" -ge 1000 ] || { cat $gw.txt; fail "$gw gathered too few"; }
	echo "$gw: $(gathered $gw) frames arrived in several buffers and left in one"
done

"$python" - <<-EOF
	from scapy.all import Ether, IP, Raw, wrpcap
	one = Ether(dst="02:00:00:00:00:99", src="02:00:00:00:01:02") / IP(src="10.244.1.2", dst="10.244.2.2", proto=253)
	wrpcap("long.pcap", [one / Raw(bytes(size)) for size in (100, 1950, 1999, 2014, 2015, 2500, 8980)])
EOF
eal=()
seal_segments() { # NAME MTU: seal a capture that is received in segments of 2 KiB
	write_conf "$1" a "$(pcap 0 long.pcap)" "$(pcap 1 "$data/empty.pcap" "$1.pcap")"
	sed -i "/pods: {/s/mtu: 9000/mtu: $2, rx_buffer: 2048/; /uplink: {/s/mtu: 9000/mtu: $(($2 + 100))/" "$1.yaml"
	run_gateway "$1"
}
seal_segments all 9000
expect_drops all
expect all uplink.tx=7
[ "$(gathered all)" -eq 5 ] || { cat all.txt; fail "not 5 gathered"; } # the other two fit one buffer with tailroom
esp_open --esp all.pcap --conf all.yaml --input long.pcap --expect-only
seal_segments some 2014
expect_drops some multi_segment=2
