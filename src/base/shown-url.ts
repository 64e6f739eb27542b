/** In place of what is no URL: it may contain a secret at any place. */
const UNREADABLE = 'an address that is not a valid URL';

/**
 * How messages, conditions, Events and logs show an address: its scheme, host and path. User, password, query and fragment may hold
 * what only its author knows, such as the signature of a link, and others read the messages.
 */
export function shownUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? URL.parse(url) : url;
  if (parsed === null) return UNREADABLE;
  const { protocol, host, pathname } = parsed;
  // As it was written: `https://10.0.0.5:7443` has no path.
  if (pathname === '/' && !pathOf(String(url)).endsWith('/')) return `${protocol}//${host}`;
  // What follows the scheme of, for example, a data: URL is its content.
  return pathname.startsWith('/') ? `${protocol}//${host}${pathname}` : `${protocol}…`;
}

/** Whether the address names a user or a password. */
export function hasUserinfo(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.username !== '' || parsed.password !== '');
}

/** The path of a request's target, without its query. */
export function pathOf(target: string): string {
  return target.split(/[?#]/, 1)[0] ?? '';
}
