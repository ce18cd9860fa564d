/* File helpers. Any thread except workers. */
#ifndef EG_BASE_FILE_H
#define EG_BASE_FILE_H

#include <stddef.h>

/* Write all n bytes, retrying after interruptions and short writes. Returns 0, or -1 with errno
 * set. */
int eg_write_all(int fd, const void *data, size_t n);

#endif
