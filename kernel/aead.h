/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _PILOT_AEAD_H
#define _PILOT_AEAD_H

#include <crypto/aead.h>
#include <linux/netlink.h>

int pilot_aead_init(void);
void pilot_aead_exit(void);
const char *pilot_aead_driver(void);
bool pilot_aead_usable(void);
struct crypto_aead *pilot_aead_alloc(const u8 *secret,
				     struct netlink_ext_ack *extack);
int pilot_aead_seal(struct crypto_aead *tfm, u8 *frame, unsigned int len);
int pilot_aead_open(struct crypto_aead *tfm, u8 *frame, unsigned int len);

#endif /* _PILOT_AEAD_H */
