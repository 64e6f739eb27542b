import { own } from '../base/own.ts';
import { ApiError, isNotFound, isUnreachable } from '../kube/api-error.ts';

/** What to do about an error of the operating system, by its code. */
const ADVICE: Readonly<Record<string, string>> = {
  EACCES: 'run it as the user who owns that file or folder, or name another folder with --data-dir',
  EPERM: 'run it as the user who owns that file or folder, or name another folder with --data-dir',
  EROFS: 'name another folder with --data-dir',
  ENOTDIR: 'a part of that path is a file: name another folder with --data-dir',
  ENOSPC: 'the disk is full: free space, then run it again; nothing is lost',
  EDQUOT: 'the disk quota is used up: free space, then run it again; nothing is lost',
};

/** An error for people: its message, and what to do about it. */
export function explainError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ApiError) return `${error.message}${adviceOnApi(error)}`;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && path !== undefined) return explainMissing(path);
  const advice = own(ADVICE, code ?? '');
  return advice === undefined ? error.message : `${error.message}\n${advice}`;
}

function explainMissing(path: string): string {
  if (!path.endsWith('kubeconfig')) return `${path} does not exist`;
  return `${path} does not exist: start Coppice with \`coppice up\`, or name a cluster with --kubeconfig`;
}

function adviceOnApi(error: ApiError): string {
  if (isUnreachable(error)) {
    return '\nIs Coppice running? Start it with `coppice up`, or name another cluster with --kubeconfig.';
  }
  return isNotFound(error) ? '\nSee `coppice get -A` for the appliances of all namespaces.' : '';
}
