/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Frame layouts and constants of the Pilot tunnel protocol, shared by the
 * kernel module, the userspace programs and the tests.
 *
 * All integers on the wire are big-endian. Source of every number here:
 * Documentation/protocol.rst, sections 1, 2 and 7.
 */
#ifndef _PILOT_WIRE_H
#define _PILOT_WIRE_H

#include <linux/types.h>

/* First four bytes of a tunnel frame. */
#define PILOT_MAGIC_PILS	0x50494c53u	/* secure data */
#define PILOT_MAGIC_PILA	0x50494c41u	/* authenticated key exchange */
#define PILOT_MAGIC_PILK	0x50494c4bu	/* unauthenticated key exchange */
#define PILOT_MAGIC_PILP	0x50494c50u	/* NAT punch */
#define PILOT_MAGIC_PILT	0x50494c54u	/* plaintext packet, never accepted */

#define PILOT_MAGIC_LEN		4
#define PILOT_KEY_LEN		32		/* AES-256 */
#define PILOT_TAG_LEN		16
#define PILOT_NONCE_LEN		12
#define PILOT_X25519_LEN	32
#define PILOT_ED25519_LEN	32
#define PILOT_SIG_LEN		64

/**
 * struct pilot_pils - header of a PILS frame
 * @magic: PILOT_MAGIC_PILS
 * @sender: node ID of the sender; its four bytes are the AAD
 * @prefix: first part of the nonce, random per derived key
 * @counter: second part of the nonce, counts from 1
 *
 * Ciphertext and the 16-byte tag follow. The AEAD nonce is @prefix and
 * @counter as they stand on the wire.
 */
struct pilot_pils {
	__be32 magic;
	__be32 sender;
	__be32 prefix;
	__be64 counter;
} __attribute__((packed));

#define PILOT_PILS_HLEN		20
#define PILOT_PILS_MIN		(PILOT_PILS_HLEN + PILOT_TAG_LEN)

/**
 * struct pilot_pila - PILA frame; longer ones are accepted, the tail ignored
 * @magic: PILOT_MAGIC_PILA
 * @sender: node ID of the sender
 * @x25519: sender's X25519 public key
 * @ed25519: sender's Ed25519 public key
 * @sig: Ed25519 signature over "auth", @sender, @x25519 (40 bytes)
 */
struct pilot_pila {
	__be32 magic;
	__be32 sender;
	__u8 x25519[PILOT_X25519_LEN];
	__u8 ed25519[PILOT_ED25519_LEN];
	__u8 sig[PILOT_SIG_LEN];
} __attribute__((packed));

#define PILOT_PILA_LEN		136

/**
 * struct pilot_pilk - PILK frame; longer ones are accepted, the tail ignored
 * @magic: PILOT_MAGIC_PILK
 * @sender: node ID of the sender
 * @x25519: sender's X25519 public key
 */
struct pilot_pilk {
	__be32 magic;
	__be32 sender;
	__u8 x25519[PILOT_X25519_LEN];
} __attribute__((packed));

#define PILOT_PILK_LEN		40

/**
 * struct pilot_inner - header of a Pilot packet inside a PILS frame
 * @ver_flags: version (1) in the high nibble, PILOT_INNER_F_* in the low one
 * @proto: PILOT_PROTO_*
 * @len: payload length; bytes past it are ignored
 * @src_net: network of the source
 * @src: node ID of the source
 * @dst_net: network of the destination
 * @dst: node ID of the destination
 * @sport: source port
 * @dport: destination port
 * @seq: sequence number
 * @ack: acknowledgment number
 * @window: receive window
 * @crc: CRC32-IEEE over header (with this field zero) and payload
 */
struct pilot_inner {
	__u8 ver_flags;
	__u8 proto;
	__be16 len;
	__be16 src_net;
	__be32 src;
	__be16 dst_net;
	__be32 dst;
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__be16 window;
	__be32 crc;
} __attribute__((packed));

#define PILOT_INNER_HLEN	34
#define PILOT_INNER_VERSION	1
#define PILOT_INNER_F_SYN	0x1
#define PILOT_INNER_F_ACK	0x2
#define PILOT_INNER_F_FIN	0x4
#define PILOT_INNER_F_RST	0x8
#define PILOT_PROTO_STREAM	1
#define PILOT_PROTO_DATAGRAM	2
#define PILOT_PROTO_CONTROL	3

/* A first byte below this is a beacon message, not a frame. */
#define PILOT_BEACON_LIMIT	0x10

enum pilot_beacon_type {
	PILOT_BEACON_DISCOVER		= 0x01,	/* node id 4 */
	PILOT_BEACON_DISCOVER_REPLY	= 0x02,	/* ip length 1, ip, port 2 */
	PILOT_BEACON_PUNCH_REQUEST	= 0x03,	/* requester 4, target 4 */
	PILOT_BEACON_PUNCH_COMMAND	= 0x04,	/* ip length 1, ip, port 2 */
	PILOT_BEACON_RELAY		= 0x05,	/* sender 4, destination 4, frame */
	PILOT_BEACON_RELAY_DELIVER	= 0x06,	/* sender 4, frame */
};

#define PILOT_RELAY_HLEN	9
#define PILOT_DELIVER_HLEN	5

/* Stateless address map: fd50:494c:4f54:NETWORK::NODE-HIGH:NODE-LOW */
#define PILOT_MAP_PREFIX0	0xfd50494cu
#define PILOT_MAP_PREFIX1	0x4f54u

#define PILOT_HKDF_INFO		"pilot-tunnel-v1"

/* Constants of section 2 that both halves need. Times in milliseconds. */
#define PILOT_REPLAY_WINDOW		256
#define PILOT_REPLAY_WINDOW_MAX		8192
#define PILOT_MAX_CRYPTO_PEERS		16384
#define PILOT_EPOCHS_RETAINED		4
#define PILOT_EPOCHS_MAX		64
#define PILOT_PENDING_PER_PEER		64
#define PILOT_PENDING_PEERS		256
#define PILOT_SALVAGE_ENTRIES		4
#define PILOT_SALVAGE_MS		5000
#define PILOT_KEEPALIVE_SECS		25
#define PILOT_REKEY_REQUEST_MS		3000
#define PILOT_DEFAULT_PORT		37736

#endif /* _PILOT_WIRE_H */
