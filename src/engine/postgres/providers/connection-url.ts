/** A `postgres://` URL as a user writes it, and what may be shown of it. */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { inspect } from 'node:util';
import { type Connection, ProviderError } from './server.js';

/** Parameters that say nothing about which server, role or database is meant, nor about how its sessions behave. */
const IGNORED = [
  'application_name',
  'fallback_application_name',
  'connect_timeout',
  'target_session_attrs',
  'channel_binding',
  'gssencmode',
];

const EXAMPLE = 'For example: postgres://user:password@localhost:5432/postgres, or postgres:///postgres?host=/run/postgresql';

/** A connection that does not tell its password when it is printed or turned into JSON. Copies made by spreading do. */
class PrivateConnection implements Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  readonly ssl?: NonNullable<Connection['ssl']>;

  constructor(parts: Connection) {
    this.host = parts.host;
    this.port = parts.port;
    this.user = parts.user;
    this.database = parts.database;
    if (parts.password !== undefined) this.password = parts.password;
    if (parts.ssl !== undefined) this.ssl = parts.ssl;
  }

  toJSON(): object {
    return {
      host: this.host,
      port: this.port,
      user: this.user,
      database: this.database,
      ssl: this.ssl !== undefined && this.ssl !== false,
    };
  }

  [inspect.custom](): string {
    return `postgres://${this.user}@${this.host}:${this.port}/${this.database}`;
  }
}

/** Whether a choice of provider is meant as a URL, well-formed or not. */
export function isUrl(choice: string): boolean {
  return /^postgres(ql)?:\/\//.test(choice);
}

/**
 * What libpq understands of such URLs, but for several hosts and `options`. What is missing comes from PGUSER and PGPASSWORD, else
 * from the usual defaults. Throws `ProviderError`; no message shows any part of a URL that could not be taken apart.
 */
export function parseConnectionUrl(text: string, environment: NodeJS.ProcessEnv = process.env): Connection {
  const url = toUrl(text);
  const parameters = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (!KNOWN.has(name)) throw badUrl(`its parameter "${/^\w{1,30}$/.test(name) ? name : '...'}" is not understood`);
    parameters.set(name, value);
  }
  const part = (name: string, value: string): string => parameters.get(name) ?? decode(value, name);
  const host = part('host', url.hostname.replace(/^\[|\]$/g, '')) || 'localhost';
  const user = part('user', url.username) || environment.PGUSER || userInfo().username;
  const password = part('password', url.password) || environment.PGPASSWORD;
  return new PrivateConnection({
    host: checkHost(host),
    port: checkPort(part('port', url.port) || '5432'),
    user,
    ...(password === undefined || password === '' ? {} : { password }),
    database: part('dbname', url.pathname.slice(1)) || user,
    ssl: readSsl(parameters.get('sslmode') ?? 'prefer', parameters.get('sslrootcert')),
  });
}

const KNOWN = new Set(['host', 'port', 'user', 'password', 'dbname', 'sslmode', 'sslrootcert', ...IGNORED]);

/** The URL as it may be shown and written to files: without its password, wherever in it that stands. */
export function redactUrl(text: string): string {
  try {
    const connection = parseConnectionUrl(text, {});
    const user = encodeURIComponent(connection.user);
    const database = encodeURIComponent(connection.database);
    const host = connection.host.includes(':') ? `[${connection.host}]` : connection.host;
    if (!host.startsWith('/')) return `postgres://${user}@${host}:${connection.port}/${database}`;
    const port = connection.port === 5432 ? '' : `&port=${connection.port}`;
    return `postgres://${user}@/${database}?host=${host}${port}`;
  } catch {
    return 'postgres://...';
  }
}

function toUrl(text: string): URL {
  if (!isUrl(text)) throw badUrl('it does not start with postgres:// or postgresql://');
  // The parser for URLs in general knows no empty host beside a user.
  const full = text.replace(/^postgres(?:ql)?:\/\/([^/?#]*@)?(?=[/?#:]|$)/, 'postgres://$1localhost');
  if (/^postgres(?:ql)?:\/\/[^/?#]*,/.test(full.replace(/\/\/[^/?#]*@/, '//'))) throw badUrl('it names several hosts');
  try {
    return new URL(full);
  } catch {
    // The error that is dropped here holds the whole URL.
    throw badUrl('it cannot be taken apart');
  }
}

function decode(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badUrl(`its ${name} holds a % that is no percent-encoding (write %25)`);
  }
}

function checkHost(host: string): string {
  if (host.includes(',')) throw badUrl('it names several hosts');
  return host;
}

function checkPort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw badUrl('its port is not a number from 1 to 65535');
  return port;
}

/** `prefer` and `allow` are unencrypted, since the driver cannot fall back; as in libpq `require` encrypts without checking whom it talks to. */
function readSsl(mode: string, rootCertificate: string | undefined): NonNullable<Connection['ssl']> {
  const trusted = rootCertificate === undefined ? {} : { ca: readCertificate(rootCertificate) };
  switch (mode) {
    case 'disable':
    case 'allow':
    case 'prefer':
      return false;
    case 'no-verify':
    case 'require':
      return { rejectUnauthorized: false };
    case 'verify-ca':
      return { ...trusted, checkServerIdentity: () => undefined };
    case 'verify-full':
      return trusted;
  }
  throw badUrl('its sslmode is none of disable, allow, prefer, require, verify-ca, verify-full');
}

function readCertificate(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw badUrl('the file that its sslrootcert names cannot be read');
  }
}

function badUrl(problem: string): ProviderError {
  return new ProviderError(
    `the PostgreSQL URL cannot be used: ${problem}`,
    `${EXAMPLE}. Special characters in a password are percent-encoded (@ is %40)`,
  );
}
