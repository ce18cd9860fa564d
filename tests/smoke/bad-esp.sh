#!/bin/bash
# Every kind of invalid ESP that the independent peer can make is dropped under a reason of its own and never
# delivered, and every valid packet around it is.
#
#   pods-a.pcap -> Python seals, some wrongly -> wire.pcap -> [B] -> opened.pcap
. "$(dirname "$0")/lib.sh"

make_keys
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"

# expect_only_dropped KIND DROP=COUNT: the output equals the input, so none of the bad packets was delivered
expect_only_dropped() {
	run_gateway b
	expect_drops b ttl_expired=2 "$2"
	expect b pods.tx=697 uplink.rx=$((699 + ${2#*=}))
	pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
	echo "$1: ${2%=*}"
}

# A bad packet accompanies every tenth packet.
while read -r kind drop; do
	esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out wire.pcap --bad "$kind"
	expect_only_dropped "$kind" "$drop"
done <<-EOF
	corrupt-icv         esp_auth=70
	corrupt-byte        esp_auth=70
	truncate            esp_short=70
	replay              esp_replay_seen=70
	wrong-spi           esp_unknown_spi=70
	wrong-inner-source  inner_source=70
	bad-padding         esp_padding=70
	bad-next-header     esp_next_header=70
	esp-fragment        reassembly_bad=70
	dummy               esp_dummy=70
	seq-zero            esp_replay_seen=1
	old-seq             esp_replay_old=70
EOF

# What --bad cannot make: ESP sealed with another configuration, mixed with good ESP.
esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out good.pcap
mix_with_good() { # KIND DROP SED: a peer whose configuration differs
	sed "$3" b.yaml >stranger.yaml
	esp_seal --input "$data/pods-a.pcap" --conf stranger.yaml --out bad.pcap
	mergecap -F pcap -a -w wire.pcap bad.pcap good.pcap
	expect_only_dropped "$1" "$2"
}
mix_with_good "other outer source" esp_wrong_peer=699 's/192\.0\.2\.1/192.0.2.9/'
mix_with_good "other outer destination" esp_not_local=699 's/192\.0\.2\.2/192.0.2.9/; s/spi: 4097/spi: 4098/'
mergecap -F pcap -a -w wire.pcap "$data/pods-b.pcap" good.pcap
run_gateway b
expect b drop.plain_on_encrypted=682
pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
echo "plain packets on the wire: plain_on_encrypted"

# With ESN, a number left of the window is taken as one of the next 2^32, and the ICV fails (RFC 4303 A2.2).
# Those of the first burst, before the window has moved, are old.
esn=true
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out wire.pcap --bad old-seq
run_gateway b
old=$(counter b drop.esp_replay_old)
expect_drops b ttl_expired=2 esp_replay_old="$old" esp_auth=$((70 - old))
pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
echo "old-seq with ESN: esp_auth"
