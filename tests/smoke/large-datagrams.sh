#!/bin/bash
# Datagrams that a peer sealed whole and then fragmented, as Linux does after reassembling them: up to 65,500
# bytes of ESP through ports with MTU 1,500, opened, and fragmented again for the pods.
#
#   input.pcap -> Python seals -> scapy fragments -> wire.pcap -> [B] -> opened.pcap -> scapy reassembles
. "$(dirname "$0")/lib.sh"
"$python" -c "import scapy.all" 2>/dev/null || skip "no scapy"
fragments() { "$python" "$root/tests/peer/fragments.py" "$@" >fragments.out 2>&1 || { cat fragments.out; fail "fragments.py $*"; }; }
make_keys

"$python" - input.pcap <<-EOF
	import sys
	from scapy.all import Ether, IP, UDP, Raw, wrpcap
	sizes = [100, 1400, 1480, 9000, 10300, 20000, 40000, 60000, 65400]
	wrpcap(sys.argv[1], [Ether(src="02:00:00:00:00:0a", dst="02:00:00:00:00:0b") /
	    IP(src="10.244.1.2", dst="10.244.2.2", id=i + 1) / UDP(sport=1000 + i, dport=2049) /
	    Raw(bytes((i * 7 + k) % 251 for k in range(size - 28))) for i, size in enumerate(sizes)])
EOF

while read -r outer encap suite order; do
	make_keys
	write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
	sed -i "s/mtu: 9000/mtu: 1500/" b.yaml
	esp_seal --input input.pcap --conf b.yaml --out sealed.pcap
	fragments cut sealed.pcap wire.pcap 1500 $order
	run_gateway b
	no_other_drops b udp_keepalive
	expect b local.reassembled=7
	cp opened.pcap pieces.pcap
	[ "$("$python" -c "from scapy.all import IP, rdpcap; print(max(p[IP].len for p in rdpcap('pieces.pcap')))")" -le 1500 ] ||
		fail "a packet is longer than the pods port's MTU"
	fragments join pieces.pcap opened.pcap
	pcap_equal --ttl-delta 2 "${to_b[@]}" input.pcap opened.pcap
	echo "outer IPv$outer, in UDP $encap, $suite: $(counter b local.reassembled) reassembled from $(counter b uplink.rx), $(counter b local.fragment) fragments made"
done <<-EOF
	4 false aes256gcm16
	4 true aes128-sha256 5
	6 false chacha20poly1305 7
	6 true aes256gcm16
EOF
