import type { WrittenService } from '../e2e/tasks.ts';

const RESOURCES = { cpu: '50m', memory: '128Mi' } as const;

/** What `web` serves. */
export const TEXT = 'grown\n';

/** A site of one page. */
export function web(change: WrittenService = {}): WrittenService {
  return {
    name: 'web',
    template: { name: 'site' },
    resources: RESOURCES,
    network: { pool: 'lan' },
    package: { inline: { files: { 'index.html': TEXT } } },
    ...change,
  };
}

/** Debian's busybox breaks on `wget -T`; the test's own limit ends what hangs. */
const PEER = `#!/bin/sh
# Serves on port 8080: /cgi-bin/fetch?ADDRESS is what this VM itself fetches there, /cgi-bin/panic ends its kernel.
rm -rf /run/peer
mkdir -p /run/peer/cgi-bin
cat > /run/peer/cgi-bin/fetch << 'END'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
exec wget -q -O - "http://$QUERY_STRING/"
END
cat > /run/peer/cgi-bin/panic << 'END'
#!/bin/sh
echo c > /proc/sysrq-trigger
END
chmod 0755 /run/peer/cgi-bin/*
exec httpd -f -p 8080 -h /run/peer
`;

/** A VM that looks at other VMs. */
export function peer(): WrittenService {
  return {
    name: 'peer',
    template: { name: 'commands' },
    resources: RESOURCES,
    network: { pool: 'lan' },
    package: { inline: { files: { peer: PEER } } },
    parameters: { command: ['./peer'] },
  };
}
