/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _PILOT_VERSION_H
#define _PILOT_VERSION_H

#define PILOT_VERSION	"0.1.0"

#endif /* _PILOT_VERSION_H */
