import { chmod, copyFile, link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT_FOLDER } from '../../../domain/cloud-init/install-agent.ts';
import { type SeedRequest, seedTexts } from '../../../domain/cloud-init/seed.ts';
import type { DesiredAppliance } from '../../../host/protocol.ts';
import { codeOf } from '../../errors/index.ts';
import { PARTIAL_SUFFIX, syncDirectory, syncFile } from '../../files/durable-files.ts';
import { fileExists } from '../../files/if-there.ts';
import { ensureSpace } from '../../files/space.ts';
import { digest } from '../digest.ts';
import type { Step } from '../pass.ts';
import { labelOf, type Scope } from '../scope.ts';
import { fileNameIn } from '../service.ts';
import { macFor, machineUuidOf } from './mac.ts';

type CloudInit = NonNullable<DesiredAppliance['cloudInit']>;

const BEGINNING = 'seed-';
/** Hexadecimal digits of its digest in a seed's name. */
const DIGITS = 16;
/** With secrets of users in it. */
const PRIVATE = 0o600;

/** The seed of the desired state. Its name follows from its content, so one that is there is whole and the right one. */
export function seedPathOf({ desired, directory }: Pick<Scope, 'desired' | 'directory'>, told: CloudInit) {
  const packages = told.agentPackages.map((each) => [fileNameIn(each.url), each.sha256]);
  const name = digest([seedTexts(requestOf(desired, told)), packages]).slice(0, DIGITS);
  return join(directory.path, `${BEGINNING}${name}.iso`);
}

/**
 * The VM's volume for cloud-init is there. A VM that runs keeps the one that it has: it reads it at its first boot. Killed anywhere,
 * the step begins again; the volume gets its name last.
 */
export function seedStep(scope: Scope, told: CloudInit): Step {
  const { host, desired, directory } = scope;
  return {
    name: 'Seed',
    isDone: async () => {
      if (await fileExists(seedPathOf(scope, told))) return true;
      return (await host.driver.inspect(desired.uuid, directory.path))?.state === 'Running';
    },
    run: async (signal) => {
      await ensureSpace(
        directory.path,
        `the volume for cloud-init of ${labelOf(desired)}`,
        0,
        host.reserveBytes,
      );
      for (const { url, sha256 } of told.agentPackages) await host.packages.fetch(url, sha256, signal);
      await removeSeeds(directory.path);
      const path = seedPathOf(scope, told);
      const folder = `${path}.files`;
      const partial = path + PARTIAL_SUFFIX;
      await fill(scope, told, folder);
      await host.driver.images.createSeed(folder, partial, signal);
      await rm(folder, { recursive: true });
      await chmod(partial, PRIVATE);
      await syncFile(partial);
      await rename(partial, path);
      await syncDirectory(directory.path);
    },
  };
}

/** Those of earlier desired states, and what was not finished. */
async function removeSeeds(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(BEGINNING)) await rm(join(directory, name), { recursive: true });
  }
}

async function fill({ host, desired }: Scope, told: CloudInit, folder: string): Promise<void> {
  await mkdir(join(folder, AGENT_FOLDER), { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(seedTexts(requestOf(desired, told)))) {
    await writeFile(join(folder, name), text, { mode: PRIVATE });
  }
  for (const [index, { url, sha256 }] of told.agentPackages.entries()) {
    // The names of two may be the same at their sources.
    await linkOrCopy(host.packages.path(sha256), join(folder, AGENT_FOLDER, `${index}-${fileNameIn(url)}`));
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (codeOf(error) !== 'EXDEV' && codeOf(error) !== 'EPERM') throw error;
    await copyFile(from, to);
  }
}

function requestOf(desired: DesiredAppliance, told: CloudInit): SeedRequest {
  const { network, service } = desired;
  const { sshAuthorizedKeys, userData } = told;
  const { hostname } = service.parameters;
  const uuid = machineUuidOf(desired);
  const common = { uuid, hostname, mac: macFor(desired), sshAuthorizedKeys, userData };
  if (network.mode === 'user') return common;
  const { address, prefixLength, gateway, dns } = network;
  return {
    ...common,
    address: { address, prefixLength, dns, ...(gateway === undefined ? {} : { gateway }) },
  };
}
