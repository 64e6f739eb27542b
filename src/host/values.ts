import { integer, number, string, typed } from './typed-schema.ts';

/** What single values in the daemon's API look like. Every name that reaches a path or a command has its pattern. */

export const uuid = string({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' });
/** Lower-case hex digest of a file as its source serves it. */
export const sha256 = string({ pattern: '^[0-9a-f]{64}$' });
/** The name of a layer, which follows from its content: 64 lower-case hexadecimal digits. */
export const identity = string({ pattern: '^[0-9a-f]{64}$' });
/** Whether addresses and prefix fit together is checked by `src/hostd/network/request.ts`. */
export const ipAddress = string({
  maxLength: 45,
  anyOf: [
    { type: 'string', format: 'ipv4' },
    { type: 'string', format: 'ipv6' },
  ],
});
export const port = integer(1, 65_535);
export const dnsLabel = string({ pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' });
export const dnsName = string({ maxLength: 253, pattern: '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$' });
export const text = string({ minLength: 1, maxLength: 4096, pattern: '^[^\\u0000]*$' });
export const path = string({ minLength: 1, maxLength: 1024, pattern: '^/[^\\u0000\\r\\n]*$' });
/** Relative, and never upwards. */
export const fileName = string({
  maxLength: 255,
  pattern: '^[-._a-zA-Z0-9]+(/[-._a-zA-Z0-9]+)*$',
  not: { type: 'string', pattern: '(^|/)[.][.]?(/|$)' },
});
export const environmentName = string({ maxLength: 253, pattern: '^[A-Za-z_][A-Za-z0-9_]*$' });
export const url = string({ minLength: 1, maxLength: 4096, pattern: '^(file|http|https):[^\\s\\u0000]+$' });
/** Of a disk image, which may also be in a container image of a registry, or a file that a user pushed. */
export const layerUrl = string({
  minLength: 1,
  maxLength: 4096,
  pattern: '^(file|http|https|docker|upload):[^\\s\\u0000]+$',
});
export const count = integer(0, Number.MAX_SAFE_INTEGER);
export const positive = integer(1, Number.MAX_SAFE_INTEGER);
export const instant = string({ format: 'date-time' });
export const command = typed<readonly string[]>({ type: 'array', minItems: 1, maxItems: 256, items: text });
export const timeout = number({ exclusiveMinimum: 0, maximum: 86_400 });
