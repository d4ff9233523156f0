import { fileURLToPath } from 'node:url';
import type { PostgresServer } from '../engine/postgres/providers/server.js';
import { after } from '../engine/postgres/waiting.js';
import type { Verdict } from '../verdict.js';

/**
 * Whose affair it is: an actor that depends on more than its replies, a server that is gone, a worker process that is gone, code or
 * SQL of the scenario's own, or a defect of lastseat.
 */
export type FailureKind = 'nondeterminism' | 'server' | 'worker' | 'scenario' | 'defect';

/** Why something could not be done: no verdict. Plain JSON, since it comes from worker processes. */
export interface FailureReport {
  readonly kind: FailureKind;
  readonly message: string;
  /** The usual cause and the next command. */
  readonly hint: string;
  /** Where it was thrown; only what is of use to whoever has to mend it. */
  readonly trace: readonly string[];
}

/** Why a job could not be done, as an error. */
export class CrewError extends Error {
  override readonly name = 'CrewError';
  readonly report: FailureReport;

  constructor(report: FailureReport) {
    super(report.message);
    this.report = report;
  }
}

/** What becomes of the scenario. */
export const VERDICT_OF_FAILURE: Readonly<Record<FailureKind, Verdict>> = {
  nondeterminism: 'racy',
  server: 'inconclusive',
  worker: 'error',
  scenario: 'error',
  defect: 'error',
};

/** A server that takes longer than this to say that it is there counts as gone. */
const PROBE_MS = 5_000;

/** Looks into what was thrown while a scenario ran. `server`: the one that it ran on, its waiters thawed. */
export async function explainFailure(error: unknown, scenario: string, server: PostgresServer | null): Promise<FailureReport> {
  if (error instanceof CrewError) return error.report;
  const { name, message, code, frames } = parts(error);
  if (name === 'NondeterminismError')
    return {
      kind: 'nondeterminism',
      message: `uncontrolled nondeterminism: ${message}`,
      hint: "Usual cause: Math.random, Date.now or a variable outside of the operation, instead of the context's random and clock",
      trace: [],
    };
  if (name === 'ScenarioError') {
    const cause = parts((error as Error).cause);
    return {
      kind: 'scenario',
      message: `${scenario}: ${message}`,
      hint: hintFor(message),
      trace: cause.frames.filter((frame) => whoseIs(frame) === 'scenario'),
    };
  }
  if (server !== null && (isLostConnection(code, message) || !(await answers(server))))
    return {
      kind: 'server',
      message: `the connection to PostgreSQL ${server.version} (${server.kind}) was lost in the middle of the run`,
      hint: 'Usual cause: the server was stopped or restarted, or the system killed it for want of memory (dmesg says so). Next: npm run sim -- doctor, then the same again',
      trace: [],
    };
  // Class 42 is a syntax error, or a name that does not exist; the others are what else a schema or first rows may do wrong. What actors send does not come here: they get such an error as a reply.
  if (/^(0A|22|23|25|2B|3F|42|44|55|P0)/.test(code))
    return {
      kind: 'scenario',
      message: `SQL of ${scenario} fails outside of its operations: ${message}`,
      hint: `Look at its schema, at its first rows ("seed") and at invariants in SQL (SQLSTATE ${code})`,
      trace: [],
    };
  const own = frames.filter((frame) => whoseIs(frame) === 'scenario');
  if (frames.map(whoseIs).find((whose) => whose !== 'library') === 'scenario')
    return {
      kind: 'scenario',
      message: `the code of ${scenario} throws ${name}: ${message}`,
      hint: 'Usual cause: an invariant, a monitor or a witness that did not expect a state that it was shown',
      trace: own,
    };
  return { kind: 'defect', message: `${name}: ${message}`, hint: 'Please report it with the command that was run', trace: frames };
}

/** The usual cause of what {@link ScenarioError} tells, by the part of the scenario that it names first. */
function hintFor(message: string): string {
  if (/^the (monitor|witness)/.test(message)) return 'Usual cause: it did not expect a step, or a state of its own, that it was shown';
  if (message.startsWith('the function "seed"')) return 'First rows: docs/your-own-code.md';
  if (!message.startsWith('the invariant')) return 'What an operation may do: docs/your-own-code.md';
  if (/ must return /.test(message)) return 'What an invariant returns: docs/your-own-code.md';
  return / fails: /.test(message)
    ? 'Usual cause: a slip in the SQL of the invariant. Try it in psql on the schema and the first rows'
    : 'Usual cause: a table or a column that the committed state does not have, or has under another name';
}

function parts(error: unknown): { name: string; message: string; code: string; frames: string[] } {
  if (!(error instanceof Error)) return { name: 'a value that is no Error', message: String(error), code: '', frames: [] };
  const { code } = error as { code?: unknown };
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return { name: error.name, message: error.message, code: typeof code === 'string' ? code : '', frames };
}

const isLostConnection = (code: string, message: string) =>
  /^(57P0[123]|08...|ECONNRESET|ECONNREFUSED|EPIPE)$/.test(code) || /^the connection is lost|^Connection terminated/.test(message);

async function answers(server: PostgresServer): Promise<boolean> {
  const probe = server.createDatabase().then(async (database) => {
    await database.drop();
    return true;
  });
  let enough: () => void = () => undefined;
  const late = new Promise<false>((resolve) => {
    enough = after(PROBE_MS, () => resolve(false));
  });
  try {
    return await Promise.race([probe, late]);
  } catch {
    return false;
  } finally {
    enough();
  }
}

/** The folder that holds `src`: the clone, or the compiled package. */
const HOUSE = fileURLToPath(new URL('../..', import.meta.url));

/** `ours` is lastseat with what it ships; code of a scenario of one's own lies anywhere else. */
function whoseIs(frame: string): 'ours' | 'library' | 'scenario' {
  const path = /(?:\(|at )(?:async )?(?:file:\/\/)?([^()]+?):\d+:\d+\)?$/.exec(frame)?.[1];
  if (path === undefined || path.startsWith('node:')) return 'library';
  if (['src/', 'sim/'].some((folder) => path.startsWith(`${HOUSE}${folder}`))) return 'ours';
  return path.includes('/node_modules/') ? 'library' : 'scenario';
}
