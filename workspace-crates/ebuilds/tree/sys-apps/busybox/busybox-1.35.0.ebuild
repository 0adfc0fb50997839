EAPI=8

DEBIAN_REVISION="4+deb12u1"
DEBIAN_ORIG="tar.bz2"
inherit debian-source

DESCRIPTION="A shell and the usual small programs in one file"
HOMEPAGE="https://busybox.net/"

LICENSE="GPL-2"
SLOT="0"
KEYWORDS="amd64"
IUSE="bash iproute2 procps"

RDEPEND="
	bash? ( app-shells/bash )
	iproute2? ( sys-apps/iproute2 )
	procps? ( sys-process/procps )
"

# The parts of upstream's default configuration that are useless in a container.
LEFT_OUT=(
	# boot, login, and set-uid programs
	ADDGROUP ADDUSER ADD_SHELL BOOTCHARTD CHPASSWD CRYPTPW DELGROUP DELUSER FEATURE_SUID GETTY HALT INIT KLOGD LAST LINUXRC
	LOGIN LOGREAD MESG MKPASSWD NOLOGIN PASSWD POWEROFF REBOOT REMOVE_SHELL RUNLEVEL RUN_INIT SU SULOGIN SWITCH_ROOT
	SYSLOGD VLOCK WALL
	# services and their supervisors
	CHPST CROND CRONTAB DHCPRELAY DNSD DUMPLEASES ENVDIR ENVUIDGID FAKEIDENTD FTPD HUSH IFDOWN IFPLUGD IFUP INETD LPD LPQ
	LPR MAKEMIME NTPD POPMAILDIR REFORMIME RUNSV RUNSVDIR SENDMAIL SETUIDGID SOFTLIMIT START_STOP_DAEMON SV SVC SVLOGD
	SVOK TCPSVD TELNETD TFTPD UDHCPC UDHCPC6 UDHCPD UDPSVD ZCIP
	# kernel modules and hardware
	ACPID ADJTIMEX BEEP BLKDISCARD DEPMOD DEVMEM EJECT ETHER_WAKE FATATTR FDFLUSH FDFORMAT
	FREERAMDISK HDPARM HWCLOCK I2CDETECT I2CDUMP I2CGET I2CSET I2CTRANSFER INSMOD LSMOD LSPCI
	LSSCSI LSUSB MDEV MICROCOM MODINFO MODPROBE MODPROBE_SMALL MT NANDDUMP NANDWRITE NBDCLIENT PARTPROBE RAIDAUTORUN RDEV
	READAHEAD READPROFILE RESUME RMMOD RTCWAKE RX SETSERIAL SLATTACH UBIATTACH UBIDETACH UBIMKVOL UBIRENAME
	UBIRMVOL UBIRSVOL UBIUPDATEVOL UEVENT VOLNAME WATCHDOG
	# disks
	FDISK FSCK FSCK_MINIX FSFREEZE FSTRIM LOSETUP MAKEDEVS MKDOSFS MKE2FS MKFS_EXT2 MKFS_MINIX MKFS_VFAT MKSWAP
	PIVOT_ROOT SWAPOFF SWAPON
	# consoles
	CHVT CONSPY DEALLOCVT DUMPKMAP FBSET FBSPLASH FGCONSOLE KBD_MODE LOADFONT LOADKMAP OPENVT SETCONSOLE SETFONT SETKEYCODES
	SETLOGCONS SHOWKEY
	# package managers, manuals, and a program whose kernel headers are gone
	DPKG DPKG_DEB MAN RPM RPM2CPIO TC
)

src_configure() {
	emake HOSTCC="${CHOST}-gcc" defconfig
	local option
	for option in "${LEFT_OUT[@]}"; do
		grep -q "^CONFIG_${option}=y" .config || die "no option ${option}"
		sed -i "s/^CONFIG_${option}=y/# CONFIG_${option} is not set/" .config || die
	done
	sed -i \
		-e "s|^CONFIG_CROSS_COMPILER_PREFIX=.*|CONFIG_CROSS_COMPILER_PREFIX=\"${CHOST}-\"|" \
		-e "s|^CONFIG_EXTRA_LDFLAGS=.*|CONFIG_EXTRA_LDFLAGS=\"${LDFLAGS}\"|" \
		.config || die
	yes '' | emake HOSTCC="${CHOST}-gcc" oldconfig >/dev/null
}

src_compile() {
	# Portage strips.
	emake HOSTCC="${CHOST}-gcc" SKIP_STRIP=y V=1 busybox busybox.links
}

src_install() {
	dobin busybox

	local elsewhere=" "
	use bash && elsewhere+="sh "
	use iproute2 && elsewhere+="ip "
	use procps && elsewhere+="free pgrep pidof pkill pmap ps pwdx sysctl top uptime w watch "
	local path
	while read -r path; do
		[[ ${elsewhere} == *" ${path##*/} "* ]] && continue
		# /bin and /sbin are links to these.
		dosym -r /usr/bin/busybox "/usr${path#/usr}"
	done <busybox.links
}
