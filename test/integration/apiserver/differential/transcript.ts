import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeProtobuf } from '../../../../src/apiserver/codec/protobuf-encode.ts';
import type { JsonObject } from '../../../../src/apiserver/types.ts';
import { Caller, type Reply } from '../world.ts';
import { type Case, PROTOBUF, type Step } from './case.ts';

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; 'certificate-authority': string } }[];
  readonly users: readonly { user: { 'client-certificate': string; 'client-key': string } }[];
}

/** A caller of the server that a kubeconfig, as the tests write it, names. */
export async function callerOf(kubeconfigPath: string): Promise<Caller> {
  const { clusters, users } = JSON.parse(await readFile(kubeconfigPath, 'utf8')) as Kubeconfig;
  const [{ cluster } = {}] = clusters;
  const [{ user } = {}] = users;
  if (cluster === undefined || user === undefined)
    throw new Error(`${kubeconfigPath} names no cluster or user`);
  const [ca, cert, key] = await Promise.all(
    [cluster['certificate-authority'], user['client-certificate'], user['client-key']].map((path) =>
      readFile(path, 'utf8'),
    ),
  );
  return new Caller(cluster.server, ca ?? '', { cert: cert ?? '', key: key ?? '' });
}

/** What of an answer must be the same on both servers. */
export interface Line {
  readonly request: string;
  readonly status: number;
  readonly contentType: string | undefined;
  readonly warning: string | undefined;
  readonly retryAfter: string | undefined;
  /** Of a step that asks for it. */
  readonly caching?: object;
  readonly body: unknown;
}

/**
 * Plays a case on a server, in the namespace `ns`, and tells what it answered. `known` is what is known from cases
 * played before, and takes up what this one learns.
 */
export async function transcript(
  api: Caller,
  { steps }: Case,
  ns: string,
  known: Record<string, string> = {},
): Promise<Line[]> {
  const lines: Line[] = [];
  known.ns = ns;
  known.n = /\d+$/.exec(ns)?.[0] ?? '0';
  known.four = known.n.padStart(4, '0');
  await play(api, steps, known, lines);
  return lines;
}

async function play(
  api: Caller,
  steps: readonly Step[],
  known: Record<string, string>,
  lines: Line[],
): Promise<void> {
  for (const step of steps) {
    if (step.method === 'WATCH') {
      await playWatch(api, step, known, lines);
      continue;
    }
    const reply = await settled(api, step, known);
    remember(reply, known);
    lines.push(lineOf(step, reply));
  }
}

/** kube-controller-manager looks for new kinds every 30 s; until then it collects nothing of theirs. */
const PATIENCE_MS = 90_000;

/** The answer; of a step with a condition the first one for which it holds: two servers that never get there would be alike. */
async function settled(api: Caller, step: Step, known: Readonly<Record<string, string>>): Promise<Reply> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const reply = await send(api, step, known);
    if (step.until?.(reply.status, reply.body) ?? true) return reply;
    if (performance.now() > deadline) {
      throw new Error(
        `${step.method} ${step.path} never gets there: ${reply.status} ${reply.text.slice(0, 1000)}`,
      );
    }
    await delay(50);
  }
}

/** Opens a watch, takes the steps that come meanwhile, and adds the events one by one. */
async function playWatch(
  api: Caller,
  step: Step,
  known: Record<string, string>,
  lines: Line[],
): Promise<void> {
  const { path, headers = {}, during = [], events = 0 } = step;
  const watch = await api.watch(filled(path, known), filledHeaders(headers, known));
  const timer = setTimeout(() => watch.close(), PATIENCE_MS);
  try {
    await play(api, during, known, lines);
    for (let count = 0; count < events; count += 1) {
      const event = await watch.next();
      if (event === undefined) {
        lines.push(eventLine(step, 'the watch ends'));
        return;
      }
      lines.push(eventLine(step, step.view === undefined ? event : step.view(event)));
    }
  } finally {
    clearTimeout(timer);
    watch.close();
  }
}

function eventLine({ path }: Step, event: unknown): Line {
  const nothing = { contentType: undefined, warning: undefined, retryAfter: undefined };
  return { request: `WATCH ${path}`, status: 200, ...nothing, body: normalised(event) };
}

function filledHeaders(
  headers: NonNullable<Step['headers']>,
  known: Readonly<Record<string, string>>,
): Record<string, string | string[]> {
  const fill = (value: string | string[]) =>
    Array.isArray(value) ? value.map((one) => filled(one, known)) : filled(value, known);
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)]));
}

function filled(text: string, known: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{(ns|rv|uid|continue|etag|n|four)\}/g, (_, name: string) => known[name] ?? '');
}

async function send(api: Caller, step: Step, known: Readonly<Record<string, string>>): Promise<Reply> {
  const { body, type, headers, token } = step;
  return await api.call(step.method, filled(step.path, known), {
    body: filledBody(body, type, known),
    ...(type === undefined ? {} : { type }),
    ...(token === undefined ? {} : { token }),
    ...(headers === undefined ? {} : { headers: filledHeaders(headers, known) }),
  });
}

function filledBody(
  body: unknown,
  type: string | undefined,
  known: Readonly<Record<string, string>>,
): unknown {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  const text = filled(typeof body === 'string' ? body : JSON.stringify(body), known);
  return type === PROTOBUF ? encodeProtobuf(JSON.parse(text) as JsonObject) : text;
}

function remember(reply: Reply, known: Record<string, string>): void {
  const { resourceVersion, uid, continue: token } = reply.body?.metadata ?? {};
  if (resourceVersion !== undefined) known.rv = resourceVersion;
  if (uid !== undefined) known.uid = uid;
  if (token !== undefined) known.continue = encodeURIComponent(token);
  const { etag } = reply.headers;
  if (etag !== undefined) known.etag = etag;
}

function lineOf(step: Step, reply: Reply): Line {
  const { headers, status, text } = reply;
  const seen = reply.body === undefined ? text : normalised(reply.body);
  const { warning } = headers as { warning?: string | string[] };
  return {
    request: `${step.method} ${step.path}`,
    status,
    contentType: headers['content-type'],
    warning: Array.isArray(warning) ? warning.join(', ') : warning,
    retryAfter: headers['retry-after'],
    ...(step.isCached ? { caching: cachingOf(headers) } : {}),
    body: step.view === undefined ? seen : step.view(seen),
  };
}

/** How the tag is made is each server's own, and only kube-apiserver compresses. */
function cachingOf({ etag = '', vary = '', ...headers }: Reply['headers']): object {
  const varies = vary.split(', ').filter((name) => name !== 'Accept-Encoding');
  return { hasTag: /^"[0-9A-F]{128}"$/.test(etag), control: headers['cache-control'], varies };
}

const STANDS_FOR: ReadonlyMap<string, string> = new Map([
  ['resourceVersion', 'RV'],
  ['continue', 'TOKEN'],
]);

/** The value without what differs from one server, and one run, to the next. */
function normalised(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalised);
  if (typeof value === 'string') return plain(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [plain(key), ofField(key, item)]),
  );
}

function ofField(key: string, value: unknown): unknown {
  const placeholder = STANDS_FOR.get(key);
  if (placeholder !== undefined && typeof value === 'string' && value !== '') return placeholder;
  const simple = normalised(value);
  // Go goes through maps, and so finds errors, in any order; owners of the same second have none either.
  if (key === 'message') return withoutOrder(String(simple));
  if (!Array.isArray(simple) || !isUnordered(key, simple)) return simple;
  return simple.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Definitions have no order among each other, and so have the resources of a group. */
function isUnordered(key: string, [first]: readonly unknown[]): boolean {
  const isDiscovery = typeof first === 'object' && first !== null && 'singularName' in first;
  return key === 'managedFields' || key === 'causes' || (key === 'resources' && isDiscovery);
}

/** Several errors are in the causes, too: there they are compared; those of a merge are lines, and are sorted. */
function withoutOrder(message: string): string {
  const sorted = message.replace(
    /^(failed to create typed patch object .*: errors:)\n(.*)$/s,
    (_, start: string, lines: string) => [start, ...lines.split('\n').sort()].join('\n'),
  );
  return sorted.replace(/is invalid: \[.*\]$/s, 'is invalid: [SEVERAL]');
}

/** All that differs has a digit, but for the two that are named; most texts, some of them megabytes, have none of the three. */
const MAY_DIFFER = /\d|generated-|Invalid value: "\{/;

function plain(text: string): string {
  if (!MAY_DIFFER.test(text)) return text;
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, (time) => (isNow(time) ? 'TIME' : time))
    .replaceAll(/"resourceVersion":"\d+"/g, '"resourceVersion":"RV"')
    .replaceAll(/resourceVersion: '\d+'/g, "resourceVersion: 'RV'")
    .replaceAll(/\\"resourceVersion\\":\\"\d+\\"/g, '\\"resourceVersion\\":\\"RV\\"')
    .replaceAll(/(ResourceVersion in \w+) \(\d+\)/g, '$1 (RV)')
    .replaceAll(/too old resource version: (\d+) \(\d+\)/g, 'too old resource version: $1 (RV)')
    .replaceAll(
      /Too large resource version: (\d+), current: \d+/g,
      'Too large resource version: $1, current: RV',
    )
    .replaceAll(/\bgenerated-[a-z0-9]{5}\b/g, 'generated-SUFFIX')
    .replace(/^\d+s$/, 'AGE')
    .replaceAll(/(?<=Invalid value: )"\{(?:[^"\\]|\\.)*"/g, sortedFields);
}

const DAY_MS = 86_400_000;

/** A time of this run; those that a case names stay as they are. */
function isNow(time: string): boolean {
  return Math.abs(Date.parse(time) - Date.now()) < DAY_MS;
}

/** A quoted object; the order of its fields, and of owners, has no meaning. */
function sortedFields(quoted: string): string {
  try {
    return JSON.stringify(normalised(JSON.parse(JSON.parse(quoted))));
  } catch {
    return quoted;
  }
}
