import type { Probe, ServiceRequest } from './types.ts';

/** A service that redirects answers; one that refuses or fails does not. */
const SERVICE_ANSWERS_BELOW = 400;
const EXEC_TIMEOUT_SECONDS = 10;

/** An HTTP GET at the container's port, which a working service answers. */
export function httpServiceProbe({ container }: ServiceRequest, path: string, port = container.port): Probe {
  const scheme = container.scheme ?? 'http';
  return { kind: 'http', port, path, scheme, expectStatusBelow: SERVICE_ANSWERS_BELOW };
}

/** The probe that P gives instead of the builder's own; undefined when P has none. */
export function requestedProbe(request: ServiceRequest): Probe | undefined {
  const { probe } = request.parameters;
  switch (probe?.kind) {
    case undefined:
      return undefined;
    case 'http':
      return httpServiceProbe(request, probe.path, probe.port);
    case 'tcp':
      return { kind: 'tcp', port: probe.port ?? request.container.port };
    case 'exec':
      return { kind: 'exec', argv: probe.command, timeoutSeconds: EXEC_TIMEOUT_SECONDS };
  }
}
