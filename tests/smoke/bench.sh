#!/bin/bash
# tools/bench measures the rows that are asked for, as text and as JSON, and compares them with an older run. No figure
# is checked: machines differ, and this one may be busy.
. "$(dirname "$0")/lib.sh"
need taskset
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 # bench_path leaves freeing to its exit

bench() {
	"$root/tools/bench" --build "$build" --folder "$dir/bench" --eal="${EG_EAL:---no-huge --no-shconf -m 512}" --rounds 2 \
		--seconds 0.01 "$@"
}

cat >check.py <<'END'
import json, sys
file, *names = sys.argv[1:]
run = json.load(open(file))
assert [row["name"] for row in run["rows"]] == names, [row["name"] for row in run["rows"]]
for row in run["rows"]:
    assert len(row["values"]) == run["rounds"] == 2, row
    assert 0 < row["min"] <= row["median"] <= row["max"], row
    if row["name"].startswith(("path", "gateway")):
        assert row["raw"] > 0 and row["gbit_per_s"] > 0, row
        assert abs(row["ratio"] * row["raw"] + (row["devices"] or 0) - row["median"]) < 1e-6, row
for field in ("cpu", "kernel", "espgate", "ipsec_mb"):
    assert run["machine"][field], field
END

# With the cluster's policies, and TCP and UDP connections that they allow.
rows=("path encrypt IMIX, multi_packet off" "path decrypt IMIX, multi_packet off")
bench --rows "path IMIX off" --json old.json >old.txt
"$python" check.py old.json "${rows[@]}"
for row in "${rows[@]}"; do expect_line old.txt "$row"; done
expect_line old.txt "1.75" # the target stands beside

# Other rows, of which the older run has one: only that one is compared.
bench --rows "path encrypt off IMIX" --rows "gateway 1400 no" --rows "bursts 8" --json new.json \
	--compare old.json >new.txt
"$python" check.py new.json "${rows[0]}" "gateway encrypt 1400, no policy" "gateway decrypt 1400, no policy" \
	"also bursts of 8"
sed -n '/^compared with/,$p' new.txt >compared.txt
expect_line compared.txt "${rows[0]}"
[ "$(grep -c '^path\|^gateway\|^also' compared.txt)" = 1 ] || fail "compared with rows that are not there"

# A row differs if the values of the two runs do not overlap.
"$python" - <<'END'
import json
run = json.load(open("new.json"))
for row in run["rows"]:
    row.update(min=1e9, max=2e9, median=1.5e9)
json.dump(run, open("slow.json", "w"))
END
bench --rows "path encrypt off IMIX" --compare slow.json >differs.txt
expect_line differs.txt "  differs"

expect_status 1 bench --rows "path encrypt 65"
expect_status 2 bench --rounds 0

# Another gateway that is not to be had: skipped, with the reason.
expect_status 77 "$root/tools/bench-peers" --build "$build" --secgw "$dir/absent" >peers.txt
expect_line peers.txt "SKIP: ipsec-secgw: $dir/absent is not a program"
