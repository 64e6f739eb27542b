import { Agent, buildConnector, type Dispatcher, interceptors, ProxyAgent } from 'undici';

/**
 * Everything with which Coppice asks other HTTP servers. No request may use the process's global dispatcher, as `fetch` and undici's
 * functions do: whoever loads first sets it, so that it may be the undici inside Node, of which an assertion that nobody can catch
 * ends the process when a connection ends while the reader of its answer is slow. scripts/http-client.test.ts holds the rule.
 */
export { Agent, buildConnector, type Dispatcher, ProxyAgent };

type Options = Omit<Dispatcher.RequestOptions, 'origin' | 'path' | 'method'> & {
  readonly method?: Dispatcher.HttpMethod;
};

/** Resolves with the answer when its headers have arrived, whatever its status. A user and password in the URL are not sent. */
export function send(
  dispatcher: Dispatcher,
  url: string | URL,
  { method = 'GET', ...options }: Options,
): Promise<Dispatcher.ResponseData> {
  const { origin, pathname, search } = new URL(url);
  return dispatcher.request({ ...options, method, origin, path: pathname + search });
}

/** As `send`, over a connection of its own, which ends with the answer's body: read the body, or destroy it. */
export async function sendAlone(
  url: string | URL,
  options: Options,
  connection: Agent.Options = {},
): Promise<Dispatcher.ResponseData> {
  const agent = new Agent(connection);
  try {
    const answer = await send(agent, url, options);
    answer.body.once('close', () => void agent.destroy());
    return answer;
  } catch (error) {
    await agent.destroy();
    throw error;
  }
}

/** What a page says to somebody who opens it, redirects followed. */
export async function readPage(
  url: string,
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly isGood: boolean; readonly text: string }> {
  const agent = new Agent();
  try {
    const { statusCode, body } = await send(
      agent.compose(interceptors.redirect({ maxRedirections: 20 })),
      url,
      {
        signal,
      },
    );
    const text = await body.text();
    return { status: statusCode, isGood: statusCode >= 200 && statusCode < 300, text };
  } finally {
    await agent.destroy();
  }
}
