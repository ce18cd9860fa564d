#ifndef ESPGATE_VERSION_H
#define ESPGATE_VERSION_H

/* Must match meson.build; printed by `espgate --version`. */
#define EG_VERSION "0.1.0"

#endif
