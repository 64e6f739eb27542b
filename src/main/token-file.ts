import { readFile } from 'node:fs/promises';
import type { TokenUser } from '../apiserver/auth/types.ts';

/** `token,user,uid`, and optionally the groups, optionally in quotes. */
const LINE = /^([^,"\s]+),([^,"]+),([^,"]*)(?:,(?:"([^"]*)"|([^,"]*)))?$/;

/**
 * Reads bearer tokens in the format of kube-apiserver's --token-auth-file, one a line: `token,user,uid,"group1,group2"`. Groups
 * and uid may be left out. Rejects with the number of a wrong line, never with its content, which is secret.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file
 */
export async function readTokenFile(path: string): Promise<TokenUser[]> {
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/);
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [, token, user, uid, quoted, plain] = LINE.exec(line.trim()) ?? [];
    if (token === undefined || user === undefined) {
      throw new Error(`${path}: line ${index + 1} is not token,user,uid,"group1,group2"`);
    }
    const groups = (quoted ?? plain ?? '').split(',').map((group) => group.trim());
    return [{ token, user, ...(uid ? { uid } : {}), groups: groups.filter((group) => group !== '') }];
  });
}
