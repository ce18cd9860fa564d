#!/bin/bash
# state_dir decides whether an SA may send. Its journal survives a restart, is refused if it is lost, damaged,
# another key's or newer, serves one daemon at a time, and is readable by its owner only. Also: what check
# reports about keys without a state_dir, and a lifetime that ends an SA.
. "$(dirname "$0")/lib.sh"

make_keys
mkdir -m 700 state
extra='state_dir: state'
run_conf() { write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap" "$1")"; }
run_conf first.pcap
run_gateway a
expect a sa.0x00001001=699
run_conf second.pcap
run_gateway a
mergecap -a -F pcap -w both.pcap first.pcap second.pcap
esp_open --esp both.pcap --conf a.yaml --expect-only # finds repeated sequence numbers and IVs
expect_line state/journal "dir out spi 0x00001001 suite $suite remote 192.0.2.2 seq 1398 " # 2 x 699: an orderly stop skips none
[ "$(stat -c %a state/* | sort -u)" = 600 ] || fail "others may read the state"
echo "two runs, one sequence: $(grep -o 'seq [0-9]*' state/journal)"

# check works while the daemon runs; a second daemon is refused.
write_conf idle a "$(pcap 0 "$data/empty.pcap")" "$(pcap 1 "$data/empty.pcap")"
start idle
idle=$pid
expect_status 0 "$espgate" check -c a.yaml >out 2>err
! grep -q warning err || fail "$(cat err)"
expect_status 1 "$espgate" run -c a.yaml -- --no-huge --file-prefix=second >out 2>err
expect_line err "state is in use by another espgate (process $idle)"
stop idle "$idle"

expect_refused() { # PATH TEXT: check and run print TEXT, check at PATH
	expect_status 1 "$espgate" check -c a.yaml >out 2>err
	expect_line err "$1: "
	expect_line err "$2"
	expect_status 1 "$espgate" run -c a.yaml -- "${eal_everywhere[@]}" >out 2>err
	expect_line err "$2"
	echo "refused: $2"
}
cp state/journal kept
sed -i 's/ seq 1398 / seq 1 /' state/journal
expect_refused state_dir "state/journal, which records how far keys were used, is damaged: put the original back, or make a new key with espgate keygen"
rm state/journal
expect_refused state_dir "state/journal, which records how far keys were used, is lost: put the original back, or make a new key with espgate keygen"
sed 's/journal 1/journal 2/' kept >state/journal
expect_refused state_dir "was written by a newer espgate: run that one"
cp kept state/journal
sed -i 's/spi: 4097/spi: 4098/' a.yaml
expect_refused 'peers.other.sas[0].key_file' "its key was used by another SA (SPI 0x00001001, dir out, aes256gcm16, remote 192.0.2.2"
sed -i 's/spi: 4098/spi: 4097/' a.yaml
expect_status 0 "$espgate" check -c a.yaml >out 2>err

expect_line out "2 SAs without esn run out of sequence numbers after 2^32 - 1 packets (72 minutes at 1 Mpps): esn: true at both ends is recommended"

# A crash may cut the last batch, which was not in use yet.
echo "batch 00000000000000000099 bytes 00000002" >>state/journal
expect_status 0 "$espgate" check -c a.yaml >out 2>err
echo "a batch cut by a crash is skipped"

mv state gone
expect_status 1 "$espgate" check -c a.yaml >out 2>err
expect_line err "state does not exist: mkdir -m 700 it for new keys; if it was lost"

# Without a state_dir: refused if a nonce could repeat.
extra=
run_conf none.pcap
sed -i '/^state_dir:/d' a.yaml
for verb in "check -c a.yaml" "run -c a.yaml"; do
	expect_status 1 "$espgate" $verb >out 2>err
	expect_line err "peers.other.sas[0].suite: aes256gcm16 requires state_dir: "
done
sed -i '/dir: out/d' a.yaml
expect_status 0 "$espgate" check -c a.yaml >out 2>err
expect_line err "warning: state_dir is missing: "
echo "no state_dir: refused, except for an SA that only receives"

# A hard lifetime ends an SA: further packets are dropped as sa_expired, and the log reports it once.
mkdir -m 700 state
make_keys
extra='state_dir: state'
run_conf short.pcap
sed -i 's/^    sas:/    lifetime: {soft_packets: 100, hard_packets: 500}\n&/' a.yaml
run_gateway a
expect a sa.0x00001001=500
[ "$(counter a drop.sa_expired)" -eq 199 ] || fail "not 199 packets after the lifetime"
[ "$(grep -c 'hard lifetime reached (packets)' a.log)" -eq 1 ] || fail "not logged once"
echo "a lifetime of 500 packets: 500 sent, $(counter a drop.sa_expired) dropped as sa_expired"
