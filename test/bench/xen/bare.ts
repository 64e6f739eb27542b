import { randomUUID } from 'node:crypto';
import type { XenHost } from './host.ts';

/**
 * The same overlay and the same configuration, with a name and a uuid of their own: `$1` the folder, `$2` a uuid. libxl's
 * time-outs are borne as the driver bears them. Prints when it began, when it ended, and how often that was.
 */
const BARE = `set -e
cd "$1"
backing=$(qemu-img info -U -f qcow2 --output=json disk.qcow2 | sed -n 's/.*"full-backing-filename": "\\(.*\\)".*/\\1/p')
mkdir -p /tmp/bare
sed -e "s,$1/disk,/tmp/bare/disk," -e "s/^uuid = .*/uuid = \\"$2\\"/" -e 's/^name = .*/name = "bare"/' \\
  -e "s/[0-9a-f-]*\\.agent/bare.agent/; s/[0-9a-f-]*\\.none/bare.none/; s/mac=.*,bridge/mac=00:16:3e:ff:ff:01,bridge/" domain.cfg > /tmp/bare/domain.cfg
timeouts=0
begin=$(date +%s.%N)
qemu-img create -q -f qcow2 -F qcow2 -b "$backing" /tmp/bare/disk.qcow2
until xl create -q -e /tmp/bare/domain.cfg 2>/tmp/bare/words; do
  cat /tmp/bare/words >&2
  grep -Eqi 'timed out|because of timeout|rc ?= ?-(8|9|11|15)' /tmp/bare/words
  timeouts=$((timeouts + 1))
  test $timeouts -lt 4
  xl destroy bare >&2 || :
done
echo "$begin $(date +%s.%N) $timeouts"`;

/** What making a VM by hand took, by the host's own clock. */
export interface BareCreation {
  readonly seconds: number;
  readonly timeouts: number;
}

/** By hand, what the daemon made of the appliance with that uuid. */
export async function createBare({ bed }: XenHost, model: string): Promise<BareCreation> {
  const folder = `${bed.stateDirectory}/appliances/${model}`;
  const words = await bed.run(['sh', '-c', BARE, 'sh', folder, randomUUID()]);
  const [begin, end, timeouts] = words.trim().split(' ').map(Number);
  if (begin === undefined || end === undefined || timeouts === undefined) {
    throw new Error(`the times of a bare creation are not ${words}`);
  }
  return { seconds: end - begin, timeouts };
}

export async function removeBare({ bed }: XenHost): Promise<void> {
  await bed.run(['sh', '-c', 'xl destroy bare && rm -r /tmp/bare']);
}
