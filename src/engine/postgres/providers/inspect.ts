/** What `doctor` shows: the providers that are here, what each allows, and what follows where one does not. Starts no server. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { explainConnectError, readFacts, requireUsable } from './admin.js';
import { isUrl, parseConnectionUrl, redactUrl } from './connection-url.js';
import { limitationsOf } from './limitations.js';
import { findNatives, usableNatives } from './natives.js';
import { resolveChoice } from './open.js';
import { unprivilegedUser } from './run-as.js';
import { type PostgresServer, type ProviderChoice, ProviderError, type ProviderKind } from './server.js';
import { imageName, loadTestcontainers, requireEngine } from './testcontainers.js';

/** What `doctor` says about one way to a PostgreSQL. */
export interface ProviderReport {
  readonly kind: ProviderKind;
  readonly available: boolean;
  /** A run with this choice has it. */
  readonly used: boolean;
  /** Null where it is not known before a server is started. */
  readonly version: string | null;
  /** Where it comes from, or what is wrong. */
  readonly detail: string;
  /** The usual cause of what is wrong, and the next command; null where nothing is. */
  readonly hint: string | null;
  readonly allows: {
    readonly freezeWaiters: boolean;
    readonly chooseDeadlockVictim: boolean;
  };
  /** What cannot be done with it. */
  readonly limitations: readonly string[];
}

export interface InspectOptions {
  /** As for `openServer`; default `auto`. A URL is inspected only where this or LASTSEAT_POSTGRES names one. */
  readonly choice?: ProviderChoice;
  readonly environment?: NodeJS.ProcessEnv;
}

/** Looks at every way to a PostgreSQL that there may be here, and starts none. What does not work is told in its report, not thrown. */
export async function inspectProviders(options: InspectOptions = {}): Promise<ProviderReport[]> {
  const environment = options.environment ?? process.env;
  const chosen = resolveChoice(options.choice ?? 'auto', environment);
  const reports = await Promise.all([
    orUnavailable('embedded', inspectEmbedded),
    orUnavailable('testcontainers', () => inspectTestcontainers(environment)),
    ...(isUrl(chosen) ? [orUnavailable('url', () => inspectUrl(chosen, environment))] : []),
  ]);
  const named = isUrl(chosen) ? 'url' : chosen;
  const used = reports.find(({ kind, available }) => available && (named === 'auto' || named === kind));
  return reports.map((report) => ({ ...report, used: report === used }));
}

async function inspectEmbedded(): Promise<ProviderReport> {
  const user = unprivilegedUser();
  const natives = usableNatives(findNatives(), user);
  const said = readVersion(join(natives.directory, 'bin', 'postgres'));
  const asWhom = user === null ? '' : `, run as the user "${user.name}" since root may not`;
  const detail = `binaries from npm, ${natives.packageVersion}${asWhom}`;
  return report('embedded', said, detail, { canFreeze: true, canSetDeadlockTimeout: true }, 'postgres');
}

/** Running it shows that its libraries are there too. */
function readVersion(program: string): string {
  try {
    const text = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { LC_ALL: 'C' } });
    return text.trim().split(' ').at(-1) ?? text;
  } catch {
    throw new ProviderError(
      'its binaries cannot run on this system',
      'They need glibc (not Alpine) and this processor: use --postgres URL',
    );
  }
}

async function inspectTestcontainers(environment: NodeJS.ProcessEnv): Promise<ProviderReport> {
  await requireEngine(await loadTestcontainers());
  const detail = `a container engine answers; image ${imageName(environment)}`;
  return report('testcontainers', null, detail, { canFreeze: false, canSetDeadlockTimeout: true }, 'postgres');
}

async function inspectUrl(url: string, environment: NodeJS.ProcessEnv): Promise<ProviderReport> {
  const connection = parseConnectionUrl(url, environment);
  const facts = await readFacts(connection).catch((error: unknown) => {
    throw explainConnectError(error, connection);
  });
  requireUsable(facts);
  const where = `${redactUrl(url)}, role "${facts.role}"${facts.isSuperuser ? ' (superuser)' : ''}`;
  return report('url', facts.version, where, { canFreeze: false, canSetDeadlockTimeout: facts.canSetDeadlockTimeout }, facts.role);
}

function report(
  kind: ProviderKind,
  version: string | null,
  detail: string,
  server: Pick<PostgresServer, 'canFreeze' | 'canSetDeadlockTimeout'>,
  role: string,
): ProviderReport {
  const allows = { freezeWaiters: server.canFreeze, chooseDeadlockVictim: server.canSetDeadlockTimeout };
  return { kind, available: true, used: false, version, detail, hint: null, allows, limitations: limitationsOf(server, role) };
}

async function orUnavailable(kind: ProviderKind, inspectProvider: () => Promise<ProviderReport>): Promise<ProviderReport> {
  try {
    return await inspectProvider();
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const allows = { freezeWaiters: false, chooseDeadlockVictim: false };
    return { kind, available: false, used: false, version: null, detail: error.message, hint: error.hint, allows, limitations: [] };
  }
}
