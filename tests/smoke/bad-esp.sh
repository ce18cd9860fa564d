#!/bin/bash
# Every kind of wrong ESP that the independent peer can make is dropped by its own name, nothing of it
# comes out, and every good packet around it does.
. "$(dirname "$0")/lib.sh"

make_keys
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"

# drops_only KIND DROP=COUNT: the good ones are equal to the input, so nothing else came out
drops_only() {
	gateway b
	expect_drops b ttl_expired=2 "$2"
	expect b pods.tx=697 uplink.rx=$((699 + ${2#*=}))
	pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
	echo "$1: ${2%=*}"
}

# Every tenth packet has a bad companion.
while read -r kind drop; do
	esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out wire.pcap --bad "$kind"
	drops_only "$kind" "$drop"
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

# What the peer cannot make by --bad: the same beside good ESP, from other configurations.
esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out good.pcap
beside() { # KIND DROP SED: a peer whose view of the configuration differs
	sed "$3" b.yaml >stranger.yaml
	esp_seal --input "$data/pods-a.pcap" --conf stranger.yaml --out bad.pcap
	mergecap -F pcap -a -w wire.pcap bad.pcap good.pcap
	drops_only "$1" "$2"
}
beside "other outer source" esp_wrong_peer=699 's/192\.0\.2\.1/192.0.2.9/'
beside "other outer destination" esp_not_local=699 's/192\.0\.2\.2/192.0.2.9/; s/spi: 4097/spi: 4098/'
mergecap -F pcap -a -w wire.pcap "$data/pods-b.pcap" good.pcap
gateway b
expect b drop.plain_on_encrypted=682
pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
echo "plain packets on the wire: plain_on_encrypted"

# Left of an ESN window a number reads as one of the next 2^32: it is the ICV that fails then
# (RFC 4303 A2.2). But those of the first burst, before the window has moved, are just old.
esn=true
write_conf b b "$(pcap 0 "$data/empty.pcap" opened.pcap)" "$(pcap 1 wire.pcap)"
esp_seal --input "$data/pods-a.pcap" --conf b.yaml --out wire.pcap --bad old-seq
gateway b
old=$(counter b drop.esp_replay_old)
expect_drops b ttl_expired=2 esp_replay_old="$old" esp_auth=$((70 - old))
pcap_equal --ttl-delta 2 "${to_b[@]}" "$data/pods-a.pcap" opened.pcap
echo "old-seq with ESN: esp_auth"
