/** Reading specifications, and the orders of their steps. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSpecification } from '../src/spec/parse.js';
import { Permutations } from '../src/spec/permutations.js';
import type { SpecSession } from '../src/spec/specification.js';
import { SpecSyntaxError } from '../src/spec/syntax-error.js';
import { isolationTesterReads } from './isolationtester.js';

describe('a specification', () => {
  const text = `# setups, a teardown
setup { CREATE TABLE t (id int); }
setup
{
  INSERT INTO t VALUES (1);
}
teardown { DROP TABLE t; }
session s1 setup { BEGIN; } step one {   COMMIT;\t } teardown { ROLLBACK; }
session "the ""other"" one" # quoted
step "setup" { SELECT 1; }
step two{SELECT 2}
permutation one "setup"(*) two(one, "setup" notices 3)
permutation two
`;
  const specification = parseSpecification(text.replace('two(one, "setup" notices 3)', 'two(one, one notices 3)'));

  test('has setups, a teardown, sessions with setup, steps and teardown', () => {
    expect(specification.setups).toEqual(['CREATE TABLE t (id int);', '\n  INSERT INTO t VALUES (1);\n']);
    expect(specification.teardown).toBe('DROP TABLE t;');
    expect(specification.sessions).toEqual([
      { name: 's1', setup: 'BEGIN;', steps: [{ name: 'one', sql: 'COMMIT;', session: 0 }], teardown: 'ROLLBACK;' },
      {
        name: 'the "other" one',
        setup: null,
        steps: [
          { name: 'setup', sql: 'SELECT 1;', session: 1 },
          { name: 'two', sql: 'SELECT 2', session: 1 },
        ],
        teardown: null,
      },
    ]);
  });

  test('has permutations with markers', () => {
    const [one, setup, two] = specification.sessions.flatMap((session) => session.steps);
    expect(specification.permutations).toEqual([
      [
        { step: one, markers: [] },
        { step: setup, markers: [{ kind: 'waiting-at-first' }] },
        {
          step: two,
          markers: [
            { kind: 'after-step', step: one },
            { kind: 'after-notices', step: one, count: 3 },
          ],
        },
      ],
      [{ step: two, markers: [] }],
    ]);
  });

  test('tells which steps no permutation names', () => {
    expect(specification.unused).toEqual([]);
    const session = 'session s step a { } step b { } step c { }';
    expect(parseSpecification(`${session} permutation b`).unused).toEqual(['a', 'c']);
    expect(parseSpecification(session).unused).toEqual([]);
  });
});

const session = 'session s\nstep a { SELECT 1; }\n';
/** Text, place, message. */
const BAD: readonly (readonly [string, string, string])[] = [
  ['', '1:1', 'expected "session", found the end of the file'],
  ['\n\nsetup\nteardown { }', '4:1', 'expected { SQL } for setup, found keyword "teardown"'],
  ['teardown { } \n  setup { }', '2:3', 'expected "session", found keyword "setup"'],
  ['session s setup { }', '1:20', 'expected "step", found the end of the file'],
  ['session s step step { }', '1:16', 'expected a name for the step, found keyword "step"'],
  ['session s step a SELECT', '1:18', 'expected { SQL } for step a, found name "SELECT"'],
  ['session s\n  step a { SELECT 1;', '2:10', 'this { is never closed'],
  ['session "s\nstep a { }', '1:9', 'this quoted name is never closed'],
  [`session s step a { SELECT '{"a": 1}'; }`, '1:36', `unexpected character "'"`],
  ['session s step a { }\n-- comment', '2:1', 'unexpected character "-"'],
  [`${session}session t\nstep a { }`, '4:6', 'there is a step called "a" already'],
  [`${session}permutation`, '3:12', 'expected the name of a step, found the end of the file'],
  [`${session}permutation a b`, '3:15', 'there is no step called "b"'],
  [`${session}permutation a step c { }`, '3:15', 'expected "permutation" or the end, found keyword "step"'],
  [`${session}permutation a(`, '3:15', 'expected "*" or the name of a step, found the end of the file'],
  [`${session}permutation a(* a)`, '3:17', 'expected "," or ")", found name "a"'],
  [`${session}session t step b { } permutation b(a notices) a`, '3:45', 'expected a number of notices, found ")"'],
  [`${session}permutation a(a)`, '3:15', 'step "a" cannot wait for a step of its own session'],
  [`${session}session t step b { } permutation b(a)`, '3:36', 'step "a" is not in this permutation'],
];

describe('what is no specification is refused where it stops being one', () => {
  test.each(BAD)('%j', async (text, place, message) => {
    const error = (() => {
      try {
        return parseSpecification(text);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(SpecSyntaxError);
    const { position, message: said, hint } = error as SpecSyntaxError;
    expect([`${position.line}:${position.column}`, said]).toEqual([place, message]);
    expect(hint).not.toBe('');
    // isolationtester refuses it too, and not for want of a server.
    const tester = await isolationTesterReads(text);
    expect(tester.exitCode).toBe(1);
    expect(tester.stderr).not.toContain('Connection');
  });
});

describe('all orders of the steps', () => {
  const sessionsOf = (counts: readonly number[]): SpecSession[] =>
    counts.map((count, session) => ({
      name: `s${session}`,
      setup: null,
      teardown: null,
      steps: Array.from({ length: count }, (_, step) => ({ name: `${session}${step}`, sql: '', session })),
    }));
  const counts = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 });
  const namesOf = (permutations: Permutations) => permutations.current!.map(({ step }) => step.name);

  test('come once each, in order, with every session’s own steps in theirs', () => {
    fc.assert(
      fc.property(counts, (lengths) => {
        const permutations = new Permutations(sessionsOf(lengths));
        const seen: string[] = [];
        for (; permutations.current !== null; permutations.advance()) {
          const names = namesOf(permutations);
          lengths.forEach((length, session) => {
            const own = names.filter((name) => name.startsWith(String(session)));
            expect(own).toEqual(Array.from({ length }, (_, step) => `${session}${step}`));
          });
          seen.push(names.join());
        }
        expect([...new Set(seen)].sort()).toEqual(seen);
        expect(BigInt(seen.length)).toBe(permutations.total);
      }),
      { seed: 3 },
    );
  });

  test('that begin in the same way can be left out, and are counted', () => {
    fc.assert(
      fc.property(counts, fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 100, maxLength: 100 }), (lengths, draws) => {
        const permutations = new Permutations(sessionsOf(lengths));
        let counted = 0n;
        for (let draw = 0; permutations.current !== null; draw += 1) {
          const names = namesOf(permutations);
          const kept = Math.min(draws[draw % draws.length]!, names.length);
          counted += permutations.leave(kept);
          if (permutations.current !== null) expect(namesOf(permutations).slice(0, kept)).not.toEqual(names.slice(0, kept));
        }
        expect(counted).toBe(permutations.total);
      }),
      { seed: 4 },
    );
  });

  test('are as many as the multinomial coefficient says', () => {
    expect(new Permutations(sessionsOf([5, 5, 5])).total).toBe(756_756n);
    expect(new Permutations(sessionsOf([3, 3])).total).toBe(20n);
  });
});
