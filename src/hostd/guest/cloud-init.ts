import { orAborted } from '../../base/abort.ts';
import { isRecord } from '../../base/json.ts';
import { hostErrors } from '../errors/index.ts';
import type { Guest } from './guest.ts';

/** How far cloud-init is in this boot of a guest. */
export type CloudInitState =
  | { readonly state: 'running' }
  | { readonly state: 'missing' }
  | { readonly state: 'done'; readonly errors: readonly string[] };

/** How the script shows in the guest's process list. */
const ASK_CLOUD_INIT = 'coppice-ask-cloud-init';

const RUNS = 17;
const MISSING = 18;
const TIMEOUT_MS = 60_000;

/** Waits a while in the guest, where it costs less than another question. The file is written at the very end. */
const SCRIPT = `tries=10
while :; do
  if [ -f /run/cloud-init/result.json ]; then
    while read -r line; do printf '%s\\n' "$line"; done </run/cloud-init/result.json
    exit 0
  fi
  [ ! -e /run/cloud-init/disabled ] || exit ${MISSING}
  command -v cloud-init >/dev/null 2>&1 || exit ${MISSING}
  [ "$tries" -gt 0 ] || exit ${RUNS}
  tries=$((tries - 1))
  sleep 1
done`;

/** Asks once, for up to ten seconds while cloud-init runs. */
export async function askCloudInit(guest: Guest, signal: AbortSignal): Promise<CloudInitState> {
  const argv = ['/bin/sh', '-c', SCRIPT, ASK_CLOUD_INIT];
  const { exitCode, stdout, stderr } = await orAborted(guest.exec(argv, { timeoutMs: TIMEOUT_MS }), signal);
  if (exitCode === RUNS) return { state: 'running' };
  if (exitCode === MISSING) return { state: 'missing' };
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('ask how far cloud-init is', exitCode, stderr);
  return { state: 'done', errors: errorsIn(stdout) };
}

/** `{"v1": {"errors": […]}}`; a file of another form says nothing of errors. */
function errorsIn(text: string): readonly string[] {
  try {
    const value: unknown = JSON.parse(text);
    const result = isRecord(value) && isRecord(value.v1) ? value.v1 : {};
    return Array.isArray(result.errors) ? result.errors.map(String) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
