# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154  # cache, here, kernel, version, ... come from run
#
# How a kernel is booted: its initramfs, the accelerator, QEMU's command line.

# What is built in drops out by itself; modprobe knows the order.
readonly MODULES='virtio_pci 9pnet_virtio 9p overlay'

# Sets initramfs. Made anew where guest-init or busybox changed.
initramfs_get() {
	local sum
	sum=$(cat "$here/guest-init" "$here/boot.sh" "$(command -v busybox)" | sha256sum | cut -c1-16)
	initramfs=$kernel/initramfs-$sum
	[ -s "$initramfs" ] || initramfs_build
}

initramfs_build() {
	local work
	work=$(mktemp -d "$kernel/new.XXXXXX")
	mkdir -p "$work/root/bin" "$work/root/modules"
	cp "$(command -v busybox)" "$work/root/bin/busybox"
	ln -s busybox "$work/root/bin/sh"
	install -m 755 "$here/guest-init" "$work/root/init"
	modules_copy "$work/root/modules"
	initramfs_pack "$work/root" "$work/image"
	mv "$work/image" "$initramfs"
	find "$kernel" -maxdepth 1 -name 'initramfs-*' ! -path "$initramfs" -delete
	rm -rf "$work"
}

initramfs_pack() {
	(cd "$1" && find . | busybox cpio -o -H newc 2>/dev/null) >"$2"
}

# Numbered in load order, and decompressed: busybox's insmod takes plain modules only.
modules_copy() {
	local module file n=100
	for module in $MODULES; do
		modprobe -d "$kernel" -S "$version" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		n=$((n + 1))
		case $file in
		*.xz) xz -dc "$file" ;;
		*.zst) zstd -qdc "$file" ;;
		*) cat "$file" ;;
		esac >"$1/$n.ko"
	done
}

# Sets accel. A /dev/kvm that opens proves nothing: a kernel must have run on it.
accel_choose() {
	case $accel_wish in
	auto) accel=$(accel_known) ;;
	*) accel=$accel_wish ;;
	esac
	case $accel in
	kvm) cpu=host ;;
	*) cpu=max ;;
	esac
}

# The answer holds for this machine, kernel and QEMU.
accel_known() {
	local file=$cache/accel machine known='' answer
	[ -r /dev/kvm ] && [ -w /dev/kvm ] || { echo tcg; return; }
	machine="$(cat /etc/machine-id 2>/dev/null) $(uname -r) $(qemu-system-x86_64 --version | head -n 1)"
	[ ! -f "$file" ] || known=$(<"$file")
	if [ "${known#* }" = "$machine" ]; then
		echo "${known%% *}"
		return
	fi
	answer=tcg
	! kvm_works || answer=kvm
	echo "$answer $machine" >"$file.$$"
	mv "$file.$$" "$file"
	echo "$answer"
}

# Boots the kernel as far as a first program that says a word. Broken KVMs either fail at once or
# sit there for ever; a working one needs about a second.
kvm_works() (
	work=$(mktemp -d "$cache/kvm.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$work/root/bin" "$work/root/dev"
	cp "$(command -v busybox)" "$work/root/bin/busybox"
	ln -s busybox "$work/root/bin/sh"
	install -m 755 /dev/stdin "$work/root/init" <<-'END'
		#!/bin/sh
		/bin/busybox mknod /dev/ttyS0 c 4 64
		echo it works >/dev/ttyS0
		/bin/busybox reboot -f
	END
	initramfs_pack "$work/root" "$work/image"
	qemu_run kvm host 256 "$work/image" -serial "file:$work/serial" >"$work/err" 2>&1 &
	trap 'kill -9 $! || true; wait $! || true; rm -rf "$work"' EXIT
	exec 2>/dev/null
	for ((i = 0; i < 80; i++)); do
		! grep -q 'it works' "$work/serial" 2>/dev/null || return 0
		! grep -qE 'KVM internal error|Could not access KVM' "$work/err" || return 1
		kill -0 "$qemu" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
)

# accelerator, CPU, memory, initramfs, further arguments. An oops ends the VM, and so does init's
# death: with -no-reboot that is QEMU's end too. QEMU never outlives us, however we end.
qemu_run() {
	local thread=''
	[ "$1" != tcg ] || thread=,thread=multi
	exec setpriv --pdeathsig TERM timeout -k 5 "$limit" setpriv --pdeathsig KILL \
		qemu-system-x86_64 -nodefaults -no-user-config -display none -monitor none -no-reboot \
		-accel "$1$thread" -cpu "$2" -smp "$cpus" -m "$3" -kernel "$kernel/vmlinux" -initrd "$4" \
		-append 'console=ttyS0 panic=-1 oops=panic tsc=reliable no_timer_check' "${@:5}" </dev/null
}

# Sets vm, the process to wait for or to kill.
vm_start() {
	local share_option=security_model=none
	qemu_run "$accel" "$cpu" "$memory" "$initramfs" -serial "file:$share/console" \
		-fsdev "local,id=r,path=/,$share_option,readonly=on,multidevs=remap" \
		-device virtio-9p-pci,fsdev=r,mount_tag=root \
		-fsdev "local,id=w,path=$share,$share_option" \
		-device virtio-9p-pci,fsdev=w,mount_tag=share >"$share/qemu" 2>&1 &
	vm=$!
}
