import { TLSSocket } from 'node:tls';
import { OPERATOR_ORGANIZATION } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';

/** Whose certificate a request came with. */
export type Caller = { readonly kind: 'operator' } | { readonly kind: 'host'; readonly name: string };

const DNS_NAME = /^DNS:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)[.]host[.]coppice$/;

type Certificate = {
  readonly subject?: { readonly O?: string | string[] } | undefined;
  readonly subjectaltname?: string | undefined;
};

/**
 * Who a certificate was issued to: an operator, by its organization; or a host, by the one name `<host>.host.coppice` in it (`hostServerName`).
 * @throws HostError NotAuthorized for a certificate of anybody else
 */
export function callerIn({ subject, subjectaltname = '' }: Certificate): Caller {
  const organizations = [subject?.O ?? []].flat();
  if (organizations.includes(OPERATOR_ORGANIZATION)) return { kind: 'operator' };
  const names = subjectaltname.split(', ').flatMap((each) => DNS_NAME.exec(each)?.[1] ?? []);
  const [name] = names;
  if (name === undefined || names.length > 1) throw hostErrors.notAuthorized(organizations);
  return { kind: 'host', name };
}

/**
 * TLS has verified that the authority issued the certificate; this says to whom. A connection keeps its certificate, so each is read
 * once.
 */
export class Callers {
  readonly #known = new WeakMap<object, Caller>();

  /** @throws HostError NotAuthorized when the certificate is neither an operator's nor a host's */
  of(socket: object): Caller {
    const caller =
      this.#known.get(socket) ?? callerIn(socket instanceof TLSSocket ? socket.getPeerCertificate() : {});
    this.#known.set(socket, caller);
    return caller;
  }

  /** @throws HostError NotAuthorized for everybody but operators */
  requireOperator(socket: object): void {
    if (this.of(socket).kind !== 'operator') throw hostErrors.notAuthorized([]);
  }
}
