#include "base/file.h"

#include <errno.h>
#include <unistd.h>

int eg_write_all(int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n) {
		ssize_t put = write(fd, at, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += put;
		n -= (size_t)put;
	}
	return 0;
}
