#!/bin/bash
# Jumbo frames both ways through two gateways, which meet by shared memory and receive from it into
# buffers of 2 KiB: a packet comes there in up to five pieces.
#
#   pods_a            gw_a                              gw_b             pods_b
#   10.244.1.2  <-->  clear [A] == memif, ESP == [B] clear  <-->  10.244.2.2      MTU 9000
#   fd00:1::2                                                     fd00:2::2
#
# Then captures: what fits no buffer is dropped by name.
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need_driver memif
need curl
pods_mtu=9000
make_live
for n in 1 2; do
	gw=ns_gw_a side=a role=server
	[ $n = 1 ] || { gw=ns_gw_b; side=b; role=client; }
	inside "${!gw}" ip link set clear mtu 1500 # the gateway raises it
	write_live_conf $side
	# The wire carries 9000 and what ESP adds.
	sed -i "/uplink: {device/s#\"net_af_packet.*#\"net_memif0,role=$role,id=0,socket-abstract=no,socket=$dir/memif,mac=02:00:00:00:00:0$n,bsize=10240\", role: encrypted, mtu: 9100, rx_buffer: 2048,#
		/^    mtu: \|^           mtu: /d" $side.yaml
done

live_gateway a
a=$pid
until_true 10 test -S memif
live_gateway b
b=$pid
serve a
serve b

sizes=(100 1900 1950 2000 2100 4200 8000)
for way in "$ns_pods_a 10.244.2.2 20" "$ns_pods_b 10.244.1.2 20" "$ns_pods_a fd00:2::2 40" "$ns_pods_b fd00:1::2 40"; do
	read -r ns address header <<<"$way"
	until_true 10 inside "$ns" ping -q -n -c 1 -W 1 "$address"
	# Around the ends of buffers, and the longest: one, two, five pieces.
	for size in "${sizes[@]}" $((9000 - header - 8)); do
		inside "$ns" ping -q -n -c 3 -i 0.01 -W 5 -M do -s "$size" "$address" >ping.out ||
			{ cat ping.out; fail "ping $address, $size bytes"; }
	done
done
for version in 4 6; do
	download a $version
	download b $version
done
kill "$a" "$b" # both at once, see memif.sh
finished a "$a"
finished b "$b"
no_other_drops a multicast link_local tx_full link_down
no_other_drops b multicast link_local tx_full link_down
gathered() { awk '/^  gathered:/ { n = $2 } END { print n + 0 }' "$1.txt"; }
for gw in a b; do
	[ "$(gathered $gw)" -ge 1000 ] || { cat $gw.txt; fail "$gw gathered too few"; }
	echo "$gw: $(gathered $gw) frames came in several buffers, and left in one"
done

"$python" - <<-EOF
	from scapy.all import Ether, IP, Raw, wrpcap
	one = Ether(dst="02:00:00:00:00:99", src="02:00:00:00:01:02") / IP(src="10.244.1.2", dst="10.244.2.2", proto=253)
	wrpcap("long.pcap", [one / Raw(bytes(size)) for size in (100, 1950, 1999, 2014, 2015, 2500, 8980)])
EOF
eal=()
pieces() { # NAME MTU: a capture, received in pieces of 2 KiB, sealed
	write_conf "$1" a "$(pcap 0 long.pcap)" "$(pcap 1 "$data/empty.pcap" "$1.pcap")"
	sed -i "/pods: {/s/mtu: 9000/mtu: $2, rx_buffer: 2048/; /uplink: {/s/mtu: 9000/mtu: $(($2 + 100))/" "$1.yaml"
	gateway "$1"
}
pieces all 9000
expect_drops all
expect all uplink.tx=7
[ "$(gathered all)" -eq 5 ] || { cat all.txt; fail "not 5 gathered"; } # two fit with room behind them
esp_open --esp all.pcap --conf all.yaml --input long.pcap --expect-only
pieces some 2014
expect_drops some multi_segment=2
