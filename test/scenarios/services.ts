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

const NOTES = `#!/bin/sh
# Serves on port 8080: /cgi-bin/write?TEXT adds a line to what /cgi-bin/read tells; /cgi-bin/who tells hostname, machine id, network card,
# and how often the service was installed.
[ -f /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
[ -f ./counted ] || { : >./counted; echo once >>"$COPPICE_DATA/installed"; }
echo "$COPPICE_DATA" >/run/notes
mkdir -p /run/web/cgi-bin
cat > /run/web/cgi-bin/write << 'END'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
read -r data </run/notes
echo "$QUERY_STRING" | tr + ' ' >>"$data/notes"
END
cat > /run/web/cgi-bin/read << 'END'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
read -r data </run/notes
cat "$data/notes"
END
cat > /run/web/cgi-bin/who << 'END'
#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
read -r data </run/notes
cat /proc/sys/kernel/hostname /etc/machine-id /sys/class/net/eth0/address
wc -l <"$data/installed"
END
chmod 0755 /run/web/cgi-bin/*
exec httpd -f -p 8080 -h /run/web
`;

/** A VM that keeps what it is given, on its own disk. */
export function notes(change: WrittenService = {}): WrittenService {
  return {
    name: 'notes',
    template: { name: 'commands' },
    resources: RESOURCES,
    network: { pool: 'lan' },
    package: { inline: { files: { notes: NOTES } } },
    parameters: { command: ['./notes'] },
    ...change,
  };
}
