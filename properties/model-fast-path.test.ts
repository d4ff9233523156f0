import { expect, test, vi } from 'vitest';
import { held } from '../src/engine/model/fast-path.js';
import { type Shape, Shapes } from '../src/engine/model/shapes.js';
import { SqlError } from '../src/engine/model/sql-error.js';
import { Suspended } from '../src/engine/suspended.js';

/** pg-mem's answers are held against PostgreSQL's: here two stand-ins of which one may lie. */

interface Plan {
  readonly answer: (input: number) => number;
  readonly fastPath?: { readonly shape: Shape; readonly whole: () => Plan };
}

let schemas = 0;
const freshShapes = () => {
  schemas += 1;
  return new Shapes(`-- ${process.pid} ${schemas}`);
};

const evaluator = { isPostgresUp: false };

function asker(fast: (input: number) => number, right: (input: number) => number, shape = freshShapes().of('SELECT 1', [])) {
  const slow = vi.fn(right);
  const plan: Plan = { answer: fast, fastPath: { shape, whole: () => ({ answer: slow }) } };
  const ask = (input: number) =>
    held<Plan, number>(plan, evaluator, {
      ask: ({ answer }) => answer(input),
      text: String,
      key: () => String(input),
      input: () => `value ${input}`,
    });
  return { ask, slow, shape };
}

test('an answer that differs once gives the shape to PostgreSQL, and the action begins anew', () => {
  const { ask, shape } = asker(
    (input) => (input === 7 ? -7 : input),
    (input) => input,
  );
  expect(ask(1)).toBe(1);
  expect(() => ask(7)).toThrow(Suspended);
  expect(shape.state).toBe('refuted');
  expect(shape.difference).toBe('the fast path: -7; PostgreSQL: 7');
  expect(ask(7)).toBe(7);
});

test('an error that PostgreSQL does not make is a difference, and so is one with another code', () => {
  const fails = (code: string) => () => {
    throw new SqlError(code, 'no');
  };
  for (const right of [() => 1, fails('22012')]) {
    const { ask, shape } = asker(fails('22003'), right);
    expect(() => ask(1)).toThrow(Suspended);
    expect(shape.state).toBe('refuted');
  }
  const { ask, shape } = asker(fails('22003'), fails('22003'));
  expect(() => ask(1)).toThrow(SqlError);
  expect(shape.state).toBe('open');
});

test('each new input is asked of both until there have been enough', () => {
  const { ask, slow, shape } = asker(
    (input) => input,
    (input) => input,
  );
  for (let input = 0; input < 24; input += 1) ask(input);
  ask(3);
  expect(slow).toHaveBeenCalledTimes(24);
  expect(shape.state).toBe('open');
  ask(24);
  expect(shape.state).toBe('verified');
  ask(25);
  expect(slow).toHaveBeenCalledTimes(25);
});

test('a verified shape is asked of both again at powers of two, where PostgreSQL runs anyway', () => {
  const { ask, slow, shape } = asker(
    (input) => (input >= 100 ? -1 : input),
    (input) => input,
  );
  for (let input = 0; input < 90; input += 1) ask(input);
  expect(slow).toHaveBeenCalledTimes(25);
  evaluator.isPostgresUp = true;
  try {
    expect(() => {
      for (let input = 100; input < 200; input += 1) ask(input);
    }).toThrow(Suspended);
  } finally {
    evaluator.isPostgresUp = false;
  }
  expect(shape.state).toBe('refuted');
});

test('what was found out is kept for the next process, refutations too', () => {
  const schema = `-- kept ${process.pid}`;
  const first = new Shapes(schema);
  asker(
    (input) => input,
    (input) => input,
    first.of('SELECT a', []),
  ).ask(1);
  expect(() =>
    asker(
      (input) => -input,
      (input) => input,
      first.of('SELECT b', []),
    ).ask(1),
  ).toThrow(Suspended);
  first.keep();

  const second = new Shapes(schema);
  const { ask, slow } = asker(
    (input) => input,
    (input) => input,
    second.of('SELECT a', []),
  );
  ask(1);
  expect(slow).not.toHaveBeenCalled();
  ask(2);
  expect(slow).toHaveBeenCalledTimes(1);
  expect(second.of('SELECT b', []).state).toBe('refuted');
  expect(second.differences()).toEqual([{ statement: 'SELECT b', difference: 'the fast path: -1; PostgreSQL: 1' }]);
});

test('large numbers and texts that are not plain are shapes of their own', () => {
  const shapes = freshShapes();
  const plain = shapes.of('SELECT $1', [5]);
  expect(shapes.of('SELECT $1', [6])).toBe(plain);
  for (const other of [[5_000_000], [null], ['a'], ['ä'], [new Date(0)]]) expect(shapes.of('SELECT $1', other)).not.toBe(plain);
});
