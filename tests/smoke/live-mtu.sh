#!/bin/bash
# Packets that do not fit, over wires of 1280 to 9000 bytes. ICMP "packet too big" reports exactly the number
# that explain --mtu shows, to local senders and through the tunnel to remote ones. Packets that may be
# fragmented are, and none without need. Downloads complete, with and without MSS clamping.
#
# By default the rows cover most pairs of properties; EG_MTU_ROWS=all combines every wire, family, DF and
# kind of suite.
#
#   pods_a            gw_a                           gw_b            pods_b
#   10.244.1.2  <-->  clear [A] wire  <-- 1280 -->  wire [B] clear  <-->  10.244.2.2
#   fd00:1::2                         <-- 9000 -->                       fd00:2::2
. "$(dirname "$0")/lib.sh"
. "$root/tests/smoke/live.inc.sh"
need curl
megabytes=3
pods_mtu=9000
make_live_network
serve a
serve b

reported_mtu() { # PODS_NAMESPACE ADDRESS: send a packet of the pods' link MTU; print the MTU in the ICMP error
	local payload=$((pods_mtu - 28))
	[[ $2 != *:* ]] || payload=$((pods_mtu - 48))
	ip netns exec "$1" ping -n -c 3 -i 0.2 -W 10 -M do -s $payload "$2" >ping.out 2>&1 || true
	sed -nE 's/.*[Ff]rag needed and DF set \(mtu = ([0-9]+)\).*/\1/p; s/.*too big: mtu=([0-9]+).*/\1/p' ping.out |
		head -n 1
}

flush_learned_mtus() { # in the pods' kernels
	local pods
	for pods in "$ns_pods_a" "$ns_pods_b"; do
		ip -n "$pods" route flush cache
		ip -n "$pods" -6 route flush cache
	done
}

some_rows() {
	cat <<-EOF
		1280 4 true  aes256gcm16       false before copy  false 1500
		1280 6 false chacha20poly1305  true  after  -     false 1500
		1280 4 false aes256-sha512     true  after  clear true  1500
		1280 4 false aes256gcm16       false before set   false 1500
		1280 4 true  aes256gcm16       false drop   copy  true  1500
		1400 4 false aes256gcm16       true  before copy  false 1500
		1400 6 true  aes128ccm16       false before -     true  1500
		1400 4 true  aes128ctr-sha256  false before set   false 1500
		1500 4 false aes256-sha256     false after  copy  false 1500
		1500 6 false aes256gcm16       true  before -     false 1500
		1500 4 true  chacha20poly1305  false drop   copy  true  1500
		9000 4 false aes256gcm16       true  before copy  false 9000
		9000 6 true  aes256-sha384     false after  -     false 9000
		9000 4 false aes128gcm16       false before copy  false 1500
	EOF
}

all_rows() {
	local wire ends suite df how clamp row=0 clamps=(true false) hows=(before after before drop before) encaps=(false false true)
	for wire in 1280 1400 1500 9000; do
		for ends in "4 copy" "4 set" "4 clear" "6 -"; do
			df=${ends#* }
			for suite in aes256gcm16 aes128ccm16 chacha20poly1305 aes256-sha256 aes128ctr-sha256 aes256gcm16-iiv; do
				row=$((row + 1))
				how=${hows[row % 5]}
				[ "$df" != set ] || how=before # sealed packets must not be fragmented then
				# The kernel reassembles outer fragments before net_af_packet, and jumbo packets then do not fit.
				[ "$wire ${ends% *} $how" != "9000 4 after" ] || how=before
				clamp=${clamps[row % 2]}
				echo "$wire ${ends% *} $clamp $suite ${clamps[row / 2 % 2]} $how $df" \
					"${encaps[row % 3]} $((wire == 9000 ? 9000 : 1500))"
			done
		done
	done
}

new_state_dir() { # a|b: print its configuration; implicit IVs need durable sequence numbers
	rm -rf "state-$1"
	mkdir -m 700 "state-$1"
	echo "state_dir: $dir/state-$1"
}

[ "${EG_MTU_ROWS:-some}" = all ] && rows=all_rows || rows=some_rows
$rows >rows
while read -r wire_mtu outer clamp suite esn fragment df encap pods_mtu; do
	peer_extra="{mss_clamp: $clamp, fragment: $fragment, udp_encap: $encap$([ "$df" = - ] || echo ", df: $df")}"
	peer_extra=$(sed 's/^{//; s/}$//; s/, /\n    /g' <<<"$peer_extra")
	make_keys
	conf_extra=$(new_state_dir a)
	write_live_conf a
	conf_extra=$(new_state_dir b)
	write_live_conf b
	for pods in "$ns_pods_a" "$ns_pods_b"; do
		ip -n "$pods" link set eth0 mtu "$pods_mtu"
	done
	"$espgate" explain -c a.yaml --mtu other >mtu.out
	inner_mtu=$(awk '$1 == "=" { print $2 }' mtu.out)
	# IPv6 packets of 1280 bytes always pass.
	below_ipv6_min=false
	[ $wire_mtu != 1280 ] || below_ipv6_min=true
	start_live_gateway a
	a=$pid
	start_live_gateway b
	b=$pid
	flush_learned_mtus
	for address in 10.244.2.2 fd00:2::2; do # all neighbours are resolved after this
		until_true 10 ip netns exec "$ns_pods_a" ping -q -n -c 1 -W 2 "$address" >ping.out
	done
	for version in 4 6; do
		download a $version
		download b $version
	done
	for direction in "$ns_pods_a 10.244.2.2" "$ns_pods_b 10.244.1.2" "$ns_pods_a fd00:2::2" "$ns_pods_b fd00:1::2"; do
		want=$inner_mtu
		[ "$inner_mtu" -lt "$pods_mtu" ] || want=
		[[ $direction != *:* ]] || ! $below_ipv6_min || want=1280 # no host has to send less
		flush_learned_mtus
		got=$(reported_mtu $direction)
		[ "$got" = "$want" ] || { cat ping.out; fail "MTU \"$got\" reported to ${direction#* }, not \"$want\""; }
	done
	flush_learned_mtus
	if $below_ipv6_min; then
		ip netns exec "$ns_pods_a" ping -q -n -c 3 -i 0.1 -W 5 -s 1232 fd00:2::2 >ping.out ||
			{ cat ping.out; fail "1280 bytes of IPv6"; }
	fi
	status=0
	ip netns exec "$ns_pods_a" ping -q -n -c 3 -i 0.1 -W 3 -M dont -s $((pods_mtu - 28)) 10.244.2.2 >ping.out || status=$?
	lost=0
	[ $fragment != drop ] || lost=$((inner_mtu < pods_mtu))
	[ $status -eq $lost ] || { cat ping.out; fail "$pods_mtu bytes without DF: ping's exit status $status"; }
	stop a "$a"
	stop b "$b"
	big=$(counter a drop.too_big) pieces=$(counter a local.fragment)
	echo "wire $wire_mtu, outer IPv$outer, $suite, UDP $encap, DF $df, clamping $clamp, $fragment: inner MTU $inner_mtu of $pods_mtu, $big too big, $pieces fragments"
	if [ "$inner_mtu" -ge "$pods_mtu" ] || { [ $fragment = drop ] && ! $below_ipv6_min; }; then
		[ "$pieces" -eq 0 ] || { cat a.txt; fail "fragmented without need"; }
	else
		[ "$pieces" -ge 3 ] || { cat a.txt; fail "A fragmented nothing"; }
	fi
	if $clamp || [ "$inner_mtu" -ge "$pods_mtu" ]; then # only ping's packets
		[ "$big" -le 5 ] || { cat a.txt; fail "clamped, but packets were too big"; }
	else
		[ "$big" -gt 5 ] || { cat a.txt; fail "not clamped, but nothing was too big"; }
	fi
	[ "$inner_mtu" -lt "$pods_mtu" ] || [ "$big" -eq 0 ] || { cat a.txt; fail "too big although it fits"; }
done <rows
