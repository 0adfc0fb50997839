#!/bin/sh
# Finishes a root of unpacked Debian packages. Runs once, as root, inside a container that has no network.
set -eu
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true LC_ALL=C.UTF-8 PYTHONHASHSEED=0
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

dpkg --force-unsafe-io --force-confnew --configure --pending

unfinished=$(dpkg-query --show --showformat='${db:Status-Abbrev} ${Package}\n' | grep -v '^ii  ' || true)
if [ -n "$unfinished" ]; then
    printf 'packages that are not configured:\n%s\n' "$unfinished" >&2
    exit 1
fi

# Without these every emerge would compile Portage again. -f: files that the check below writes would contain the time.
python3 -m compileall -q -f -j 0 /usr/lib/python3/dist-packages/portage /usr/lib/python3/dist-packages/_emerge
python3 -c 'import portage, _emerge.main'
ldconfig

# These files differ from run to run, or a builder has no use for them.
rm -rf /var/log/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/cache/apt/* /var/lib/apt/lists/* \
    /var/lib/dpkg/*-old /etc/.pwd.lock /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/machine-id \
    /tmp/* /var/tmp/portage/* /run/* 2>/dev/null || true
