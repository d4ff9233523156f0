/** What `doctor` shows: the providers that are here, what each allows, and what follows where one does not. Starts no server. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { explainConnectError, readFacts } from './admin.js';
import { isUrl, parseConnectionUrl, redactUrl } from './connection-url.js';
import { findNatives, usableNatives } from './natives.js';
import { resolveChoice } from './open.js';
import { unprivilegedUser } from './run-as.js';
import { type ProviderChoice, ProviderError, type ProviderKind } from './server.js';
import { imageName, loadTestcontainers, requireEngine } from './testcontainers.js';

/** What `doctor` says about one way to a PostgreSQL. */
export interface ProviderReport {
  readonly kind: ProviderKind;
  readonly available: boolean;
  /** Null where it is not known before a server is started. */
  readonly version: string | null;
  /** Where it comes from; or what is wrong, and the next command. */
  readonly detail: string;
  readonly allows: {
    readonly freezeWaiters: boolean;
    readonly chooseDeadlockVictim: boolean;
    readonly createDatabases: boolean;
  };
  /** What cannot be done with it. */
  readonly consequences: readonly string[];
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
  return Promise.all([
    orUnavailable('embedded', inspectEmbedded),
    orUnavailable('testcontainers', () => inspectTestcontainers(environment)),
    ...(isUrl(chosen) ? [orUnavailable('url', () => inspectUrl(chosen, environment))] : []),
  ]);
}

async function inspectEmbedded(): Promise<ProviderReport> {
  const user = unprivilegedUser();
  const natives = usableNatives(findNatives(), user);
  const said = readVersion(join(natives.directory, 'bin', 'postgres'));
  const asWhom = user === null ? '' : `, run as the user "${user.name}" since root may not`;
  return report('embedded', said, `binaries from npm, ${natives.packageVersion}${asWhom}`, true, true);
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
  return report('testcontainers', null, `a container engine answers; image ${imageName(environment)}`, false, true);
}

async function inspectUrl(url: string, environment: NodeJS.ProcessEnv): Promise<ProviderReport> {
  const connection = parseConnectionUrl(url, environment);
  const facts = await readFacts(connection).catch((error: unknown) => {
    throw explainConnectError(error, connection);
  });
  const where = `${redactUrl(url)}, role "${facts.role}"${facts.isSuperuser ? ' (superuser)' : ''}`;
  return report('url', facts.version, where, false, facts.canSetDeadlockTimeout, facts.canCreateDatabases && !facts.isInRecovery);
}

function report(
  kind: ProviderKind,
  version: string | null,
  detail: string,
  freezeWaiters: boolean,
  chooseDeadlockVictim: boolean,
  createDatabases = true,
): ProviderReport {
  const consequences: string[] = [];
  if (!createDatabases)
    consequences.push('it cannot be used: everything happens in databases of our own. As a superuser: ALTER ROLE ... CREATEDB');
  if (!freezeWaiters) {
    consequences.push(
      "waiters cannot be frozen: where one commit frees several, who goes first is the server's choice, and such schedules are counted as racy",
    );
  }
  if (!chooseDeadlockVictim) {
    consequences.push("the victim of a deadlock is the server's choice. As a superuser: GRANT SET ON PARAMETER deadlock_timeout TO ...");
  }
  return {
    kind,
    available: createDatabases,
    version,
    detail,
    allows: { freezeWaiters, chooseDeadlockVictim, createDatabases },
    consequences,
  };
}

async function orUnavailable(kind: ProviderKind, inspectProvider: () => Promise<ProviderReport>): Promise<ProviderReport> {
  try {
    return await inspectProvider();
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const allows = { freezeWaiters: false, chooseDeadlockVictim: false, createDatabases: false };
    return { kind, available: false, version: null, detail: `${error.message}. ${error.hint}`, allows, consequences: [] };
  }
}
