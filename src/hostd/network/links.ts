import { isIP } from 'node:net';
import { delimiter } from 'node:path';
import { CachedAnswer } from '../../base/cached-answer.ts';
import type { Clock } from '../../base/clock.ts';
import { isRecord } from '../../base/json.ts';
import { hostErrors } from '../errors/index.ts';
import { locate, runProgram } from '../programs.ts';

/** The interface through which packets leave the host, and the router they go to, if any. */
export type HostRoute = { readonly device: string; readonly via?: string };

/** A network interface of the host. */
export type Link = {
  readonly name: string;
  /** `bridge`, `tun`, `veth` …; undefined for hardware. */
  readonly kind?: string;
  /** Of a `tun` device: `tap` when it carries Ethernet frames. */
  readonly type?: string;
  readonly mtu: number;
  /** Whether the interface was brought up, whether or not anything is connected to it. */
  readonly up: boolean;
  /** Whether something is connected to the interface; to a tap, a program. */
  readonly carrier: boolean;
  /** The bridge that it is a port of. */
  readonly master?: string;
  /** A free text, set by the interface's creator. */
  readonly alias?: string;
};

/** The host's network, by way of iproute2's `ip`: over netlink, so it is the network namespace of this process. */
export interface HostNetwork {
  /** Rejects with `NetworkToolMissing` when there is no `ip`. */
  locate(): Promise<string>;
  link(name: string): Promise<Link | undefined>;
  links(): Promise<readonly Link[]>;
  /** As `links`, but may be some seconds old (see `CachedAnswer`): `ip` is not called once for each VM that is inspected. */
  recentLinks(): Promise<readonly Link[]>;
  /** See {@link Prober.route}. */
  route(address: string): Promise<HostRoute | undefined>;
  /** Changes something. Rejects with `NetworkToolFailed` and the output of `ip`. */
  run(...argv: readonly string[]): Promise<void>;
}

const LIMIT_MS = 20_000;
const RECENT_MS = 1_000;
/** Where Debian keeps `ip`; the PATH of users other than root lacks these folders. */
const SYSTEM_PATH = ['/usr/sbin', '/sbin'].join(delimiter);

export function createHostNetwork(clock: Clock, searchPath: string): HostNetwork {
  const find = async () => {
    const program = await locate('ip', `${searchPath}${delimiter}${SYSTEM_PATH}`);
    if (program === undefined) throw hostErrors.networkToolMissing();
    return program;
  };
  const ip = async (argv: readonly string[]) => {
    const result = await runProgram(await find(), argv, { timeoutMs: LIMIT_MS });
    const failure = hostErrors.networkToolFailed(
      argv,
      result.stderr.trim() || `exit code ${result.exitCode}`,
    );
    return { ...result, failure };
  };
  const all = async () => {
    const { exitCode, stdout, failure } = await ip(['-j', '-d', 'link', 'show']);
    if (exitCode !== 0) throw failure;
    return linksIn(stdout);
  };
  const recent = new CachedAnswer<readonly Link[]>(clock, RECENT_MS);
  return {
    locate: find,
    link: async (name) => {
      const { exitCode, stdout, stderr, failure } = await ip(['-j', '-d', 'link', 'show', 'dev', name]);
      if (exitCode === 0) return linksIn(stdout)[0];
      if (/does not exist/.test(stderr)) return undefined;
      throw failure;
    },
    links: () => recent.keep(all()),
    recentLinks: () => recent.get(all),
    route: async (address) => {
      if (isIP(address) === 0) throw hostErrors.internal(new Error(`${address} is not an IP address`));
      const { exitCode, stdout, stderr, failure } = await ip(['-j', 'route', 'get', address]);
      if (exitCode === 0) return routeIn(stdout);
      // An answer of the kernel, not an error of ip: the address is unreachable, prohibited or blackholed.
      if (/^RTNETLINK answers:/m.test(stderr)) return undefined;
      throw failure;
    },
    run: async (...argv) => {
      const { exitCode, failure } = await ip(argv);
      recent.forget();
      if (exitCode !== 0) throw failure;
    },
  };
}

/** From `ip -j -d link show`. */
export function linksIn(output: string): readonly Link[] {
  return recordsIn(output).map((each) => {
    const info = isRecord(each.linkinfo) ? each.linkinfo : {};
    const data = isRecord(info.info_data) ? info.info_data : {};
    const flags = Array.isArray(each.flags) ? each.flags : [];
    return {
      name: String(each.ifname),
      mtu: Number(each.mtu),
      up: flags.includes('UP'),
      carrier: flags.includes('LOWER_UP'),
      ...text('kind', info.info_kind),
      ...text('type', data.type),
      ...text('master', each.master),
      ...text('alias', each.ifalias),
    };
  });
}

function routeIn(output: string): HostRoute | undefined {
  const [route] = recordsIn(output);
  if (typeof route?.dev !== 'string') return undefined;
  return { device: route.dev, ...text('via', route.gateway) };
}

/** Old versions of ip print `{}` for omitted entries. */
function recordsIn(output: string): readonly Readonly<Record<string, unknown>>[] {
  const value: unknown = JSON.parse(output === '' ? '[]' : output);
  const records = Array.isArray(value) ? value : [value];
  return records.filter((each) => isRecord(each) && Object.keys(each).length > 0);
}

function text<Key extends string>(key: Key, value: unknown) {
  return (typeof value === 'string' ? { [key]: value } : {}) as { readonly [K in Key]?: string };
}
