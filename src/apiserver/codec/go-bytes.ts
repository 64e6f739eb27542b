import type { JsonValue } from '../types.ts';

/** Bytes as Go reads them from JSON, base64 or a list of numbers, in base64; or why they are none. */
export function normalBytes(value: string | readonly JsonValue[]): { bytes: string; problem?: string } {
  if (typeof value !== 'string') {
    return {
      bytes: Buffer.from(value.map((item) => (typeof item === 'number' ? item : 0))).toString('base64'),
    };
  }
  const position = badPosition(value);
  if (position === undefined) return { bytes: Buffer.from(value, 'base64').toString('base64') };
  return { bytes: '', problem: `illegal base64 data at input byte ${position}` };
}

/** Where Go's decoder stops: at the first invalid character, or at an incomplete last group of four. It skips line breaks. */
function badPosition(text: string): number | undefined {
  const strange = text.search(/[^A-Za-z0-9+/=\r\n]/);
  if (strange >= 0) return strange;
  const plain = text.replaceAll(/[\r\n]/g, '');
  if (plain.length % 4 === 0 && /^[^=]*={0,2}$/.test(plain)) return undefined;
  const padding = plain.indexOf('=');
  return padding >= 0 && padding % 4 < 2 ? padding : Math.floor(plain.length / 4) * 4;
}
