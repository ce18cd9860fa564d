#!/usr/bin/python3
"""Generate lib/crypto/known_answers.c: each suite's result for one packet.

  known_answers.py > FILE         write the file
  known_answers.py --check FILE   compare with the file

Uses python3-cryptography (OpenSSL), which shares no code with IPsec-MB, and first checks it against the packets
of RFC 7634 and DPDK in tests/vectors. Published vectors alone are not enough: for most combinations of cipher
and HMAC, no RFC has one."""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "peer"))
import suites  # noqa: E402

MATERIAL = bytes(i * 7 + 1 & 0xff for i in range(128))
SPI, SEQ = bytes.fromhex("01020304"), bytes.fromhex("00000005")
IV = bytes(0xa0 + i for i in range(16))
TEXT = bytes(range(0x10, 0x30))


def sealed(name):
    suite = suites.SUITES[name]
    key, salt, auth_key = suite.split(MATERIAL)
    iv = IV[:suite.iv_bytes]
    return suite.cipher(key, salt, auth_key).seal(SPI, SEQ, b"", iv, TEXT)


def check_rfc7634():
    v = json.loads((HERE / "rfc7634.json").read_text())
    key, salt, iv, plain, esp = (bytes.fromhex(v[k]) for k in ("key", "salt", "iv", "plain", "esp"))
    cipher = suites.SUITES["chacha20poly1305"].cipher(key, salt, b"")
    assert cipher.seal(esp[:4], esp[4:8], b"", iv, plain) == esp[16:]


def check_dpdk():
    """Open DPDK's tunnel-mode ESP packets."""
    opened = 0
    for v in json.loads((HERE / "dpdk_ipsec.json").read_text()):
        name = suites.dpdk_name(v)
        if not name:
            continue
        suite = suites.SUITES[name]
        esp = bytes.fromhex(v["esp"])
        esp = esp[20 if esp[0] >> 4 == 4 else 40:]
        cipher = suite.cipher(*(bytes.fromhex(v[k]) for k in ("key", "salt", "auth_key")))
        text = cipher.open(esp[:4], esp[4:8], b"", esp[8:8 + suite.iv_bytes],
                           esp[8 + suite.iv_bytes:])
        plain = bytes.fromhex(v["plain"])
        assert text[len(text) // 2 - 4:len(plain)] == plain[len(text) // 2 - 4:], v["name"]
        opened += 1
    assert opened == 13, opened


def c_string(data):
    text = data.hex()
    return "\n\t ".join(f'"{text[i:i + 88]}"' for i in range(0, len(text), 88))


HEAD = """\
/* Written by tests/vectors/known_answers.py, which says how: do not edit. */
#include "crypto/self_test.h"

/* clang-format off */
const struct eg_known_answer eg_known_answers[EG_SUITE_COUNT] = {
"""


def table():
    rows = (f'\t{{"{name}",\n\t {c_string(sealed(name))}}},\n' for name in suites.SUITES)
    return HEAD + "".join(rows) + "};\n"


def main():
    check_rfc7634()
    check_dpdk()
    if sys.argv[1:2] != ["--check"]:
        print(table(), end="")
    elif pathlib.Path(sys.argv[2]).read_text() != table():
        sys.exit(f"{sys.argv[2]} is not what this script writes")


if __name__ == "__main__":
    main()
