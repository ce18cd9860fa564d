/* Bytes as tests write them: hex digits, blanks ignored, `_` for a half byte that is filled in
 * later (a checksum) and is 0 until then. */
#ifndef TEST_COMMON_HEX_H
#define TEST_COMMON_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Returns how many bytes; fails the test where `text` is no hex or longer than max. */
size_t hex_bytes(const char *text, uint8_t *out, size_t max);

#endif
