import type { GuestAction, PackageFacts } from '../../domain/services/types.ts';
import type { DesiredPackage } from '../../host/protocol.ts';
import type { Guest } from '../guest/guest.ts';

/** The content of a service's package, as the host holds it. */
export type PackageContent =
  | { readonly kind: 'none' }
  | { readonly kind: 'archive'; readonly path: string; readonly fileName: string }
  | { readonly kind: 'files'; readonly files: Readonly<Record<string, Uint8Array>> };

/** How plans of the builders become deeds: through the guest's agent. */
export interface GuestWork {
  /** What the builder has to know of a package: its format, size, and its own description. */
  describe(content: PackageContent): Promise<PackageFacts>;
  /** Carries the actions out in their order; each may be repeated after a crash. */
  run(
    guest: Guest,
    actions: readonly GuestAction[],
    content: PackageContent,
    signal: AbortSignal,
  ): Promise<void>;
}

/** The name a package's file has at its source; its format is told by it. */
export function packageFileName(desired: Extract<DesiredPackage, { kind: 'archive' }>): string {
  const last = new URL(desired.url).pathname.split('/').findLast((part) => part !== '') ?? '';
  const safe = decodeLeniently(last)
    .replaceAll(/[^-._a-zA-Z0-9]/g, '_')
    .replace(/^\.+/, '');
  return safe === '' ? 'package' : safe;
}

function decodeLeniently(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    // A stray per cent sign is no reason to refuse a package.
    if (error instanceof URIError) return part;
    throw error;
  }
}
