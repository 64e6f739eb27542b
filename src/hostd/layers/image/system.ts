import { clipped } from '../../../base/clip.ts';
import type { Files } from './ext-files.ts';

/** What is installed on a disk, as far as its files tell. */
export type System = {
  /** From `/etc/os-release`: its name for people, and `ID` and `VERSION_ID` for programs. */
  readonly name?: string;
  readonly id?: string;
  readonly version?: string;
  /** Where qemu-guest-agent is. */
  readonly agent?: string;
  /** The file of its settings, in which some distributions forbid it to run programs. */
  readonly agentSettings?: string;
  /** Where cloud-init is. */
  readonly cloudInit?: string;
};

const OS_RELEASE = ['/usr/lib/os-release', '/etc/os-release'] as const;
const AGENT = ['/usr/sbin/qemu-ga', '/usr/bin/qemu-ga'] as const;
const AGENT_SETTINGS = ['/etc/sysconfig/qemu-ga'] as const;
const CLOUD_INIT = ['/usr/bin/cloud-init', '/usr/local/bin/cloud-init'] as const;
const LONGEST_BYTES = 200;

/** Looks into a file system for the system on it. What is not there is missing in the result. */
export async function systemOn(files: Files): Promise<System> {
  const release = await firstRead(files, OS_RELEASE);
  const found = {
    ...(release === undefined ? {} : parseOsRelease(release)),
    agent: await firstThere(files, AGENT),
    agentSettings: await firstThere(files, AGENT_SETTINGS),
    cloudInit: await firstThere(files, CLOUD_INIT),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}

/** https://www.freedesktop.org/software/systemd/man/os-release.html */
export function parseOsRelease(text: string): Pick<System, 'name' | 'id' | 'version'> {
  const value = (key: string) => {
    const line = text.split('\n', 1000).find((each) => each.startsWith(`${key}=`));
    const unquoted = line?.slice(key.length + 1).replaceAll(/["'\\]/g, '');
    // Whoever made the image chose it, and it ends on a terminal.
    return unquoted === undefined
      ? undefined
      : clipped(unquoted.replaceAll(/\p{C}/gu, '').trim(), LONGEST_BYTES);
  };
  const [name, id, version] = [value('PRETTY_NAME') ?? value('NAME'), value('ID'), value('VERSION_ID')];
  return {
    ...(name === undefined ? {} : { name }),
    ...(id === undefined ? {} : { id }),
    ...(version === undefined ? {} : { version }),
  };
}

async function firstRead(files: Files, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const content = await files.read(path);
    if (content !== undefined) return content;
  }
  return undefined;
}

async function firstThere(files: Files, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await files.has(path)) return path;
  return undefined;
}
