# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154  # cache comes from run
#
# Debian's kernels, unpacked in the cache: $cache/kernel/VERSION/ holds vmlinux, lib/modules and
# description. $cache/kernel/oldest, backports and newest are links to what was newest when last asked.
#
# apt is asked with a state of its own, so that the system's lists and sources stay as they are; its
# answers are verified with Debian's keyring as always.

readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly SUITES='bookworm bookworm-backports sid'

suite_of() {
	case $1 in
	oldest) echo bookworm ;;
	backports) echo bookworm-backports ;;
	newest) echo sid ;;
	*) return 1 ;;
	esac
}

# Sets kernel (its folder) and version. Touches the network only for a kernel that is not here.
kernel_get() {
	kernel_find "$1" && return
	fetch_lock
	kernel_find "$1" || kernel_fetch "$1"
	fetch_unlock
}

kernel_find() {
	[[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9.+~_-]*$ ]] || die "not a kernel: \"$1\""
	[ -s "$cache/kernel/$1/description" ] || return 1
	kernel=$(realpath "$cache/kernel/$1")
	version=${kernel##*/}
}

kernel_list() {
	local dir name alias
	for dir in "$cache"/kernel/*/; do
		dir=${dir%/}
		[ -s "$dir/description" ] && [ ! -L "$dir" ] || continue
		name=${dir##*/}
		printf '%s' "$(<"$dir/description")"
		for alias in oldest backports newest; do
			[ "$(readlink "$cache/kernel/$alias")" != "$name" ] || printf ' = %s' "$alias"
		done
		echo
	done
}

fetch_lock() {
	mkdir -p "$cache/kernel"
	exec {lock_fd}>"$cache/lock"
	flock "$lock_fd"
}

fetch_unlock() {
	exec {lock_fd}>&-
}

# The caller holds the lock. Asks apt: for the newest version of an alias, or for the one named.
kernel_fetch() {
	local suite
	if suite=$(suite_of "$1"); then
		apt_update "$suite"
		version=$(kernel_newest)
		[ -n "$version" ] || die "$suite has no linux-image-amd64"
		kernel_unpack "$suite"
		ln -sfn "$version" "$cache/kernel/.$1"
		mv -T "$cache/kernel/.$1" "$cache/kernel/$1"
	elif ! kernel_find "$1"; then
		version=$1
		suite=$(suite_with "linux-image-$1") || die "no suite has the kernel $1: $SUITES"
		kernel_unpack "$suite"
	fi
	kernel_find "$1"
}

suite_with() {
	local suite
	for suite in $SUITES; do
		apt_update "$suite"
		! apt_own apt-cache show "$1" >/dev/null 2>&1 || { echo "$suite"; return; }
	done
	return 1
}

# Where this machine's apt has a suite from; nothing where it does not have it.
apt_site() {
	apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT) $(CREATED_BY)' |
		awk -v c="$1" '$4 == "Packages" && $2 == c && $3 == "main" && !n++ { print $1 }'
}

# The suite from the mirror that has this machine's own, and what security adds to it, where known.
# KTLS_MIRROR stands for both.
apt_sources() {
	local mirror security=''
	mirror=${KTLS_MIRROR:-$(apt_site "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")")}
	[ -n "$mirror" ] || die "apt knows no Debian mirror: apt-get update, or set KTLS_MIRROR"
	echo "deb [signed-by=$KEYRING] $mirror $1 main"
	[ -n "${KTLS_MIRROR:-}" ] || security=$(apt_site "$1-security")
	[ -z "$security" ] || echo "deb [signed-by=$KEYRING] $security $1-security main"
}

# An empty dpkg status makes the suite's own version the candidate, whatever is installed here.
apt_update() {
	[ -r "$KEYRING" ] || die "missing packages; apt-get install debian-archive-keyring"
	say "asking $1 for its kernel"
	apt=$cache/apt/$1
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial"
	: >"$apt/status"
	apt_sources "$1" >"$apt/list"
	apt_own apt-get -qq --error-on=any update >"$apt/log" 2>&1 || die "apt-get update for $1: $(<"$apt/log")"
}

apt_own() {
	"$1" -o Dir::State="$apt/state" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
		-o Dir::Etc::sourcelist="$apt/list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "${@:2}"
}

apt_depends() {
	apt_own apt-cache depends "$1" | awk '$1 == "Depends:" { print $2 }'
}

kernel_newest() {
	apt_depends linux-image-amd64 | sed -n 's/^linux-image-//p' | head -n 1
}

# Newer packagings split the image: the kernel, its modules, and what depmod wants to know of both.
kernel_packages() {
	echo "linux-image-$version"
	apt_depends "linux-image-$version" |
		sed -nE "/^linux-(binary|modules|base)-${version//[.+]/\\&}\$/p"
}

# Everything is made ready aside and appears with one rename: there are no half kernels.
kernel_unpack() {
	local new=$cache/kernel/.new packages
	[ ! -s "$cache/kernel/$version/description" ] || return 0
	mapfile -t packages < <(kernel_packages)
	say "downloading ${packages[*]}"
	rm -rf "$new"
	mkdir -p "$new/deb" "$new/lib/modules"
	(cd "$new/deb" && apt_own apt-get -qq download "${packages[@]}") >"$apt/log" 2>&1 ||
		die "apt-get download: $(<"$apt/log")"
	for deb in "$new"/deb/*.deb; do
		dpkg-deb -x "$deb" "$new/deb/tree"
	done
	kernel_arrange "$new"
	echo "$version (Debian $(dpkg-deb -f "$deb" Version), $1)" >"$new/description"
	rm -rf "$new/deb"
	mv -T "$new" "$cache/kernel/$version"
}

kernel_arrange() {
	local tree=$1/deb/tree dir image
	for dir in "$tree/lib/modules/$version" "$tree/usr/lib/modules/$version"; do
		[ ! -d "$dir/kernel" ] || mv "$dir" "$1/lib/modules/"
	done
	for image in "$tree/boot/vmlinuz-$version" "$1/lib/modules/$version/vmlinuz"; do
		[ ! -f "$image" ] || kernel_decompress "$image" "$1/vmlinux"
	done
	[ -s "$1/vmlinux" ] || die "the packages of $version hold no kernel"
	depmod -b "$1" "$version"
}

# A little-endian number in a file: bytes wide, offset.
number_at() {
	od -An -v -t"u$2" -j "$3" -N "$2" "$1" | tr -d ' '
}

# Takes the ELF image out of a bzImage (Documentation/arch/x86/boot.rst: setup_sects,
# payload_offset, payload_length): decompressed here it boots seconds sooner than inside the VM.
kernel_decompress() {
	local start length
	start=$((($(number_at "$1" 1 $((0x1f1))) + 1) * 512 + $(number_at "$1" 4 $((0x248)))))
	length=$(number_at "$1" 4 $((0x24c)))
	# The payload ends with four bytes of length, which a decompressor would take amiss.
	dd if="$1" of="$2.packed" bs=1M iflag=skip_bytes,count_bytes skip="$start" \
		count=$((length - 4)) status=none
	case $(od -An -tx1 -N 4 "$2.packed" | tr -d ' ') in
	fd377a58) xz -dc "$2.packed" >"$2" ;;
	28b52ffd) zstd -qdc "$2.packed" >"$2" ;;
	1f8b08*) gzip -dc "$2.packed" >"$2" ;;
	*) cp "$1" "$2" ;;
	esac
	rm -f "$2.packed"
}
