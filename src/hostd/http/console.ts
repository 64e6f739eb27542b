import type { Duplex } from 'node:stream';
import { CHANNELS, type StreamStatus, successStatus } from '../../host/streams.ts';
import { hostErrors } from '../errors/index.ts';
import type { Channels, Stream } from './channels.ts';
import type { RouteContext } from './context.ts';

/** `GET /v1/appliances/{uuid}/console` as a WebSocket: what is typed on channel 0, what the VM prints on channel 1. */
export async function openConsoleStream(
  { appliances, driver, stopping }: RouteContext,
  uuid: string,
): Promise<Stream> {
  const directory = appliances.directoryOf(uuid);
  if (directory === undefined) throw hostErrors.noSuchAppliance(uuid);
  const vm = await driver.openConsole(directory.path);
  // Without a listener an error would end the daemon.
  vm.on('error', () => vm.destroy());
  return { run: (channels) => attach(vm, channels, stopping), close: () => vm.destroy() };
}

/** Resolves when the VM's side has ended. */
async function attach(vm: Duplex, channels: Channels, stopping: AbortSignal): Promise<StreamStatus> {
  const { promise, resolve, reject } = Promise.withResolvers<StreamStatus>();
  const stop = () => reject(hostErrors.stopping());
  stopping.addEventListener('abort', stop, { once: true });
  if (stopping.aborted) stop();
  for (const event of ['end', 'close']) vm.once(event, () => resolve(successStatus()));
  vm.on('data', (printed: Buffer) => {
    channels.send(CHANNELS.stdout, printed);
    if (channels.full) vm.pause();
  });
  vm.on('drain', () => channels.resume());
  channels.receive({
    data: (channel, keys) => {
      if (channel === CHANNELS.stdin && !vm.write(keys)) channels.pause();
    },
    // Who types nothing more may still read.
    end: () => undefined,
    room: () => vm.resume(),
  });
  try {
    return await promise;
  } finally {
    stopping.removeEventListener('abort', stop);
    vm.destroy();
  }
}
