import { stat } from 'node:fs/promises';
import { codeOf } from '../errors/index.ts';

/** The result of a file operation; undefined when the file or folder does not exist. */
export function ifThere<T>(operation: Promise<T>): Promise<T | undefined> {
  return unless(['ENOENT'], operation);
}

/**
 * The result of an operation on /proc; undefined when the process ended meanwhile, or belongs to another user who lets
 * nobody look.
 */
export function ifReadable<T>(operation: Promise<T>): Promise<T | undefined> {
  return unless(['ENOENT', 'ESRCH', 'EACCES', 'EPERM'], operation);
}

async function unless<T>(codes: readonly string[], operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (codes.includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

export async function fileExists(path: string): Promise<boolean> {
  return (await ifThere(stat(path))) !== undefined;
}
