#ifndef ESPGATE_VERSION_H
#define ESPGATE_VERSION_H

/* As meson.build has it; `espgate --version` prints it. */
#define EG_VERSION "0.1.0"

#endif
