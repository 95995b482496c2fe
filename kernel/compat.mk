# SPDX-License-Identifier: GPL-2.0
#
# Looks in the kernel's headers for what compat.h has to know. Versions tell
# little, since stable kernels get features of later ones.

have = $(if $(wildcard $(srctree)/include/$(1)),-D$(2))
# -z: the pattern may go on over the ends of lines
says = $(if $(shell grep -z -c '$(2)' $(srctree)/include/$(1) 2>/dev/null | grep 1),-D$(3))

ccflags-y += $(call have,net/gso.h,PILOT_HAVE_GSO_H)
ccflags-y += $(call have,crypto/utils.h,PILOT_HAVE_CRYPTO_UTILS_H)
ccflags-y += $(call have,linux/unaligned.h,PILOT_HAVE_UNALIGNED_H)
ccflags-y += $(call says,net/udp_tunnel.h,void setup_udp_tunnel_sock.[^;]*struct sock \*,PILOT_HAVE_TUNNEL_SK)
ccflags-y += $(call says,net/udp_tunnel.h,void udp_tunnel_xmit_skb.[^;]*ipcb_flags,PILOT_HAVE_IPCB_FLAGS)
ccflags-y += $(call says,net/genetlink.h,genl_info_dump,PILOT_HAVE_INFO_DUMP)
ccflags-y += $(call says,linux/workqueue.h,system_dfl_wq,PILOT_HAVE_DFL_WQ)
ccflags-y += $(call says,net/rtnetlink.h,struct rtnl_newlink_params {,PILOT_HAVE_NEWLINK_PARAMS)
