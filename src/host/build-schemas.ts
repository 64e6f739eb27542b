import { BUILD_STATES } from './states.ts';
import { arrayOf, closed, enumOf, mapOf, oneOf, open, optional, string } from './typed-schema.ts';
import { count, fileName, path, positive, sha256, timeout, url } from './values.ts';

/** The part of the daemon's API that is about builds; `schemas.ts` has the rest, and the rules for both. */

const base64 = string({ pattern: '^[A-Za-z0-9+/]*={0,2}$' });

/** Every step has a name for people, and a limit. */
const named = {
  name: optional(string({ minLength: 1, maxLength: 63, pattern: '^[ -~]+$' })),
  timeoutSeconds: timeout,
};

const copied = oneOf('kind', {
  /** One file. */
  bytes: { base64 },
  /** A folder of files: file name → content in base64. */
  files: { files: mapOf(fileName, base64) },
  /** One file, which the host fetches. */
  url: { url, sha256 },
});

const buildStep = oneOf('kind', {
  /** A script for the guest's /bin/sh. */
  run: { ...named, script: string({ minLength: 1, maxLength: 65_536, pattern: '^[^\\u0000]*$' }) },
  copy: {
    ...named,
    content: copied,
    /** A file, or the folder of `files`. */
    to: path,
    mode: optional(string({ pattern: '^0?[0-7]{3,4}$' })),
    owner: optional(string({ maxLength: 64, pattern: '^[A-Za-z0-9_.-]+(:[A-Za-z0-9_.-]+)?$' })),
  },
  /** The guest is powered off cleanly, and started again. */
  reboot: named,
});

/**
 * An appliance that builds the disk of a template: it runs these steps, cleans its guest, powers off, and has no service. It is not
 * started again when that is done, nor when a step has failed.
 */
export const desiredBuildSchema = closed({
  steps: arrayOf(buildStep, 64),
  /** Paths in the guest that are removed at the end, beside what is always removed. */
  clean: arrayOf(path, 64),
});

const failure = open({
  /** From 1; absent when the build itself failed, and not one of its steps. */
  step: optional(positive),
  name: optional(string()),
  /** Of its script; absent when it did not end by itself. */
  exitCode: optional(count),
  reason: string(),
  message: string(),
});

/** How far a build is. */
export const buildStatusSchema = open({
  state: enumOf(BUILD_STATES),
  /** From 1: the step that runs, or is next; one more than there are when all are done. */
  step: positive,
  steps: count,
  name: optional(string()),
  /** From 1: it begins again on a new disk when its VM ends, or when nobody can tell how a step ended. */
  attempt: positive,
  failure: optional(failure),
});
