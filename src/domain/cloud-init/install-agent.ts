/** The folder of the seed with the packages of the agent. */
export const AGENT_FOLDER = 'coppice';

/**
 * Run by cloud-init as root, once per machine, at the end of its first boot. Gives the guest an agent that answers: from the seed's
 * packages, else from the distribution's repository; without the list of commands by which some distributions forbid guest-exec.
 * What it says is on the console.
 */
export const INSTALL_AGENT = `#!/bin/sh
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { echo "coppice: $*"; }
has() { command -v "$1" >/dev/null 2>&1; }

from_seed() {
  seed=/run/coppice-seed
  device=/dev/disk/by-label/cidata
  [ -e "$device" ] || device=$(findfs LABEL=cidata) || return 1
  mkdir -p "$seed" && mount -o ro "$device" "$seed" || return 1
  set -- "$seed/${AGENT_FOLDER}"/*
  case $1 in
    *.deb) say "installing qemu-guest-agent from the seed"; DEBIAN_FRONTEND=noninteractive dpkg -i "$@" ;;
    *.rpm) say "installing qemu-guest-agent from the seed"; rpm -U --replacepkgs "$@" ;;
    *.apk) say "installing qemu-guest-agent from the seed"; apk add --no-network --allow-untrusted "$@" ;;
    *) false ;;
  esac
  status=$?
  umount "$seed"
  return $status
}

from_repository() {
  say "installing qemu-guest-agent from the distribution's repository"
  if has apt-get; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update && apt-get -q install -y --no-install-recommends qemu-guest-agent
  elif has dnf; then dnf -y install qemu-guest-agent
  elif has zypper; then zypper --non-interactive install qemu-guest-agent
  elif has apk; then apk add qemu-guest-agent
  else say "this distribution has none of apt-get, dnf, zypper and apk"; false
  fi
}

has qemu-ga || from_seed || from_repository
if ! has qemu-ga; then
  say "no agent could be installed: give the template packages (guest.agentPackages), or the guest a network"
  exit 1
fi

settings=/etc/sysconfig/qemu-ga
if [ -e "$settings" ]; then
  sed -i 's/^\\(BLACKLIST_RPC\\|BLOCK_RPCS\\|FILTER_RPC_ARGS\\|QEMU_GA_ARGS\\)=.*/\\1=/' "$settings"
fi
if has systemctl; then
  systemctl daemon-reload
  # Where udev starts it there is nothing to enable.
  systemctl enable qemu-guest-agent.service >/dev/null 2>&1
  systemctl restart qemu-guest-agent.service
elif has rc-update; then
  rc-update add qemu-guest-agent default
  rc-service qemu-guest-agent restart
else say "the agent is installed, and nothing is known here that starts it"; exit 1
fi || { say "the agent did not start"; exit 1; }
say "the agent runs"
`;
