import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { hostServerName, OPERATOR_ORGANIZATION } from '../../host/protocol.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { KeyPair } from '../certificates.ts';
import { issueCertificate, signRequest } from '../certificates-on-demand.ts';
import { type Listening, listenAt } from '../listening.ts';
import { type Accounts, applicantOf, JoinError } from './applicant.ts';
import {
  JOIN_PATH,
  type JoinAnswer,
  type JoinRefusal,
  type JoinRequest,
  OPERATOR_SERVER_NAME,
} from './protocol.ts';
import { registerHost, requireHost } from './register.ts';

export interface EnrolmentOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly authority: KeyPair;
  readonly accounts: Accounts;
  readonly client: Pick<KubeClient, 'create' | 'find' | 'patch'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A daemon renews when a third of this is left: ten days are enough to repair an operator. */
const HOST_DAYS = 30;
/** The server's own certificate is made at each start, and its key never leaves the process. */
const SERVER_DAYS = 3650;
const LONGEST_BODY = 64 * 1024;
/** Prefix of the URI in a host's certificate that contains the uid of its Host object. */
const UID = 'urn:uuid:';
const ADDRESS = /^https:\/\/[^\s/]{1,500}$/;

/** Serves the join API: gives certificates to hosts that prove who they are. Every replica does so, not only the leader. */
export async function startEnrolment(options: EnrolmentOptions): Promise<Listening> {
  const { authority, clock, listen, log } = options;
  const { cert, key } = await issueCertificate(authority, {
    commonName: 'coppice-operator',
    dnsNames: [OPERATOR_SERVER_NAME],
    usage: 'server',
    days: SERVER_DAYS,
    now: clock.now(),
  });
  // A client certificate is requested, not required: a host that joins has none yet.
  const tls = { cert, key, ca: authority.cert, requestCert: true, rejectUnauthorized: false };
  const server = createServer(
    { ...tls, minVersion: 'TLSv1.2', requestTimeout: 30_000 },
    (request, response) => {
      answer(options, request, response).catch((error: unknown) => {
        log.error({ err: error }, 'the answer to a host that wants to join could not be sent');
        response.destroy();
      });
    },
  );
  return await listenAt(server, listen, 'https');
}

async function answer(
  options: EnrolmentOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, body: JoinAnswer | JoinRefusal) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  try {
    if (request.method !== 'POST' || request.url !== JOIN_PATH) {
      throw new JoinError(404, `there is only POST ${JOIN_PATH}`);
    }
    send(200, await join(options, request));
  } catch (error) {
    if (!(error instanceof JoinError)) options.log.error({ err: error }, 'a host could not join');
    const status = error instanceof JoinError ? error.status : 500;
    // Internal errors go only to the log, since the caller may be anyone.
    send(status, { error: error instanceof JoinError ? error.message : "see the operator's log" });
  }
}

async function join(options: EnrolmentOptions, request: IncomingMessage): Promise<JoinAnswer> {
  const { authority, clock, log } = options;
  const { csr, address } = parse(await readBody(request));
  const { host, uid } = await admit(options, request, address);
  const certificate = await signRequest(authority, csr, {
    commonName: host,
    dnsNames: [hostServerName(host)],
    uris: [`${UID}${uid}`],
    // As a client certificate it serves only for its own renewal.
    usage: 'both',
    days: HOST_DAYS,
    now: clock.now(),
  }).catch(() => {
    throw new JoinError(400, 'csr is not a certificate signing request, or is not signed with its own key');
  });
  log.info({ host, address }, 'a host has a new certificate');
  return { host, certificate, ca: authority.cert };
}

/** Identifies the host: by a token, and then it is registered; or by its certificate, if the Host in it is still registered. */
async function admit(
  { accounts, client }: EnrolmentOptions,
  request: IncomingMessage,
  address: string,
): Promise<{ readonly host: string; readonly uid: string }> {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token !== undefined) {
    const applicant = await applicantOf(client, accounts, token);
    return { host: applicant.host, uid: await registerHost(client, applicant, address) };
  }
  const certified = certifiedHost(request);
  if (certified === undefined) {
    throw new JoinError(
      401,
      'the request has neither a token nor a valid client certificate: join with the token of `coppice host add`',
    );
  }
  return { host: certified.host, uid: await requireHost(client, certified) };
}

/** The host in the caller's verified client certificate, and the uid in it, which certificates of older releases lack. */
function certifiedHost({
  socket,
}: IncomingMessage): { readonly host: string; readonly uid: string | undefined } | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject, subjectaltname = '' } = socket.getPeerCertificate();
  if ([subject.O ?? []].flat().includes(OPERATOR_ORGANIZATION)) return undefined;
  const uri = subjectaltname.split(', ').find((name) => name.startsWith(`URI:${UID}`));
  return { host: String(subject.CN), uid: uri?.slice(`URI:${UID}`.length) };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LONGEST_BODY) throw new JoinError(413, `a request has at most ${LONGEST_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(body: string): JoinRequest {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new JoinError(400, 'the request is not JSON');
  }
  const { csr, address } = (value ?? {}) as Partial<Record<keyof JoinRequest, unknown>>;
  if (typeof csr !== 'string') throw new JoinError(400, 'csr is missing');
  if (typeof address !== 'string' || !ADDRESS.test(address)) {
    throw new JoinError(400, 'address must be where the daemon listens, such as https://10.0.0.5:7444');
  }
  return { csr, address };
}
