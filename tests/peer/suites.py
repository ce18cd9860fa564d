"""The cryptographic suites of ESP, from their RFCs, with python3-cryptography.

SUITES maps a suite's configuration name to its sizes and cipher class. A cipher(key, salt, auth_key) has
seal(spi, seq, high, iv, text) -> ciphertext and ICV, and open(spi, seq, high, iv, sealed) -> text. spi and
seq are 4 bytes each as in the packet; high is the 4 high bytes of an ESN, or b"" without ESN."""
import hashlib
import hmac
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, ChaCha20Poly1305


class Aead:
    """RFC 4106 s4, s5; RFC 7634 s2: nonce = salt | IV; AAD = SPI | [high] | sequence number."""
    icv_bytes = 16

    def __init__(self, key, salt, auth_key):
        self.key, self.salt = key, salt

    def seal(self, spi, seq, high, iv, text):
        return self.encrypt(self.salt + iv, text, spi + high + seq)

    def open(self, spi, seq, high, iv, sealed):
        if len(sealed) < self.icv_bytes:
            raise InvalidTag
        return self.decrypt(self.salt + iv, sealed[:-self.icv_bytes], sealed[-self.icv_bytes:],
                            spi + high + seq)


class Gcm(Aead):
    # Not AESGCM, which supports only ICVs of 16 bytes.
    def encrypt(self, nonce, text, aad):
        context = Cipher(algorithms.AES(self.key), modes.GCM(nonce)).encryptor()
        context.authenticate_additional_data(aad)
        return context.update(text) + context.finalize() + context.tag[:self.icv_bytes]

    def decrypt(self, nonce, text, icv, aad):
        mode = modes.GCM(nonce, icv, min_tag_length=self.icv_bytes)
        context = Cipher(algorithms.AES(self.key), mode).decryptor()
        context.authenticate_additional_data(aad)
        return context.update(text) + context.finalize()


class Implicit:
    """RFC 8750 s4: the IV is the 64-bit sequence number and is not sent."""

    def seal(self, spi, seq, high, iv, text):
        return super().seal(spi, seq, high, (high or bytes(4)) + seq, text)

    def open(self, spi, seq, high, iv, sealed):
        return super().open(spi, seq, high, (high or bytes(4)) + seq, sealed)


class Gmac(Gcm):
    """RFC 4543 s3.3: the whole packet is associated data, and the text is not encrypted."""

    def encrypt(self, nonce, text, aad):
        return text + super().encrypt(nonce, b"", aad + nonce[4:] + text)

    def decrypt(self, nonce, text, icv, aad):
        super().decrypt(nonce, b"", icv, aad + nonce[4:] + text)
        return text


class Ccm(Aead):
    """RFC 4309 s4: 3 bytes of salt."""

    def encrypt(self, nonce, text, aad):
        return AESCCM(self.key, self.icv_bytes).encrypt(nonce, text, aad)

    def decrypt(self, nonce, text, icv, aad):
        return AESCCM(self.key, self.icv_bytes).decrypt(nonce, text + icv, aad)


class ChaCha20(Aead):
    def encrypt(self, nonce, text, aad):
        return ChaCha20Poly1305(self.key).encrypt(nonce, text, aad)

    def decrypt(self, nonce, text, icv, aad):
        return ChaCha20Poly1305(self.key).decrypt(nonce, text + icv, aad)


class Hmac:
    """Encrypt, then MAC (RFC 4303 s3.3.2.1); the high half comes last (s2.2.1)."""
    icv_bytes = 0
    digest = None

    def __init__(self, key, salt, auth_key):
        self.key, self.salt, self.auth_key = key, salt, auth_key

    def mode(self, iv):
        return None  # NULL

    def crypt(self, direction, iv, text):
        mode = self.mode(iv)
        if mode is None:
            return text
        context = getattr(Cipher(algorithms.AES(self.key), mode), direction)()
        return context.update(text) + context.finalize()

    def icv(self, spi, seq, high, iv, ciphertext):
        data = spi + seq + iv + ciphertext + high
        return hmac.new(self.auth_key, data, self.digest).digest()[:self.icv_bytes]

    def seal(self, spi, seq, high, iv, text):
        ciphertext = self.crypt("encryptor", iv, text)
        return ciphertext + self.icv(spi, seq, high, iv, ciphertext)

    def open(self, spi, seq, high, iv, sealed):
        ciphertext, icv = sealed[:-self.icv_bytes], sealed[-self.icv_bytes:]
        if not hmac.compare_digest(icv, self.icv(spi, seq, high, iv, ciphertext)):
            raise InvalidTag
        return self.crypt("decryptor", iv, ciphertext)


class Cbc(Hmac):
    def mode(self, iv):
        return modes.CBC(iv)


class Ctr(Hmac):
    """RFC 3686 s4: nonce | IV | block counter from 1."""

    def mode(self, iv):
        return modes.CTR(self.salt + iv + (1).to_bytes(4, "big"))


class Suite(NamedTuple):
    cipher: type
    key_bytes: int
    salt_bytes: int
    auth_key_bytes: int
    iv_bytes: int
    align_bytes: int

    @property
    def icv_bytes(self):
        return self.cipher.icv_bytes

    def split(self, material):
        """Split bytes into (key, salt, authentication key), in this order."""
        salt = self.key_bytes
        auth = salt + self.salt_bytes
        return material[:salt], material[salt:auth], material[auth:auth + self.auth_key_bytes]


def _with_icv(base, n, digest=None):
    return type(f"{base.__name__}{n}", (base,), {"icv_bytes": n, "digest": digest})


# RFC 4868 s2.1.1, s2.3; RFC 2404 s2, s3: key and ICV bytes.
_HMACS = {"sha256": (hashlib.sha256, 32, 16), "sha384": (hashlib.sha384, 48, 24),
          "sha512": (hashlib.sha512, 64, 32), "sha1": (hashlib.sha1, 20, 12)}


def _suites():
    for bits in (128, 192, 256):
        for icv in (16, 12, 8):
            yield f"aes{bits}gcm{icv}", Suite(_with_icv(Gcm, icv), bits // 8, 4, 0, 8, 4)
            if bits != 192:
                yield f"aes{bits}ccm{icv}", Suite(_with_icv(Ccm, icv), bits // 8, 3, 0, 8, 4)
        yield f"aes{bits}gmac", Suite(Gmac, bits // 8, 4, 0, 8, 4)
    yield "chacha20poly1305", Suite(ChaCha20, 32, 4, 0, 8, 4)
    for name, base, key in (("aes128gcm16", Gcm, 16), ("aes256gcm16", Gcm, 32),
                            ("chacha20poly1305", ChaCha20, 32)):
        cipher = type(f"Implicit{base.__name__}", (Implicit, base), {})
        yield f"{name}-iiv", Suite(cipher, key, 4, 0, 0, 4)
    for name, (digest, auth_key, icv) in _HMACS.items():
        for bits in (128, 192, 256):
            yield (f"aes{bits}-{name}",
                   Suite(_with_icv(Cbc, icv, digest), bits // 8, 0, auth_key, 16, 16))
            yield (f"aes{bits}ctr-{name}",
                   Suite(_with_icv(Ctr, icv, digest), bits // 8, 4, auth_key, 8, 4))
        yield f"null-{name}", Suite(_with_icv(Hmac, icv, digest), 0, 0, auth_key, 0, 4)


SUITES = dict(_suites())


def dpdk_name(vector):
    """The suite of an entry of tests/vectors/dpdk_ipsec.json, or None if espgate does not support it."""
    if vector["proto"] != "RTE_SECURITY_IPSEC_SA_PROTO_ESP":
        return None
    algos, bits = " ".join(vector["algos"]), len(vector["key"]) * 4
    for word, name in (("AES_GCM", "gcm16"), ("AES_CCM", "ccm16")):
        if word in algos:
            return f"aes{bits}{name}"
    for word, name in (("AES_CBC", ""), ("AES_CTR", "ctr")):
        for sha in ("256", "384", "512"):
            if word in algos and f"SHA{sha}_HMAC" in algos:
                return f"aes{bits}{name}-sha{sha}"
    return None
