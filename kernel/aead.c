// SPDX-License-Identifier: GPL-2.0
/*
 * AES-256-GCM by the kernel's crypto API, synchronously.
 *
 * Up to 6.12 the fast x86 driver is registered as asynchronous only because
 * its wrapper may defer to cryptd where SIMD cannot be used. Its internal,
 * synchronous half is called directly here; callers ask pilot_aead_usable()
 * first and defer the whole packet in that rare case. So no request ever
 * completes later, and packets of a peer stay in order.
 */
#include <linux/cpu.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <asm/simd.h>
#include <crypto/internal/simd.h>

#include <pilot/wire.h>

#include "aead.h"

static const struct pilot_aead_choice {
	const char *name;
	u32 type;
	u32 mask;
	bool simd;
} choices[] = {
	{ "gcm(aes)", 0, CRYPTO_ALG_ASYNC, false },
	{ "__gcm(aes)", CRYPTO_ALG_INTERNAL,
	  CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC, true },
};

static const struct pilot_aead_choice *choice;
static char driver[CRYPTO_MAX_ALG_NAME];

/* Keeps the driver chosen at the start from going away. */
static struct crypto_aead *pinned;

/**
 * struct pilot_aead_cpu - what an operation needs
 * @sg: the text with its additional data
 * @nonce: of the frame, while the additional data is in its place
 * @req: request
 *
 * One per CPU: it is used with bottom halves off, and never nested.
 */
struct pilot_aead_cpu {
	struct scatterlist sg;
	u8 nonce[PILOT_NONCE_LEN];
	struct aead_request req;	/* last: the driver's part follows */
};

static DEFINE_PER_CPU(struct pilot_aead_cpu *, pilot_aead_cpu);

/* Whether the best driver of all is an asynchronous wrapper around SIMD. */
static bool best_is_wrapper(void)
{
	struct crypto_aead *tfm = crypto_alloc_aead("gcm(aes)", 0, 0);
	bool async;

	if (IS_ERR(tfm))
		return false;
	async = crypto_aead_alg(tfm)->base.cra_flags & CRYPTO_ALG_ASYNC;
	crypto_free_aead(tfm);
	return async;
}

static struct crypto_aead *alloc_choice(const struct pilot_aead_choice *c)
{
	return crypto_alloc_aead(c->name, c->type, c->mask);
}

/**
 * pilot_aead_init() - chooses the driver and allocates the requests
 *
 * Context: process. Return: 0, -ENOENT without AES-GCM, -ENOMEM.
 */
int pilot_aead_init(void)
{
	struct crypto_aead *tfm;
	unsigned int size;
	int cpu;

	/* 7.x: a built-in generic one satisfies the lookup before AES-NI loads */
	request_module("crypto-aes");

	choice = best_is_wrapper() ? &choices[1] : &choices[0];
	tfm = alloc_choice(choice);
	if (IS_ERR(tfm) && choice != &choices[0]) {
		choice = &choices[0];
		tfm = alloc_choice(choice);
	}
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	strscpy(driver, crypto_tfm_alg_driver_name(crypto_aead_tfm(tfm)),
		sizeof(driver));
	size = sizeof(struct pilot_aead_cpu) + crypto_aead_reqsize(tfm);
	pinned = tfm;

	for_each_possible_cpu(cpu) {
		struct pilot_aead_cpu *c = kzalloc_node(size, GFP_KERNEL,
							cpu_to_node(cpu));

		if (!c) {
			pilot_aead_exit();
			return -ENOMEM;
		}
		sg_init_table(&c->sg, 1);
		aead_request_set_callback(&c->req, 0, NULL, NULL);
		aead_request_set_ad(&c->req, sizeof(__be32));
		per_cpu(pilot_aead_cpu, cpu) = c;
	}
	return 0;
}

/**
 * pilot_aead_exit() - frees the requests
 *
 * Context: process, after the last key is gone.
 */
void pilot_aead_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kfree_sensitive(per_cpu(pilot_aead_cpu, cpu));
		per_cpu(pilot_aead_cpu, cpu) = NULL;
	}
	crypto_free_aead(pinned);
}

/**
 * pilot_aead_driver() - name of the crypto driver in use
 *
 * Return: a string that lives as long as the module.
 */
const char *pilot_aead_driver(void)
{
	return driver;
}

/**
 * pilot_aead_usable() - whether packets can be sealed and opened right here
 *
 * False in hard interrupts (netpoll), and where SIMD is needed and the
 * interrupted code uses it: defer the packet to process context then.
 */
bool pilot_aead_usable(void)
{
	if (choice->simd)
		return crypto_simd_usable() && !irqs_disabled();
	return !in_hardirq() && !irqs_disabled();
}

/**
 * pilot_aead_alloc() - makes a cipher ready for use
 * @secret: PILOT_KEY_LEN bytes
 * @extack: receives the reason of a failure
 *
 * Context: process. Return: the cipher, or an error pointer.
 */
struct crypto_aead *pilot_aead_alloc(const u8 *secret,
				     struct netlink_ext_ack *extack)
{
	struct crypto_aead *tfm = alloc_choice(choice);
	int err;

	if (IS_ERR(tfm)) {
		NL_SET_ERR_MSG_MOD(extack, "AES-GCM cannot be allocated");
		return tfm;
	}
	if (crypto_aead_reqsize(tfm) > crypto_aead_reqsize(pinned)) {
		/* a driver that was loaded since, with larger requests */
		NL_SET_ERR_MSG_MOD(extack, "the AES-GCM driver changed: reload the module");
		crypto_free_aead(tfm);
		return ERR_PTR(-EOPNOTSUPP);
	}
	err = crypto_aead_setkey(tfm, secret, PILOT_KEY_LEN) ?:
	      crypto_aead_setauthsize(tfm, PILOT_TAG_LEN);
	if (err) {
		NL_SET_ERR_MSG_MOD(extack, "AES-GCM refuses the key");
		crypto_free_aead(tfm);
		return ERR_PTR(err);
	}
	return tfm;
}

/*
 * The AAD is the sender ID at offset 4, but the API wants it right before the
 * text, and in the same scatterlist entry. The end of the nonce stands there;
 * it gives way to a copy of the ID for the time of the call.
 */
static int crypt(struct crypto_aead *tfm, u8 *frame, unsigned int len,
		 bool encrypt)
{
	struct pilot_aead_cpu *c = this_cpu_read(pilot_aead_cpu);
	u8 *aad = frame + PILOT_PILS_HLEN - sizeof(__be32);
	int err;

	memcpy(c->nonce, frame + offsetof(struct pilot_pils, prefix),
	       sizeof(c->nonce));
	memcpy(aad, frame + offsetof(struct pilot_pils, sender),
	       sizeof(__be32));
	sg_set_buf(&c->sg, aad, sizeof(__be32) + len +
		   (encrypt ? PILOT_TAG_LEN : 0));
	aead_request_set_tfm(&c->req, tfm);
	aead_request_set_crypt(&c->req, &c->sg, &c->sg, len, c->nonce);
	err = encrypt ? crypto_aead_encrypt(&c->req) :
			crypto_aead_decrypt(&c->req);
	memcpy(aad, c->nonce + PILOT_NONCE_LEN - sizeof(__be32), sizeof(__be32));
	return err;
}

/**
 * pilot_aead_seal() - encrypts in place
 * @tfm: cipher
 * @frame: PILS frame with its header filled in, the plaintext after it and
 *	room for the tag after that; contiguous
 * @len: length of the plaintext
 *
 * Context: bottom halves off, pilot_aead_usable(). Return: 0 or an error.
 */
int pilot_aead_seal(struct crypto_aead *tfm, u8 *frame, unsigned int len)
{
	return crypt(tfm, frame, len, true);
}

/**
 * pilot_aead_open() - authenticates and decrypts in place
 * @tfm: cipher
 * @frame: PILS frame, contiguous and writable
 * @len: length of the ciphertext with its tag
 *
 * On failure the text is destroyed. Context: bottom halves off,
 * pilot_aead_usable(). Return: 0, or -EBADMSG for a frame that is not genuine.
 */
int pilot_aead_open(struct crypto_aead *tfm, u8 *frame, unsigned int len)
{
	return crypt(tfm, frame, len, false);
}
