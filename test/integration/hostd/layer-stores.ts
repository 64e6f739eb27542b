import { join } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '../../../src/base/clock.ts';
import type { ImageTool } from '../../../src/hostd/drivers/driver.ts';
import { factsOf } from '../../../src/hostd/layers/image/judge.ts';
import { diskOpener } from '../../../src/hostd/layers/sealing.ts';
import { LayerStore } from '../../../src/hostd/layers/store.ts';
import type { LayerStoreOptions } from '../../../src/hostd/layers/store-options.ts';

type Change = Partial<Pick<LayerStoreOptions, 'holders' | 'shared' | 'onGone' | 'log'>>;

/** The layers of a host below this directory. It fetches none from other hosts. To be opened. */
export function layerStoreIn(directory: string, images: ImageTool, change: Change = {}): LayerStore {
  const log = change.log ?? pino({ level: 'silent' });
  const { diskFormat } = images;
  return new LayerStore({
    directory: join(directory, 'layers'),
    openDisk: diskOpener(diskFormat),
    factsOf: (path) => factsOf(path, images),
    digHoles: (path, signal) => images.digHoles(path, signal),
    receive: {
      directory: join(directory, 'receiving'),
      diskFormat,
      credentials: () => ({ ca: '', cert: '', key: '' }),
      ensureRoom: async () => undefined,
      backoff: { initialMs: 10, maxMs: 50 },
      clock: systemClock,
      random: Math.random,
      log,
    },
    holders: () => [],
    onChange: () => undefined,
    onGone: async () => undefined,
    ...change,
    log,
  });
}
