/** The folder of the seed with the packages of the agent. */
export const AGENT_FOLDER = 'coppice';

/**
 * Run by root in the guest, at the end of each boot. Gives it an agent that answers: from the seed's packages, else from the
 * distribution's repository; without the list of commands by which some distributions forbid guest-exec. An installation that a
 * power cut ended is begun again. An agent that runs is left alone: it may be at work. What the script says is on the console.
 */
const INSTALL_AGENT = `#!/bin/sh
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
begun=/var/lib/cloud/coppice-agent.begun
say() { echo "coppice: $*"; }
has() { command -v "$1" >/dev/null 2>&1; }

from_seed() {
  seed=/run/coppice-seed
  device=/dev/disk/by-label/cidata
  [ -e "$device" ] || device=$(findfs LABEL=cidata) || return 1
  mkdir -p "$seed" && mount -o ro "$device" "$seed" || return 1
  set -- "$seed/${AGENT_FOLDER}"/*
  say "looking for packages of qemu-guest-agent on the seed"
  case $1 in
    *.deb) DEBIAN_FRONTEND=noninteractive dpkg -i "$@" ;;
    *.rpm) rpm -U --replacepkgs "$@" ;;
    *.apk) apk add --no-network --allow-untrusted "$@" ;;
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
    dpkg --configure -a
    apt-get -q update && apt-get -q install -y --no-install-recommends qemu-guest-agent
  elif has dnf; then dnf -y install qemu-guest-agent
  elif has zypper; then zypper --non-interactive install qemu-guest-agent
  elif has apk; then apk add qemu-guest-agent
  else say "this distribution has none of apt-get, dnf, zypper and apk"; false
  fi
}

if ! has qemu-ga || [ -e "$begun" ]; then
  : >"$begun"
  if ! from_seed && ! from_repository; then
    say "no agent could be installed: give the template packages (guest.agentPackages), or the guest a network"
    exit 1
  fi
  sync
  rm "$begun"
fi

changed=no
settings=/etc/sysconfig/qemu-ga
forbids='^\\(BLACKLIST_RPC\\|BLOCK_RPCS\\|FILTER_RPC_ARGS\\|QEMU_GA_ARGS\\)=..*'
if grep -qs "$forbids" "$settings"; then
  sed -i "s/$forbids/\\1=/" "$settings"
  changed=yes
fi
if has systemctl; then
  [ "$changed" = no ] && systemctl -q is-active qemu-guest-agent.service && exit 0
  # Each of these has systemd read all units again: seconds. Where udev starts the agent, its unit is static.
  [ "$(systemctl show --property NeedDaemonReload --value qemu-guest-agent.service)" = no ] || systemctl daemon-reload
  [ "$(systemctl is-enabled qemu-guest-agent.service 2>/dev/null)" != disabled ] || systemctl -q enable qemu-guest-agent.service
  systemctl restart qemu-guest-agent.service
elif has rc-update; then
  [ "$changed" = no ] && rc-service -q qemu-guest-agent status && exit 0
  rc-update add qemu-guest-agent default
  rc-service qemu-guest-agent restart
else say "the agent is installed, and nothing is known here that starts it"; false
fi || { say "the agent did not start"; exit 1; }
say "the agent runs"
`;

/** Where cloud-init looks for programs that it runs at the end of each boot. */
const EVERY_BOOT = '/var/lib/cloud/scripts/per-boot';

/**
 * What the seed says in the name of Coppice: a hook, which cloud-init runs early in each boot, puts the script where cloud-init runs it
 * late. A script that is vendor data itself counts as done from its start, and would not be run again after a power cut.
 */
export const VENDOR_DATA = `#cloud-boothook
#!/bin/sh
mkdir -p ${EVERY_BOOT}
cat >${EVERY_BOOT}/coppice-agent.new <<'END_OF_SCRIPT'
${INSTALL_AGENT}END_OF_SCRIPT
chmod 0755 ${EVERY_BOOT}/coppice-agent.new
mv ${EVERY_BOOT}/coppice-agent.new ${EVERY_BOOT}/coppice-agent
`;
