import { readServiceLog } from '../../domain/services/service-log.ts';
import type { DesiredAppliance } from '../../host/protocol.ts';
import type { Driver } from '../drivers/driver.ts';
import { hostErrors } from '../errors/index.ts';

/**
 * The last `bytes` of what an appliance's service printed, from its guest. Rejects with `NoServiceLog` when its container keeps none, with
 * `AgentUnavailable` when its guest does not answer.
 * @param directory the appliance's folder on this host
 */
export async function serviceLogOf(
  driver: Pick<Driver, 'guest'>,
  { uuid, service }: DesiredAppliance,
  directory: string,
  bytes: number,
): Promise<string> {
  const { name, container } = service;
  const reading = readServiceLog(container.type, name, bytes);
  if (reading === undefined) throw hostErrors.noServiceLog(name, container.type);
  const guest = driver.guest(uuid, directory);
  try {
    const { exitCode, stdout, stderr } = await guest.exec(reading.argv, {
      timeoutMs: reading.timeoutSeconds * 1000,
    });
    if (exitCode !== 0) throw hostErrors.guestCommandFailed(reading.title, exitCode, stderr);
    return stdout;
  } finally {
    guest.close();
  }
}
