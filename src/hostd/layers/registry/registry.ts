import { createHash } from 'node:crypto';
import { isRecord } from '../../../base/json.ts';
import { hasUserinfo } from '../../../base/shown-url.ts';
import { hostErrors } from '../../errors/index.ts';
import { followRedirects, type OpenSource, openHttp } from '../source.ts';
import { MANIFEST_TYPES } from './image-manifest.ts';
import { type ImageReference, readReference } from './reference.ts';

/** The specification asks registries to accept manifests of this size. */
const MANIFEST_BYTES = 4 * 1024 * 1024;
const TOKEN_BYTES = 64 * 1024;

/**
 * A repository of a registry, as anybody may read it: where the registry asks for a token, one is got without a login.
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md
 */
export class Repository {
  readonly #url: string;
  readonly #reference: ImageReference;
  readonly #signal: AbortSignal;
  #token: string | undefined;

  constructor(url: string, signal: AbortSignal) {
    this.#url = url;
    this.#reference = readReference(url);
    this.#signal = signal;
  }

  /** A manifest, whose digest is checked. Rejects with `DigestMismatch`, `RegistryRefused` or `SourceUnreachable`. */
  async manifest(sha256: string): Promise<string> {
    const body = await this.#manifest(`sha256:${sha256}`);
    const actual = createHash('sha256').update(body).digest('hex');
    if (actual !== sha256) throw hostErrors.digestMismatch(this.#url, sha256, actual, false);
    return body.toString();
  }

  /** The digest of the manifest that the tag names now. Rejects with `RegistryRefused` or `SourceUnreachable`. */
  async currentDigest(): Promise<string> {
    const body = await this.#manifest(this.#reference.tag);
    return createHash('sha256').update(body).digest('hex');
  }

  /** Opens a blob at an offset, or at its beginning if the registry has no ranges. Asked after a manifest, which got the token. */
  blob(sha256: string, offset: number): Promise<OpenSource> {
    return openHttp(this.#address('blobs', `sha256:${sha256}`), offset, this.#signal, (to) =>
      this.#authorization(to),
    );
  }

  async #manifest(name: string): Promise<Buffer> {
    const { status, body } = await this.#read(this.#address('manifests', name), MANIFEST_BYTES);
    if (status === 404) throw hostErrors.manifestMissing(this.#url, name);
    if (status !== 200) throw hostErrors.registryAnswer(this.#url, `answered with HTTP status ${status}`);
    return body;
  }

  #address(what: 'manifests' | 'blobs', name: string): string {
    const { registry, repository } = this.#reference;
    return `${registry}/v2/${repository}/${what}/${name}`;
  }

  /** The token is for the registry alone, not for where it sends those who want a blob. */
  #authorization(address: string): Readonly<Record<string, string>> {
    const isRegistry = new URL(address).origin === new URL(this.#reference.registry).origin;
    return isRegistry && this.#token !== undefined ? { authorization: `Bearer ${this.#token}` } : {};
  }

  async #read(address: string, limit: number) {
    const first = await this.#ask(address, limit);
    if (first.status !== 401 || this.#token !== undefined) return first;
    this.#token = await this.#newToken(first.challenge);
    return await this.#ask(address, limit);
  }

  async #ask(address: string, limit: number) {
    const accept = { accept: MANIFEST_TYPES.join(', ') };
    const { response } = await followRedirects(address, this.#signal, (to) => ({
      ...this.#authorization(to),
      ...accept,
    }));
    const body = await this.#bodyOf(response.body, limit);
    const challenge = String(response.headers['www-authenticate'] ?? '');
    return { status: response.statusCode, challenge, body };
  }

  async #newToken(challenge: string): Promise<string> {
    const { response } = await followRedirects(this.#tokenAddress(challenge), this.#signal, () => ({}));
    const body = await this.#bodyOf(response.body, TOKEN_BYTES);
    const token = response.statusCode === 200 ? tokenIn(body.toString()) : undefined;
    if (token !== undefined) return token;
    throw hostErrors.registryAnswer(
      this.#url,
      `gave nobody without a login a token (HTTP status ${response.statusCode})`,
    );
  }

  /** Where its challenge sends for a token. A registry with a certificate must not send us to a server without. */
  #tokenAddress(challenge: string): string {
    const fields = bearerFields(challenge);
    const realm = URL.parse(fields?.get('realm') ?? '');
    const schemes = this.#reference.registry.startsWith('https:') ? ['https:'] : ['https:', 'http:'];
    if (realm === null || !schemes.includes(realm.protocol) || hasUserinfo(realm.href)) {
      throw hostErrors.registryAnswer(this.#url, 'wants a login in a way that is not supported');
    }
    const service = fields?.get('service');
    if (service !== undefined) realm.searchParams.set('service', service);
    realm.searchParams.set('scope', `repository:${this.#reference.repository}:pull`);
    return realm.href;
  }

  async #bodyOf(stream: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const chunk of stream) {
        bytes += chunk.length;
        if (bytes > limit) break;
        chunks.push(chunk);
      }
    } catch (error) {
      this.#signal.throwIfAborted();
      throw hostErrors.unreachable(this.#url, error);
    }
    if (bytes > limit) throw hostErrors.registryAnswer(this.#url, `answered with more than ${limit} bytes`);
    return Buffer.concat(chunks);
  }
}

/** https://datatracker.ietf.org/doc/html/rfc6750#section-3 */
function bearerFields(challenge: string): ReadonlyMap<string, string> | undefined {
  const scheme = 'bearer ';
  if (!challenge.toLowerCase().startsWith(scheme)) return undefined;
  // Names before, and values within, quotation marks.
  const parts = challenge.slice(scheme.length).split('"');
  const fields = new Map<string, string>();
  for (let at = 0; at + 1 < parts.length; at += 2) {
    fields.set((parts[at] ?? '').replaceAll(/[\s,=]/g, '').toLowerCase(), parts[at + 1] ?? '');
  }
  return fields;
}

function tokenIn(text: string): string | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { token, access_token: other } = isRecord(answer) ? answer : {};
  const found = typeof token === 'string' ? token : other;
  // It goes into a header.
  return typeof found === 'string' && /^[\x21-\x7e]+$/.test(found) ? found : undefined;
}
