import { createHash } from 'node:crypto';
import { type Fault, isFault } from '../plan/fault.js';
import type { Plan } from '../plan/plan.js';
import type { IsolationLevel } from '../scenario.js';
import { type Choice, MARKS, NOBODY } from './choice.js';

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
const HASH_LENGTH = 4;
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
    // Absent where there are none: a token of such a plan is what it was before there were faults.
    ...(plan.faults === undefined ? [] : [plan.faults]),
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
  const content = parse(body);
  if (!isContent(content)) throw new TokenError('this token is damaged: its checksum is right, and its content cannot be read');
  const [scenario, workload, level, capacity, actors, seed, order, hashes, violation, faults] = content;
  const plan: Plan = {
    scenario,
    workload,
    isolation: LEVELS[level]!,
    capacity,
    actors: actors.map(([name, operation, input]) => ({ name, operation, input })),
    seed,
    ...(faults === undefined ? {} : { faults }),
  };
  const schedule = decodeSchedule(order, actors.length);
  if (hashes.length !== HASH_LENGTH * schedule.length)
    throw new TokenError(`this token is damaged: it has ${schedule.length} steps, and hashes of ${hashes.length / HASH_LENGTH}`);
  return {
    plan,
    schedule,
    hashes: schedule.map((_, step) => hashes.slice(HASH_LENGTH * step, HASH_LENGTH * (step + 1))),
    violation: violation === 0 ? null : { invariant: violation[0], resource: violation[1] },
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
}

type Content = [
  scenario: string,
  workload: string,
  level: number,
  capacity: number,
  actors: [name: string, operation: string, input: unknown][],
  seed: string,
  order: string,
  hashes: string,
  violation: 0 | [invariant: string, resource: string],
  faults?: readonly Fault[],
];

/** Whoever makes tokens can make the checksum too: what is in one is looked at like any other input. */
function isContent(value: unknown): value is Content {
  if (!Array.isArray(value) || value.length < 9 || value.length > 10) return false;
  const [scenario, workload, level, capacity, actors, seed, order, hashes, violation, faults] = value as unknown[];
  return (
    [scenario, workload, seed, order, hashes].every((part) => typeof part === 'string') &&
    Number.isSafeInteger(level) &&
    LEVELS[level as number] !== undefined &&
    Number.isSafeInteger(capacity) &&
    Array.isArray(actors) &&
    actors.every((actor) => Array.isArray(actor) && actor.length === 3 && areTexts(actor.slice(0, 2), 2)) &&
    (violation === 0 || areTexts(violation, 2)) &&
    (value.length === 9 || (Array.isArray(faults) && faults.length > 0 && faults.every(isFault)))
  );
}

const areTexts = (value: unknown, count: number): boolean =>
  Array.isArray(value) && value.length === count && value.every((part) => typeof part === 'string');

const checksum = (body: string) => createHash('sha256').update(body).digest('base64url').slice(0, 6);

/**
 * One character an actor, two from 36 actors on, behind the mark of what happens: `!` of a deadlock's victim, `?` of a serialization failure. A
 * tick of the clock, a crash and a cache that goes down are a mark alone.
 */
function encodeSchedule(schedule: readonly Choice[], actors: number): string {
  if (actors > MAX_ACTORS) throw new TokenError(`a token holds ${MAX_ACTORS} actors at the most`);
  const wide = actors > DIGITS.length;
  const digit = (actor: number) => (wide ? DIGITS[Math.floor(actor / DIGITS.length)]! : '') + DIGITS[actor % DIGITS.length]!;
  return schedule.map(({ actor, kind }) => `${MARKS[kind]}${actor === NOBODY ? '' : digit(actor)}`).join('');
}

const KINDS = new Map(Object.entries(MARKS).map(([kind, mark]) => [mark, kind as Choice['kind']]));

function decodeSchedule(text: string, actors: number): Choice[] {
  const entries = [...text.matchAll(actors > DIGITS.length ? /([+#&])|([-!?~*/^%=]?)([0-9a-z]{2})/g : /([+#&])|([-!?~*/^%=]?)([0-9a-z])/g)];
  if (entries.map(([entry]) => entry).join('') !== text) throw new TokenError('this token is damaged: its schedule cannot be read');
  return entries.map(([, alone, mark = '', digits = '']): Choice => {
    if (alone !== undefined) return { actor: NOBODY, kind: KINDS.get(alone)! };
    const actor = [...digits].reduce((value, digit) => value * DIGITS.length + DIGITS.indexOf(digit), 0);
    if (actor >= actors) throw new TokenError('this token is damaged: its schedule names an actor that its plan does not have');
    return { actor, kind: KINDS.get(mark)! };
  });
}
