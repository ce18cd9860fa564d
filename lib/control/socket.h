/* The control socket's file.
 *
 * Life cycle: eg_control_socket_open() -> accept connections -> eg_control_socket_close(). Control
 * thread. */
#ifndef EG_CONTROL_SOCKET_H
#define EG_CONTROL_SOCKET_H

#include <sys/stat.h>

#include "base/err.h"
#include "conf/config.h"

/* Zeroed memory with fd -1 is a closed one. */
struct eg_control_socket {
	int fd;     /* listens; -1: closed */
	char *path; /* owned */
	dev_t dev;  /* of the file that was made: another one is not removed */
	ino_t ino;
};

/* What the configuration asks for but this machine does not have: its group, the folder. Nothing
 * is changed. */
void eg_control_socket_check(const struct eg_conf_control *conf, struct eg_errs *errs);

/* Make the socket and listen. The file has its mode and group before it has its name. The file of a
 * process that is gone is replaced; one that a process answers at, or that is no socket, is an
 * error. A missing folder is made (mode 0755), its parent must exist. `conf->socket` is given.
 * 0, or -1 with the reason in errs; then `socket` is closed. */
int eg_control_socket_open(struct eg_control_socket *socket, const struct eg_conf_control *conf,
			   struct eg_errs *errs);

/* Close it and remove its file, if it is still the one that was made. A closed one is allowed. */
void eg_control_socket_close(struct eg_control_socket *socket);

#endif
