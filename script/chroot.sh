# Sourced by scripts that work in a bare Debian: a folder made by debootstrap, which goes away when
# the script ends.
# shellcheck shell=bash
me=${0##*/}

step() { printf '%s: %s (%d s)\n' "$me" "$*" $SECONDS; }
no_chroot() { echo "$me: there can be no chroot here: $*" >&2; exit 1; }

inside() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

install_packages() {
    inside apt-get install -y -q --no-install-recommends "$@" >"$root/tmp/log" 2>&1 ||
        { tail -20 "$root/tmp/log"; return 1; }
}

leave_chroot() {
    for place in "$root"/{proc,dev/pts}; do
        ! mountpoint -q "$place" || umount "$place" || umount -l "$place"
    done
    rm -rf --one-file-system "$root"
}

# RELEASE: sets $root, with /proc (without it libtorch sees no AVX) and terminals in it; EBJR_BARE: a
# folder that debootstrap has made before, to copy
make_chroot() {
    SECONDS=0
    [ "$(id -u)" -eq 0 ] || no_chroot "only root may make one"
    command -v debootstrap >/dev/null ||
        apt-get install -y -q --no-install-recommends debootstrap >/dev/null ||
        no_chroot "debootstrap is not installed"
    root=$(mktemp -d "${TMPDIR:-/tmp}/ebjr-debian-XXXXXX")
    chmod 755 "$root" # apt fetches as a user of its own
    trap leave_chroot EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    step "a bare Debian $1"
    if [ -n "${EBJR_BARE:-}" ]; then
        cp -a "$EBJR_BARE/." "$root"
    else
        debootstrap --variant=minbase "$1" "$root" http://deb.debian.org/debian >"$root.log" 2>&1 ||
            { tail -5 "$root.log"; rm "$root.log"; no_chroot "debootstrap failed"; }
        rm "$root.log"
    fi
    mount -t proc proc "$root/proc" || no_chroot "/proc cannot be mounted in it"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts" ||
        no_chroot "/dev/pts cannot be mounted in it"
    mkdir -p "$root/ebjr"
    inside apt-get update -q >/dev/null
}
