#!/bin/bash
# What stands in state_dir decides whether an SA may send: kept over an orderly stop, refused where it
# is lost, damaged, foreign or newer, for one daemon at a time, readable for its owner only. And what
# check says of keys without it.
. "$(dirname "$0")/lib.sh"

make_keys
mkdir -m 700 state
extra='state_dir: state'
run_conf() { write_conf a a "$(pcap 0 "$data/pods-a.pcap")" "$(pcap 1 "$data/empty.pcap" "$1")"; }
run_conf first.pcap
gateway a
expect a sa.0x00001001=699
run_conf second.pcap
gateway a
mergecap -a -F pcap -w both.pcap first.pcap second.pcap
esp_open --esp both.pcap --conf a.yaml --expect-only # finds numbers and IVs that were used twice
expect_line state/journal "dir out spi 0x00001001 suite $suite remote 192.0.2.2 seq 1398 " # 2 x 699: an orderly stop skips none
[ "$(stat -c %a state/* | sort -u)" = 600 ] || fail "others may read the state"
echo "two runs, one sequence: $(grep -o 'seq [0-9]*' state/journal)"

# check looks, while the daemon runs; a second daemon is refused.
write_conf idle a "$(pcap 0 "$data/empty.pcap")" "$(pcap 1 "$data/empty.pcap")"
start idle
idle=$pid
expect_status 0 "$espgate" check -c a.yaml >out 2>err
! grep -q warning err || fail "$(cat err)"
expect_status 1 "$espgate" run -c a.yaml -- --no-huge --file-prefix=second >out 2>err
expect_line err "state is in use by another espgate (process $idle)"
stop idle "$idle"

refused() { # WHERE WORDS: check and run say so
	expect_status 1 "$espgate" check -c a.yaml >out 2>err
	expect_line err "$1: "
	expect_line err "$2"
	expect_status 1 "$espgate" run -c a.yaml -- "${eal_everywhere[@]}" >out 2>err
	expect_line err "$2"
	echo "refused: $2"
}
cp state/journal kept
sed -i 's/ seq 1398 / seq 1 /' state/journal
refused state_dir "state/journal, which says how far keys were used, is damaged: restore it from where it was, or make a new key with espgate keygen"
rm state/journal
refused state_dir "state/journal, which says how far keys were used, is lost: restore it from where it was, or make a new key with espgate keygen"
sed 's/journal 1/journal 2/' kept >state/journal
refused state_dir "was written by a newer espgate: run that one"
cp kept state/journal
sed -i 's/spi: 4097/spi: 4098/' a.yaml
refused 'peers.other.sas[0].key_file' "its key was used by another SA (SPI 0x00001001, dir out, aes256gcm16, remote 192.0.2.2"
sed -i 's/spi: 4098/spi: 4097/' a.yaml
expect_status 0 "$espgate" check -c a.yaml >out 2>err

expect_line out "2 SAs without esn end after 2^32 - 1 packets (72 minutes at 1 Mpps): esn: true at both ends is recommended"

# A crash cuts what was written last; that was not in use yet.
echo "batch 00000000000000000099 bytes 00000002" >>state/journal
expect_status 0 "$espgate" check -c a.yaml >out 2>err
echo "a batch that was cut by a crash is skipped"

mv state gone
expect_status 1 "$espgate" check -c a.yaml >out 2>err
expect_line err "state does not exist: mkdir -m 700 it for new keys; if it was lost"

# Without one: refused where a nonce could repeat, which CBC's random IVs cannot.
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
echo "no state_dir: refused, but for an SA that only receives"

# A lifetime ends an SA by name, and the log tells it once.
mkdir -m 700 state
make_keys
extra='state_dir: state'
run_conf short.pcap
sed -i 's/^    sas:/    lifetime: {soft_packets: 100, hard_packets: 500}\n&/' a.yaml
gateway a
expect a sa.0x00001001=500
[ "$(counter a drop.sa_expired)" -eq 199 ] || fail "not 199 packets behind the lifetime"
[ "$(grep -c 'hard lifetime reached (packets)' a.log)" -eq 1 ] || fail "the log does not tell it once"
echo "a lifetime of 500 packets: 500 sent, $(counter a drop.sa_expired) dropped by name"
