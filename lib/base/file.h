/* Files, where libc asks for a loop. Any thread but a worker's. */
#ifndef EG_BASE_FILE_H
#define EG_BASE_FILE_H

#include <stddef.h>

/* Write all n bytes, over interruptions and short writes. 0, or -1 with errno set. */
int eg_write_all(int fd, const void *data, size_t n);

#endif
