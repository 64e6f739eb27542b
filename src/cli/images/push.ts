import { createReadStream } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { templatePath, UPLOAD } from '../../api/subresources.ts';
import { relay } from '../../base/relay.ts';
import { ApiError } from '../../kube/api-error.ts';
import { Progress } from '../progress.ts';
import { type Access, accessOf, refused, urlOn } from '../streams.ts';

/** A file that goes to the hosts as that of a template. */
export interface Push {
  readonly config: KubeConfig;
  readonly template: { readonly namespace: string; readonly name: string };
  readonly path: string;
  readonly bytes: number;
  /** Whether the template is Ready: then nothing is missing. */
  readonly isReady: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/** How far it is, and where. */
type Standing = { readonly host: string; readonly receivedBytes: number; readonly complete: boolean };

/** API servers end requests after a minute: a piece is there by then, over slow lines, too. */
const PIECE_BYTES = 4 * 1024 * 1024;
const ANSWER_TIMEOUT_MS = 60_000;
/** So many failures in a row, with pauses that double, are some four minutes. */
const ATTEMPTS = 12;
/** After so many, a host that has the beginning is given up, and another one takes the file. */
const ATTEMPTS_ON_HOST = 9;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/**
 * Sends a file, piece by piece, from where it is. Goes on after answers that may pass; rejects with the last of them when they do not, or
 * with a refusal. Whoever calls it again goes on where it ended.
 */
export async function pushFile(push: Push): Promise<void> {
  const access = await accessOf(push.config);
  let progress: Progress | undefined;
  let told = '';
  let host: string | undefined;
  for (let failures = 0; ; ) {
    try {
      if (await push.isReady()) break;
      const begun = await ask(push, access, failures < ATTEMPTS_ON_HOST ? host : undefined);
      host = begun.host;
      if (begun.complete) break;
      progress ??= new Progress(push.bytes, begun.receivedBytes);
      await sendAll(push, access, begun, (bytes) => {
        failures = 0;
        progress?.add(bytes);
      });
      break;
    } catch (error) {
      failures += 1;
      if (push.signal.aborted || !mayPass(error) || failures >= ATTEMPTS) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (message !== told) console.error(`${message}: trying again`);
      told = message;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures);
      await delay(pause, undefined, { signal: push.signal });
    }
  }
  progress?.finish('pushed');
}

async function sendAll(
  push: Push,
  access: Access,
  begun: Standing,
  onSent: (bytes: number) => void,
): Promise<void> {
  for (let at = begun; !at.complete; ) {
    const next = await send(push, access, at);
    onSent(next.receivedBytes - at.receivedBytes);
    at = next;
  }
}

function ask(push: Push, access: Access, host: string | undefined): Promise<Standing> {
  return call(push, access, 'GET', host === undefined ? '' : new URLSearchParams({ host }).toString(), {});
}

function send(push: Push, access: Access, { host, receivedBytes }: Standing): Promise<Standing> {
  const end = Math.min(push.bytes, receivedBytes + PIECE_BYTES);
  const query = new URLSearchParams({ host, offset: String(receivedBytes) }).toString();
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(end - receivedBytes),
  };
  return call(push, access, 'POST', query, headers, { start: receivedBytes, end: end - 1 });
}

async function call(
  { template, path, signal }: Push,
  access: Access,
  method: 'GET' | 'POST',
  query: string,
  headers: Readonly<Record<string, string>>,
  part?: { readonly start: number; readonly end: number },
): Promise<Standing> {
  const { head } = await relay({
    url: urlOn(access, templatePath(UPLOAD, template.namespace, template.name), query),
    method,
    headers: { ...access.headers, ...headers },
    tls: access.tls,
    timeoutMs: ANSWER_TIMEOUT_MS,
    signal,
    ...(part === undefined ? {} : { body: createReadStream(path, part) }),
  });
  const answer = await text(head);
  if (head.statusCode !== 200) throw refused('upload', template, head.statusCode ?? 0, answer);
  return JSON.parse(answer) as Standing;
}

/** A lost connection, a part that starts again, a place that another request took. A full disk is freed by a person. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof ApiError)) return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  return [0, 408, 409, 429, 500, 502, 503, 504].includes(error.status);
}
