#!/bin/bash
# Packets that do not fit the tunnel are fragmented before or after sealing, over IPv4, IPv6 and in UDP. The
# result is compared with scapy's own fragmentation and reassembly, and with a second gateway.
#
#   pods-a.pcap -> [A] -> wire.pcap -> [B] -> opened.pcap
. "$(dirname "$0")/lib.sh"
"$python" -c "import scapy.all" 2>/dev/null || skip "no scapy"
fragments() { "$python" "$root/tests/peer/fragments.py" "$@" >fragments.out 2>&1 || { cat fragments.out; fail "fragments.py $*"; }; }
make_keys
mtu=1280

# pods-a.pcap has no packets that may be fragmented: clear DF in IPv4, leave IPv6 as it is.
"$python" - "$data/pods-a.pcap" input.pcap <<-EOF
	import sys
	from scapy.all import IP, IPv6, rdpcap, wrpcap
	packets = [p for p in rdpcap(sys.argv[1]) if IP in p or IPv6 in p and len(p) <= 1180]
	for p in packets:
	    if IP in p and p[IP].flags.DF:
	        p[IP].flags.DF = 0
	        del p[IP].chksum
	wrpcap(sys.argv[2], [p for p in packets if IPv6 in p or not (p[IP].flags.MF or p[IP].frag)])
EOF

while read -r mode outer encap; do
	write_conf a a "$(pcap 0 input.pcap)" "$(pcap 1 "$data/empty.pcap" wire.pcap)"
	write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
	sed -i "s/role: encrypted, mtu: 9000/role: encrypted, mtu: $mtu/; s/^    subnets:/    fragment: $mode\n    mss_clamp: false\n&/" a.yaml
	run_gateway a
	run_gateway b
	no_other_drops a not_ip multicast link_local no_neighbor ttl_expired
	no_other_drops b ttl_expired udp_keepalive
	made=$(counter a local.fragment)
	[ "$made" -gt 20 ] || { cat a.txt; fail "A made only $made fragments"; }
	[ "$("$python" -c "from scapy.all import IP, IPv6, rdpcap; print(max(p[IP].len if IP in p else p[IPv6].plen + 40 for p in rdpcap('wire.pcap')))")" -le $mtu ] ||
		fail "a packet is longer than the wire's MTU"
	if [ "$mode" = after ]; then
		[ "$(counter b local.reassembled)" -gt 20 ] || { cat b.txt; fail "B reassembled too little"; }
		fragments join wire.pcap whole.pcap
		esp_open --esp whole.pcap --conf a.yaml --input input.pcap
		# The reverse: scapy fragments what Python sealed, in random order.
		esp_seal --input input.pcap --conf b.yaml --out sealed.pcap
		fragments cut sealed.pcap wire.pcap 700 5
		pcap_equal --ttl-delta 2 "${to_b[@]}" input.pcap opened.pcap
		run_gateway b
		no_other_drops b ttl_expired udp_keepalive
	else
		expect b local.reassembled=0
		cp opened.pcap pieces.pcap
		fragments join pieces.pcap opened.pcap
	fi
	pcap_equal --ttl-delta 2 "${to_b[@]}" input.pcap opened.pcap
	echo "fragmented $mode sealing, outer IPv$outer, in UDP $encap: $made fragments made; $(cat fragments.out)"
done <<-EOF
	before 4 false
	before 6 true
	after 4 false
	after 4 true
	after 6 false
	after 6 true
EOF
