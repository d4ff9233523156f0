import { createHash } from 'node:crypto';
import type { Plan } from '../plan/plan.js';
import type { IsolationLevel } from '../scenario.js';
import type { Choice } from './choice.js';

/** Everything that a replay needs: the plan, the order, what each step was, and what came of it. */
export interface Recording {
  readonly plan: Plan;
  readonly schedule: readonly Choice[];
  /** One of four characters for every step; see `stepHash`. */
  readonly hashes: readonly string[];
  /** The invariant and resource that were violated; null for a run without violation. */
  readonly violation: { readonly invariant: string; readonly resource: string } | null;
}

/** A token that was cut, mistyped or made by another version. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

const LEVELS: readonly IsolationLevel[] = ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'];
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const MAX_ACTORS = DIGITS.length * DIGITS.length;

/** `ls1.` + JSON in base64url + `.` + six characters of its SHA-256. Not compressed: compressors differ from version to version. */
export function encodeToken(recording: Recording): string {
  const { plan, schedule, hashes, violation } = recording;
  const json = JSON.stringify([
    plan.scenario,
    plan.workload,
    LEVELS.indexOf(plan.isolation),
    plan.capacity,
    plan.actors.map((actor) => [actor.name, actor.operation, actor.input]),
    plan.seed,
    encodeSchedule(schedule, plan.actors.length),
    hashes.join(''),
    violation === null ? 0 : [violation.invariant, violation.resource],
  ]);
  const body = Buffer.from(json, 'utf8').toString('base64url');
  return `ls1.${body}.${checksum(body)}`;
}

/** The recording in a token. Throws {@link TokenError}, with the usual cause, for a token that is damaged or not ours. */
export function decodeToken(token: string): Recording {
  const [version, body, sum, ...rest] = token.trim().split('.');
  if (version === undefined || !/^ls\d+$/.test(version)) throw new TokenError('this is no replay token: one begins with "ls1."');
  if (version !== 'ls1') throw new TokenError(`this token has format ${version}; this version of lastseat reads ls1`);
  if (body === undefined || sum === undefined || rest.length > 0)
    throw new TokenError('this token is not whole: it has three parts, ls1.BODY.CHECKSUM');
  if (checksum(body) !== sum)
    throw new TokenError('this token is damaged: its checksum does not match (was it cut off, or wrapped by a mail program?)');
  return readBody(body);
}

function readBody(body: string): Recording {
  try {
    const [scenario, workload, level, capacity, actors, seed, order, hashes, violation] = JSON.parse(
      Buffer.from(body, 'base64url').toString('utf8'),
    ) as [string, string, number, number, [string, string, unknown][], string, string, string, 0 | [string, string]];
    const plan: Plan = {
      scenario,
      workload,
      isolation: LEVELS[level]!,
      capacity,
      actors: actors.map(([name, operation, input]) => ({ name, operation, input })),
      seed,
    };
    return {
      plan,
      schedule: decodeSchedule(order, actors.length),
      hashes: hashes.match(/.{4}/g) ?? [],
      violation: violation === 0 ? null : { invariant: violation[0], resource: violation[1] },
    };
  } catch {
    throw new TokenError('this token is damaged: its checksum is right, and its content cannot be read');
  }
}

const checksum = (body: string) => createHash('sha256').update(body).digest('base64url').slice(0, 6);

/** One character an actor, two from 36 actors on; `!` before a deadlock's victim. */
function encodeSchedule(schedule: readonly Choice[], actors: number): string {
  if (actors > MAX_ACTORS) throw new TokenError(`a token holds ${MAX_ACTORS} actors at the most`);
  const wide = actors > DIGITS.length;
  const digit = (actor: number) => (wide ? DIGITS[Math.floor(actor / DIGITS.length)]! : '') + DIGITS[actor % DIGITS.length]!;
  return schedule.map((choice) => `${choice.kind === 'victim' ? '!' : ''}${digit(choice.actor)}`).join('');
}

function decodeSchedule(text: string, actors: number): Choice[] {
  const wide = actors > DIGITS.length;
  return (text.match(wide ? /!?[0-9a-z]{2}/g : /!?[0-9a-z]/g) ?? []).map((entry) => {
    const digits = entry.replace('!', '');
    const actor = [...digits].reduce((value, digit) => value * DIGITS.length + DIGITS.indexOf(digit), 0);
    if (actor >= actors) throw new TokenError('the schedule names an actor that the plan does not have');
    return { actor, kind: entry.startsWith('!') ? 'victim' : 'step' };
  });
}
