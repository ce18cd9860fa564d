/* Bytes as hex digits. Blanks are ignored; `_` is a nibble that is filled in later (a checksum) and
 * is 0 until then. */
#ifndef TEST_COMMON_HEX_H
#define TEST_COMMON_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Returns the number of bytes; fails the test if `text` is not hex or longer than max. */
size_t hex_bytes(const char *text, uint8_t *out, size_t max);

#endif
