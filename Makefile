# SPDX-License-Identifier: GPL-2.0
#
# "make help" lists the targets.

MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

# Where to install; scripts/install has the rest of them.
PREFIX ?= /usr/local
export DESTDIR PREFIX SBINDIR INCLUDEDIR MANDIR DOCDIR UNITDIR SYSUSERSDIR BASHCOMPDIR ZSHCOMPDIR SRCDIR

# ---- which kernel: KERNEL=, KDIR=, else the running one's headers, else the
# newest

ifdef KERNEL
  KVER := $(shell scripts/kernels '$(KERNEL)' >&2 && cat 'build/kernels/$(KERNEL)/version')
  KDIR := $(shell cat 'build/kernels/$(KERNEL)/kdir')
  KMAKE = scripts/kernels '$(KERNEL)' $(MAKE)
  ifeq ($(KVER),)
    $(error no kernel '$(KERNEL)')
  endif
else ifdef KDIR
  KVER := $(shell cat '$(KDIR)/include/config/kernel.release' 2>/dev/null)
else
  KVER := $(firstword $(foreach v,$(shell uname -r; ls /lib/modules /usr/src 2>/dev/null | \
	    sed -n 's/^linux-headers-//p;/^[0-9]/p' | sort -urV), \
	    $(if $(wildcard /lib/modules/$(v)/build/Makefile),$(v),$(if \
	      $(and $(wildcard /usr/src/linux-headers-$(v)/.config),$(wildcard /usr/src/linux-headers-$(v)/Makefile)),$(v)))))
  KDIR := $(firstword $(wildcard /lib/modules/$(KVER)/build /usr/src/linux-headers-$(KVER)))
endif

KMAKE ?= $(MAKE)

# Objects stay out of the source tree: kbuild works in build/KVER on links to
# the sources.
OUT := build/$(KVER)
LINKED := $(wildcard kernel/*.[ch] kernel/*.mk)

.PHONY: all module userspace test-modules check check-all check-debug check-packages format-check \
	bench bench-build bench-history bench-reference demo demo-attack vm deps install uninstall \
	modules_install dkms-install dkms-uninstall clean help

all: module userspace

help:
	@echo 'make                 build the module (build/VERSION/pilot.ko) and the programs'
	@echo 'make demo            watch two nodes talk through the module, in a VM'
	@echo 'make demo-attack     watch attacks on a tunnel fail'
	@echo 'make check           run all tests'
	@echo 'make check-all       run all tests, on kernels 6.12 and 7.3 too, and the packages'
	@echo 'make check-debug     run the kselftests on a kernel that finds mistakes'
	@echo 'make check-packages  try the Debian packages in a Debian of their own'
	@echo 'make format-check    how the sources are laid out; with KSRC=DIR also checkpatch'
	@echo 'make bench           measure pilot beside other tunnels, in VMs of three kernels'
	@echo 'make bench-history   plot what make bench measured over time'
	@echo 'make bench-reference make the present speed the one make check compares with'
	@echo 'make vm              a root shell in a VM with the module and the programs'
	@echo 'make install         install programs, manuals, units (PREFIX=/usr/local, DESTDIR=)'
	@echo 'make modules_install install the module for the kernel it was built for'
	@echo 'make dkms-install    install the source of the module, for DKMS to build'
	@echo 'make uninstall       remove what make install has installed'
	@echo 'make dkms-uninstall  remove what make dkms-install has installed'
	@echo 'make clean           remove what was built'
	@echo
	@echo 'KERNEL=6.12          for that kernel of scripts/kernels, fetched if need be'
	@echo 'KDIR=DIR             kernel headers to build against'
	@echo 'W=1 C=1              more warnings; run sparse'
	@echo 'LANES=N              parts of check, check-all, check-debug that run at a time'
	@echo 'VM="ARGS"            more arguments for selftests/vm/run, as in VM="--kernel 6.12"'

module:
	@$(if $(KVER),,echo "No kernel headers found$(if $(filter command% environment%,$(origin KDIR)), in KDIR=$(KDIR)): apt install linux-headers-amd64, or give KDIR=" >&2; exit 1)
	@[ -n '$(KERNEL)' ] || [ -e '$(KDIR)/Makefile' ] || { echo 'KDIR=$(KDIR) has no Makefile: apt install linux-headers-amd64, or give another KDIR=' >&2; exit 1; }
	@mkdir -p $(OUT)/kernel
	@find $(OUT)/kernel -xtype l -delete
	@ln -sfn $(CURDIR)/Kbuild $(CURDIR)/include $(OUT)/
	@ln -sf $(LINKED:%=$(CURDIR)/%) $(OUT)/kernel/
	@# Two builds in one place would trip over each other.
	+flock $(OUT) $(KMAKE) -C '$(KDIR)' M=$(CURDIR)/$(OUT) modules
	@scripts/module-index $(OUT) $(KVER)
	@# What selftests/vm/run boots when not told.
	$(if $(filter file,$(origin OUT)),$(if $(KERNEL),,@echo $(KVER) >build/last))

userspace:
	$(MAKE) -C userspace

deps:
	@scripts/deps

# The recipes below may have just installed the headers: find them anew.
check: deps
	@selftests/check

check-all: deps
	@selftests/check all

check-debug:
	@scripts/deps coccinelle clang-tidy gcc-s390x-linux-gnu qemu-user qemu-system-misc
	@selftests/check debug

check-packages:
	@scripts/deps
	@selftests/packages/run

# The debug kernel comes with the source it was made from.
KSRC ?= $(wildcard build/kernels/debug/root/usr/src/linux-source-6.1)
format-check:
	@selftests/format && echo 'All sources keep the rules of selftests/format.'
	@if [ -n '$(KSRC)' ]; then selftests/static --checkpatch '$(KSRC)' && echo 'checkpatch --strict is content with the module.'; \
	else echo 'Not asked: checkpatch; KSRC= names a kernel source that has it.'; fi

# Modules that tests load beside ours; they are not installed.
test-modules: module
	@mkdir -p $(OUT)/fpuhold
	@ln -sf $(CURDIR)/selftests/pilot/fpuhold/* $(OUT)/fpuhold/
	+$(KMAKE) -C '$(KDIR)' M=$(CURDIR)/$(OUT)/fpuhold modules

bench-build: module userspace
	$(MAKE) -C selftests/bench OUT=$(CURDIR)/build/bench
	@mkdir -p $(OUT)/nulltun
	@ln -sf $(CURDIR)/selftests/bench/nulltun/* $(CURDIR)/kernel/compat.* $(OUT)/nulltun/
	+flock $(OUT) $(KMAKE) -C '$(KDIR)' M=$(CURDIR)/$(OUT)/nulltun modules

# Each kernel is built for in a make of its own: KERNEL= decides on it early.
BENCH_KERNELS ?= 6.1 6.12 7.3
bench:
	@scripts/deps wireguard-tools
	@for k in $(BENCH_KERNELS); do \
		$(MAKE) -s bench-build $$([ $$k = 6.1 ] || echo KERNEL=$$k) && \
		selftests/bench/run --keep --kernel $$k || exit; \
	done
	@selftests/bench/tables

bench-history:
	@selftests/bench/history

bench-reference: deps
	@selftests/bench/guard --update

demo: deps
	@$(MAKE) all
	@selftests/demo/run $(VM)

demo-attack: deps
	@$(MAKE) all
	@selftests/demo/run --attack $(VM)

vm: deps
	@$(MAKE) all
	@selftests/vm/run --timeout 0 --no-check-log --tty $(VM)

modules_install: module
	install -D -m 644 $(OUT)/pilot.ko '$(DESTDIR)/lib/modules/$(KVER)/updates/pilot.ko'
	$(if $(DESTDIR),,depmod $(KVER))

install: userspace
	@scripts/install tools
	@$(if $(DESTDIR),,! [ -d /run/systemd/system ] || { systemd-sysusers && systemctl daemon-reload; })

uninstall:
	@scripts/install tools --remove
	@$(if $(DESTDIR),,! [ -d /run/systemd/system ] || systemctl daemon-reload)

dkms-install:
	@scripts/install dkms

dkms-uninstall:
	@scripts/install dkms --remove

clean:
	[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name kernels -exec rm -rf {} +
	$(MAKE) -C userspace clean
