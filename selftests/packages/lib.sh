# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Machines with a fresh Debian 12 for run and walk, which source this at the top
# of the project. They get the packages and a script on a disk of their own.

out=$PWD/build/packages
here=$PWD/selftests/packages
PATH=$PATH:/sbin:/usr/sbin
tmp=$(mktemp -d "${TMPDIR:-/tmp}/pilot-packages.XXXXXX") || exit 1
pids=()
finish() {
	trap '' INT TERM HUP # timeout(1) sends one twice
	# bash would tell of each
	[ ${#pids[@]} -eq 0 ] || { kill -KILL "${pids[@]}"; wait; } 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
die() {
	echo "packages/${0##*/}: $*" >&2
	exit 1
}

# The Debian, the packages, and an initramfs that finds the root.
prepare() {
	local busybox
	"$here/image" "$out/image" || exit 1
	"$here/build" "$tmp/debs" >"$tmp/built" || die "the packages cannot be built"
	mkdir "$tmp/disk" && cp "$tmp"/debs/pilot-dkms_*.deb "$tmp"/debs/pilot-tools_*.deb "$tmp/disk/" || exit 1

	busybox=$(command -v busybox) || die "busybox is missing: apt install busybox-static"
	mkdir -p "$tmp/init/"{bin,dev,new} && cp "$busybox" "$tmp/init/bin/busybox" || exit 1
	cat >"$tmp/init/init" <<-'END'
		#!/bin/busybox sh
		bb=/bin/busybox
		$bb mount -t devtmpfs dev /dev
		for m in /modules/*.ko; do $bb insmod "$m"; done
		while ! [ -e /dev/vdb ]; do $bb sleep 0.1; done
		$bb mount -t ext4 -o noatime /dev/vda /new && $bb mount --move /dev /new/dev
		exec $bb switch_root /new /lib/systemd/systemd
	END
	chmod 755 "$tmp/init/init"
	(cd "$tmp/init" && find . | cpio --quiet -o -H newc -R 0:0) >"$tmp/init.cpio" &&
		cat "$tmp/init.cpio" "$out/image/modules.cpio" >"$tmp/initrd" || exit 1
}

# $tmp/disk as the machines see it; the script that they run is "guest" there.
make_disk() {
	mke2fs -q -t ext4 -O ^has_journal -d "$tmp/disk" "$tmp/packages.img" 32M >"$tmp/mke2fs" 2>&1 ||
		die "cannot make the disk: $(cat "$tmp/mke2fs")"
}

# In the background, with its console in $tmp/NAME.console.
boot() { # name, disk, kernel arguments, arguments of QEMU...
	local name=$1 disk=$2 append=$3 accel
	shift 3
	if grep -q -m1 -w -E 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then
		accel=(-accel kvm -cpu host)
	else
		accel=(-accel "tcg,thread=multi,tb-size=512" -cpu max)
	fi
	timeout --foreground -s KILL 2400 setpriv --pdeathsig KILL qemu-system-x86_64 -M q35 \
		-nodefaults -display none "${accel[@]}" -smp 2 -m 2048 \
		-kernel "$out/image/vmlinuz" -initrd "$tmp/initrd" \
		-append "console=ttyS0 panic=-1 oops=panic mitigations=off cryptomgr.notests no_timer_check tsc=unstable net.ifnames=0 systemd.show_status=0 quiet $append" \
		-drive "$disk,format=raw,if=virtio" \
		-drive "file=$tmp/packages.img,format=raw,if=virtio,snapshot=on" \
		-serial "file:$tmp/$name.console" "$@" >"$tmp/$name.qemu" 2>&1 </dev/null &
	pids+=($!)
}

# Fails if the kernel of a machine complained.
kernel_is_content() { # name
	! grep -E -f selftests/vm/kernel-reports "$tmp/$1.console" | tr -d '\r' | sed 's/^/# /' | grep .
}
