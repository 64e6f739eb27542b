import { resolve } from 'node:path';
import { isRecord } from '../../../base/json.ts';
import { createQemuImg, type QemuImgConfig } from './qemu-img.ts';

/** A part of a file, in bytes, that is no hole. */
export type Stretch = { readonly start: number; readonly length: number };

/** The stretches of a file that are no holes, in order. */
export type DataFinder = (path: string, signal?: AbortSignal) => Promise<readonly Stretch[]>;

/** By qemu-img, because Node cannot ask where a file's holes are, and to read them takes as long as to read data. */
export function createDataFinder(config: QemuImgConfig): DataFinder {
  const qemuImg = createQemuImg(config);
  return async (path, signal) => {
    const file = resolve(path);
    const argv = ['map', '-U', '-f', 'raw', '--output=json', file];
    const map: unknown = JSON.parse((await qemuImg(argv, file, { signal })).stdout);
    if (!Array.isArray(map)) throw new Error(`qemu-img shows no map of ${file}`);
    return map.flatMap((each) => {
      const isData = isRecord(each) && each.data === true;
      return isData ? [{ start: Number(each.start), length: Number(each.length) }] : [];
    });
  };
}
