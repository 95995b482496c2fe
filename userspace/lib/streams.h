/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PILOT_LIB_STREAMS_H
#define PILOT_LIB_STREAMS_H

/**
 * pilot_hold_streams() - see to it that stdin, stdout and stderr are there
 *
 * Who starts a program may have closed them. What it opens next, a socket
 * perhaps, would then be written to as stdout. To be called first of all.
 */
void pilot_hold_streams(void);

#endif /* PILOT_LIB_STREAMS_H */
